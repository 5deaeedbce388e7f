import { ByteBuilder, ByteCursor } from './byte-cursor.ts';
import { crc32c } from './crc32c.ts';
import { StorageDamagedError } from '../ports/damage.ts';

/** Which database holds the pairs, what was applied to them, and their digest. One record, so that a switch is all or nothing. */
export interface StateRecord {
  readonly database: string;
  readonly appliedIndex: number;
  readonly stateHash: string;
}

export const STATE_DATABASE = 'kv-state';
export const STATE_KEY: Uint8Array = new TextEncoder().encode('current');

const VERSION = 1;
const PLAIN = 0;
const CRC_BYTES = 4;
const MAX_TEXT_BYTES = 128;

/** u8 version 1, u8 encryption key 0, u64 applied index, u32 length and database, u32 length and digest, u32 crc32c. */
export function encodeStateRecord(record: StateRecord): Uint8Array {
  const body = new ByteBuilder().u8(VERSION).u8(PLAIN).u64(record.appliedIndex).text(record.database).text(record.stateHash).build();
  return new ByteBuilder().raw(body).u32(crc32c(body)).build();
}

/** @throws {StorageDamagedError} `kv-state`. */
export function decodeStateRecord(bytes: Uint8Array): StateRecord {
  try {
    const body = bytes.subarray(0, Math.max(0, bytes.length - CRC_BYTES));
    if (crc32c(body) !== new ByteCursor(bytes.subarray(body.length)).u32()) throw new RangeError('checksum does not match');
    const from = new ByteCursor(body);
    const [version, encryption] = [from.u8(), from.u8()];
    if (version !== VERSION || encryption !== PLAIN) throw new RangeError(`version ${version}, encryption key ${encryption}`);
    const appliedIndex = from.u64();
    const database = from.text(MAX_TEXT_BYTES);
    const stateHash = from.text(MAX_TEXT_BYTES);
    from.end();
    return { database, appliedIndex, stateHash };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new StorageDamagedError('kv-state', `state/${STATE_DATABASE}, key current`, error.message, { cause: error });
  }
}
