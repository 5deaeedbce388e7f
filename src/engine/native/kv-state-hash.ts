import { createHash } from 'node:crypto';
import { Buffer } from 'node:buffer';

const LANES = 8;
const LANE_BYTES = 4;

/**
 * Digest of a set of key-value pairs that can follow single changes: the sum of the sha256 of each pair, in eight lanes of 32 bits.
 * Equal sets have equal digests whatever the order they came about in. It tells accidents and bugs, not forgers.
 */
export class KvStateHash {
  private constructor(private readonly lanes: Uint32Array) {}

  static empty(): KvStateHash {
    return new KvStateHash(new Uint32Array(LANES));
  }

  /** @throws {RangeError} When the text is no digest. */
  static parse(hex: string): KvStateHash {
    if (!/^[0-9a-f]{64}$/.test(hex)) throw new RangeError(`state hash ${hex.slice(0, 80)} is not 64 hex digits`);
    const bytes = Buffer.from(hex, 'hex');
    return new KvStateHash(Uint32Array.from({ length: LANES }, (_, lane) => bytes.readUInt32BE(lane * LANE_BYTES)));
  }

  add(key: Uint8Array, value: Uint8Array, revision: number): void {
    const digest = pairDigest(key, value, revision);
    for (let lane = 0; lane < LANES; lane++) this.lanes[lane] = (this.lanes[lane] ?? 0) + digest.readUInt32BE(lane * LANE_BYTES);
  }

  remove(key: Uint8Array, value: Uint8Array, revision: number): void {
    const digest = pairDigest(key, value, revision);
    for (let lane = 0; lane < LANES; lane++) this.lanes[lane] = (this.lanes[lane] ?? 0) - digest.readUInt32BE(lane * LANE_BYTES);
  }

  toString(): string {
    return [...this.lanes].map((lane) => lane.toString(16).padStart(2 * LANE_BYTES, '0')).join('');
  }
}

/** sha256 of: u32 key length, key, u64 revision, value. The length keeps key and value apart. */
function pairDigest(key: Uint8Array, value: Uint8Array, revision: number): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32BE(key.length, 0);
  head.writeUInt32BE(Math.floor(revision / 2 ** 32), 4);
  head.writeUInt32BE(revision % 2 ** 32, 8);
  return createHash('sha256').update(head).update(key).update(value).digest();
}
