import { ByteBuilder, ByteCursor } from './byte-cursor.ts';

/** Longest key in bytes; the shortest is one byte. */
export const KV_MAX_KEY_BYTES = 4096;
/** Longest value in bytes, after an append too. */
export const KV_MAX_VALUE_BYTES = 1024 * 1024;
/** Longest encoded command: two values, a key and heads. */
export const KV_MAX_COMMAND_BYTES = 2 * KV_MAX_VALUE_BYTES + KV_MAX_KEY_BYTES + 64;

const VERSION = 1;
const OPS = { put: 1, delete: 2, cas: 3, append: 4 } as const;
const EXPECTATIONS = { absent: 0, value: 1, revision: 2 } as const;
const STATUSES = { ok: 0, conflict: 1, bad: 2 } as const;
const MAX_REASON_BYTES = 1024;

/** What must hold of the key for a cas to take effect. */
export type KvExpectation =
  | { readonly kind: 'absent' }
  | { readonly kind: 'value'; readonly value: Uint8Array }
  | { readonly kind: 'revision'; readonly revision: number };

/**
 * A change of the kv state machine, as it lies in the log. Encoded, big-endian:
 *
 *     byte 0  version, 1          byte 1  op: 1 put, 2 delete, 3 cas, 4 append
 *     u32 length, key
 *     put, append: u32 length, value
 *     cas: u8 expectation (0 absent, 1 value: u32 length, value, 2 revision: u64); u32 length, new value
 */
export type KvCommand =
  | { readonly op: 'put'; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly op: 'delete'; readonly key: Uint8Array }
  | { readonly op: 'cas'; readonly key: Uint8Array; readonly expected: KvExpectation; readonly value: Uint8Array }
  | { readonly op: 'append'; readonly key: Uint8Array; readonly value: Uint8Array };

/** A key's value and the index of the entry that last wrote it. */
export interface KvFound {
  readonly value: Uint8Array;
  readonly revision: number;
}

/**
 * What a command did. `revision` is its own index; `existed`: the key was there before. A conflict says what is there instead.
 * Encoded: version 1, u8 status; ok: u64 revision, u8 existed; conflict: found; bad: u32 length, reason.
 */
export type KvResult =
  | { readonly status: 'ok'; readonly revision: number; readonly existed: boolean }
  | { readonly status: 'conflict'; readonly found: KvFound | null }
  | { readonly status: 'bad'; readonly reason: string };

/** @throws {RangeError} When key or value break the limits. */
export function encodeKvCommand(command: KvCommand): Uint8Array {
  const reason = kvCommandProblem(command);
  if (reason !== null) throw new RangeError(reason);
  const out = new ByteBuilder().u8(VERSION).u8(OPS[command.op]).bytes(command.key);
  if (command.op === 'delete') return out.build();
  if (command.op === 'cas') {
    out.u8(EXPECTATIONS[command.expected.kind]);
    if (command.expected.kind === 'value') out.bytes(command.expected.value);
    if (command.expected.kind === 'revision') out.u64(command.expected.revision);
  }
  return out.bytes(command.value).build();
}

/** The bytes of a command as values; they are views into `bytes`. @throws {RangeError} When they are no command. */
export function decodeKvCommand(bytes: Uint8Array): KvCommand {
  const from = new ByteCursor(bytes);
  expectVersion(from);
  const op = from.u8();
  const key = kvKey(from);
  const command = ((): KvCommand => {
    switch (op) {
      case OPS.put:
        return { op: 'put', key, value: from.bytes(KV_MAX_VALUE_BYTES) };
      case OPS.delete:
        return { op: 'delete', key };
      case OPS.cas:
        return { op: 'cas', key, expected: readExpectation(from), value: from.bytes(KV_MAX_VALUE_BYTES) };
      case OPS.append:
        return { op: 'append', key, value: from.bytes(KV_MAX_VALUE_BYTES) };
      default:
        throw new RangeError(`unknown kv operation ${op}`);
    }
  })();
  from.end();
  return command;
}

/** Why a command breaks the limits, or null. */
export function kvCommandProblem(command: KvCommand): string | null {
  if (command.key.length < 1 || command.key.length > KV_MAX_KEY_BYTES) return `key of ${command.key.length} bytes, allowed are 1 to ${KV_MAX_KEY_BYTES}`;
  const values = command.op === 'delete' ? [] : command.op === 'cas' && command.expected.kind === 'value' ? [command.value, command.expected.value] : [command.value];
  const long = values.find((value) => value.length > KV_MAX_VALUE_BYTES);
  return long === undefined ? null : `value of ${long.length} bytes, allowed are ${KV_MAX_VALUE_BYTES}`;
}

export function encodeKvResult(result: KvResult): Uint8Array {
  const out = new ByteBuilder().u8(VERSION).u8(STATUSES[result.status]);
  switch (result.status) {
    case 'ok':
      return out.u64(result.revision).u8(result.existed ? 1 : 0).build();
    case 'conflict':
      return writeKvFound(out, result.found).build();
    case 'bad':
      return out.text(result.reason.slice(0, MAX_REASON_BYTES / 4)).build();
  }
}

/** @throws {RangeError} When the bytes are no result. */
export function decodeKvResult(bytes: Uint8Array): KvResult {
  const from = new ByteCursor(bytes);
  expectVersion(from);
  const status = from.u8();
  const result = ((): KvResult => {
    switch (status) {
      case STATUSES.ok:
        return { status: 'ok', revision: from.u64(), existed: from.u8() === 1 };
      case STATUSES.conflict:
        return { status: 'conflict', found: readKvFound(from) };
      case STATUSES.bad:
        return { status: 'bad', reason: from.text(MAX_REASON_BYTES) };
      default:
        throw new RangeError(`unknown kv result ${status}`);
    }
  })();
  from.end();
  return result;
}

/** u8 presence, then u64 revision and the value. */
export function writeKvFound(out: ByteBuilder, found: KvFound | null): ByteBuilder {
  return found === null ? out.u8(0) : out.u8(1).u64(found.revision).bytes(found.value);
}

export function readKvFound(from: ByteCursor): KvFound | null {
  if (from.u8() === 0) return null;
  const revision = from.u64();
  return { revision, value: from.bytes(KV_MAX_VALUE_BYTES) };
}

/** A key within the limits. @throws {RangeError} Outside them. */
export function kvKey(from: ByteCursor): Uint8Array {
  const key = from.bytes(KV_MAX_KEY_BYTES);
  if (key.length === 0) throw new RangeError('a key has at least one byte');
  return key;
}

/** @throws {RangeError} When the first byte is another version. */
export function expectVersion(from: ByteCursor): void {
  const version = from.u8();
  if (version !== VERSION) throw new RangeError(`version ${version} of the kv encoding, known is ${VERSION}`);
}

function readExpectation(from: ByteCursor): KvExpectation {
  const kind = from.u8();
  switch (kind) {
    case EXPECTATIONS.absent:
      return { kind: 'absent' };
    case EXPECTATIONS.value:
      return { kind: 'value', value: from.bytes(KV_MAX_VALUE_BYTES) };
    case EXPECTATIONS.revision:
      return { kind: 'revision', revision: from.u64() };
    default:
      throw new RangeError(`unknown kv expectation ${kind}`);
  }
}
