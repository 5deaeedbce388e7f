import { ByteBuilder, ByteCursor } from './byte-cursor.ts';
import { expectVersion, KV_MAX_KEY_BYTES, KV_MAX_VALUE_BYTES, kvKey, readKvFound, writeKvFound, type KvFound } from './kv-command.ts';
import { MAX_PLACE_BYTES } from './kv-record.ts';

/** Most pairs of one range answer. */
export const KV_MAX_RANGE_ITEMS = 1024;
/** A range answer ends after the pair that passes this many bytes. */
export const KV_MAX_RANGE_BYTES = 1024 * 1024;

const VERSION = 1;
const QUERIES = { get: 1, range: 2 } as const;
const ANSWERS = { value: 1, range: 2, bad: 3 } as const;
const EVENTS = { put: 1, delete: 2, lost: 3 } as const;
const MAX_REASON_BYTES = 1024;
// A continuation names a place in the store. No place is longer, and the store cannot look for a longer one.
const MAX_CONTINUATION_BYTES = MAX_PLACE_BYTES;

/** A question to the kv state machine. `continuation` is what the last range answer gave, null for the first. */
export type KvQuery =
  | { readonly kind: 'get'; readonly key: Uint8Array }
  | { readonly kind: 'range'; readonly prefix: Uint8Array; readonly limit: number; readonly continuation: Uint8Array | null };

export interface KvPair extends KvFound {
  readonly key: Uint8Array;
}

/** The answer. A range with a `continuation` goes on: ask again with it. */
export type KvAnswer =
  | { readonly kind: 'value'; readonly found: KvFound | null }
  | { readonly kind: 'range'; readonly pairs: readonly KvPair[]; readonly continuation: Uint8Array | null }
  | { readonly kind: 'bad'; readonly reason: string };

/** Which changes to tell: keys with the prefix, from this revision on; null: from now on. */
export interface KvWatch {
  readonly prefix: Uint8Array;
  readonly fromRevision: number | null;
}

/** A change. `lost`: the state was replaced as a whole at `revision` and the watch has ended: read anew, then watch from there. */
export type KvEvent =
  | { readonly kind: 'put'; readonly key: Uint8Array; readonly value: Uint8Array; readonly revision: number }
  | { readonly kind: 'delete'; readonly key: Uint8Array; readonly revision: number }
  | { readonly kind: 'lost'; readonly revision: number };

export function encodeKvQuery(query: KvQuery): Uint8Array {
  const out = new ByteBuilder().u8(VERSION).u8(QUERIES[query.kind]);
  if (query.kind === 'get') return out.bytes(query.key).build();
  out.bytes(query.prefix).u32(query.limit).u8(query.continuation === null ? 0 : 1);
  return query.continuation === null ? out.build() : out.bytes(query.continuation).build();
}

/** @throws {RangeError} When the bytes are no query. */
export function decodeKvQuery(bytes: Uint8Array): KvQuery {
  const from = new ByteCursor(bytes);
  expectVersion(from);
  const kind = from.u8();
  if (kind === QUERIES.get) {
    const key = kvKey(from);
    from.end();
    return { kind: 'get', key };
  }
  if (kind !== QUERIES.range) throw new RangeError(`unknown kv query ${kind}`);
  const prefix = from.bytes(KV_MAX_KEY_BYTES);
  const limit = from.u32();
  const continuation = from.u8() === 0 ? null : from.bytes(MAX_CONTINUATION_BYTES);
  from.end();
  return { kind: 'range', prefix, limit, continuation };
}

export function encodeKvAnswer(answer: KvAnswer): Uint8Array {
  const out = new ByteBuilder().u8(VERSION).u8(ANSWERS[answer.kind]);
  switch (answer.kind) {
    case 'value':
      return writeKvFound(out, answer.found).build();
    case 'range':
      out.u32(answer.pairs.length);
      for (const pair of answer.pairs) out.bytes(pair.key).u64(pair.revision).bytes(pair.value);
      out.u8(answer.continuation === null ? 0 : 1);
      return answer.continuation === null ? out.build() : out.bytes(answer.continuation).build();
    case 'bad':
      return out.text(answer.reason.slice(0, MAX_REASON_BYTES / 4)).build();
  }
}

/** @throws {RangeError} When the bytes are no answer. */
export function decodeKvAnswer(bytes: Uint8Array): KvAnswer {
  const from = new ByteCursor(bytes);
  expectVersion(from);
  const kind = from.u8();
  const answer = ((): KvAnswer => {
    switch (kind) {
      case ANSWERS.value:
        return { kind: 'value', found: readKvFound(from) };
      case ANSWERS.range:
        return readRange(from);
      case ANSWERS.bad:
        return { kind: 'bad', reason: from.text(MAX_REASON_BYTES) };
      default:
        throw new RangeError(`unknown kv answer ${kind}`);
    }
  })();
  from.end();
  return answer;
}

function readRange(from: ByteCursor): KvAnswer {
  const count = from.u32();
  if (count > KV_MAX_RANGE_ITEMS) throw new RangeError(`${count} pairs in one answer, limit ${KV_MAX_RANGE_ITEMS}`);
  const pairs: KvPair[] = [];
  for (let i = 0; i < count; i++) {
    const key = kvKey(from);
    const revision = from.u64();
    pairs.push({ key, revision, value: from.bytes(KV_MAX_VALUE_BYTES) });
  }
  return { kind: 'range', pairs, continuation: from.u8() === 0 ? null : from.bytes(MAX_CONTINUATION_BYTES) };
}

export function encodeKvWatch(watch: KvWatch): Uint8Array {
  const out = new ByteBuilder().u8(VERSION).bytes(watch.prefix).u8(watch.fromRevision === null ? 0 : 1);
  return watch.fromRevision === null ? out.build() : out.u64(watch.fromRevision).build();
}

/** @throws {RangeError} When the bytes ask for no watch. */
export function decodeKvWatch(bytes: Uint8Array): KvWatch {
  const from = new ByteCursor(bytes);
  expectVersion(from);
  const prefix = from.bytes(KV_MAX_KEY_BYTES);
  const fromRevision = from.u8() === 0 ? null : from.u64();
  from.end();
  return { prefix, fromRevision };
}

export function encodeKvEvent(event: KvEvent): Uint8Array {
  const out = new ByteBuilder().u8(VERSION).u8(EVENTS[event.kind]).u64(event.revision);
  if (event.kind !== 'lost') out.bytes(event.key);
  return event.kind === 'put' ? out.bytes(event.value).build() : out.build();
}

/** @throws {RangeError} When the bytes are no event. */
export function decodeKvEvent(bytes: Uint8Array): KvEvent {
  const from = new ByteCursor(bytes);
  expectVersion(from);
  const kind = from.u8();
  const revision = from.u64();
  const event = ((): KvEvent => {
    switch (kind) {
      case EVENTS.put: {
        const key = kvKey(from);
        return { kind: 'put', key, value: from.bytes(KV_MAX_VALUE_BYTES), revision };
      }
      case EVENTS.delete:
        return { kind: 'delete', key: kvKey(from), revision };
      case EVENTS.lost:
        return { kind: 'lost', revision };
      default:
        throw new RangeError(`unknown kv event ${kind}`);
    }
  })();
  from.end();
  return event;
}
