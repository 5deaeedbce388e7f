import type { PartCounter, StateContent } from './state-content.ts';

/** Field 1 of a StorageEntry (the key), length-delimited; every entry begins with it. */
const KEY_TAG = 0x0a;

/**
 * Counts Vault's state.bin (vault physical/raft/snapshot.go, types.proto): uvarint length and a `StorageEntry`, until the
 * end. Values are encrypted by the barrier, so they are stepped over.
 */
export class StorageEntryCounter implements PartCounter {
  private remaining = 0;
  private length = 0;
  private lengthBytes = 0;
  private atKey = false;
  private count = 0;
  private offset = 0;
  private entryStart = 0;
  private problem: StateContent['problem'] = null;

  write(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && this.problem === null) {
      if (this.remaining === 0) {
        if (this.lengthBytes === 0) this.entryStart = this.offset + at;
        this.takeLength(chunk[at++] as number);
      } else if (this.atKey) {
        if (chunk[at] !== KEY_TAG) this.refuse('holds an entry without a key');
        this.atKey = false;
      } else {
        const taken = Math.min(this.remaining, chunk.length - at);
        this.remaining -= taken;
        at += taken;
        if (this.remaining === 0) this.count++;
      }
    }
    this.offset += chunk.length;
  }

  end(): StateContent {
    if (this.problem === null && (this.remaining > 0 || this.lengthBytes > 0)) this.refuse('ends inside an entry');
    const parts = [{ type: 'StorageEntry', count: this.count, bytes: this.offset }];
    return { kind: 'vault', parts, lastIndex: null, formatVersion: null, problem: this.problem };
  }

  private takeLength(byte: number): void {
    this.length += (byte & 0x7f) * 2 ** (7 * this.lengthBytes++);
    if (!Number.isSafeInteger(this.length)) return this.refuse('names an impossible entry length');
    if (byte >= 0x80) return;
    if (this.length === 0) return this.refuse('holds an empty entry');
    [this.remaining, this.length, this.lengthBytes, this.atKey] = [this.length, 0, 0, true];
  }

  private refuse(message: string): void {
    this.problem = { byteOffset: this.entryStart, message };
  }
}
