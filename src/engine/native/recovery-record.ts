import { encodeConfiguration, type Configuration } from '../core/configuration.ts';
import type { LogIndex, LogPosition, MemberId } from '../core/types.ts';
import type { Decoded } from './decoded.ts';
import { FieldError, Fields, parseFields } from './json-fields.ts';
import { frameJson, readJson } from './named-records.ts';
import { MAX_ID_BYTES } from './position-records.ts';

/** Recoveries that a store remembers; a cluster that needed more has other troubles. */
export const MAX_RECOVERIES = 16;
const MAX_FACTS = 64;
const MAX_FACT_BYTES = 512;
const MAX_STATEMENT_BYTES = 2048;
const MAX_WORD_BYTES = 64;

/** One member of one lineage. */
export interface LineageMember {
  readonly clusterId: string;
  readonly generation: number;
  readonly memberId: MemberId;
}

/** What a forced recovery says of itself: in the entry it appends, and in the record `recoveries` that outlives that entry. */
export interface RecoveryMark {
  readonly planId: string;
  /** RFC 3339, UTC: when the plan was made. */
  readonly at: string;
  readonly from: LineageMember;
  readonly to: LineageMember;
  /** Label of the disk it was made of. */
  readonly source: string;
  /** Highest index proven committed then. */
  readonly floor: LogIndex;
  /** Last entry of the old lineage, and the last one that was kept of it. */
  readonly last: LogPosition;
  readonly kept: LogPosition;
  /** `loss.verdict` and `loss.proof` of the pick, and its sentence. */
  readonly verdict: string;
  readonly proof: string;
  readonly statement: string;
  /** What the operator said he knows. */
  readonly facts: readonly string[];
}

/**
 * Payload of the entry that begins a new lineage: a configuration (the source alone, under its new id), and the mark beside it. To a
 * reader of configurations it is one like any other.
 */
export function encodeRecoveryEntry(configuration: Configuration, mark: RecoveryMark): Uint8Array {
  const fields = JSON.parse(Buffer.from(encodeConfiguration(configuration)).toString('utf8')) as object;
  return Uint8Array.from(Buffer.from(JSON.stringify({ ...fields, recovery: markToJson(mark) })));
}

/** The mark of a configuration entry's payload; null when it is no recovery, or what it says cannot be read. */
export function recoveryOf(payload: Uint8Array): RecoveryMark | null {
  try {
    const fields = parseFields(payload, 'entry');
    return fields.has('recovery') ? markFromJson(fields.fields('recovery')) : null;
  } catch (error) {
    if (error instanceof FieldError) return null;
    throw error;
  }
}

/** Recoveries (type 32): `{"recoveries":[...]}`, newest first, at most sixteen. */
export function encodeRecoveries(marks: readonly RecoveryMark[]): Buffer {
  const record = frameJson('recoveries', { recoveries: marks.slice(0, MAX_RECOVERIES).map(markToJson) });
  const check = decodeRecoveries(record);
  if (!check.ok) throw new RangeError(check.problem);
  return record;
}

export function decodeRecoveries(bytes: Uint8Array): Decoded<readonly RecoveryMark[]> {
  return readJson('recoveries', bytes, (fields) => fields.list('recoveries', MAX_RECOVERIES).map((one) => markFromJson(new Fields(one, 'recovery'))));
}

/** Cuts texts that came from outside to what a record takes. */
export function boundedMark(mark: RecoveryMark): RecoveryMark {
  return { ...mark, source: cut(mark.source, MAX_ID_BYTES), statement: cut(mark.statement, MAX_STATEMENT_BYTES), facts: mark.facts.slice(0, MAX_FACTS).map((one) => cut(one, MAX_FACT_BYTES)) };
}

function cut(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  // Cut inside a character, the rest decodes to replacement characters: they go too.
  return Buffer.from(text).subarray(0, maxBytes - 3).toString('utf8').replace(/\uFFFD+$/u, '');
}

function markToJson(mark: RecoveryMark): object {
  const { planId, at, from, to, source, floor, last, kept, verdict, proof, statement, facts } = mark;
  return { planId, at, from: memberToJson(from), to: memberToJson(to), source, floor, last: positionToJson(last), kept: positionToJson(kept), verdict, proof, statement, facts: [...facts] };
}

function memberToJson({ clusterId, generation, memberId }: LineageMember): object {
  return { clusterId, generation, memberId };
}

function positionToJson({ term, index }: LogPosition): object {
  return { term, index };
}

function markFromJson(fields: Fields): RecoveryMark {
  const word = (name: string): string => fields.text(name, { maxBytes: MAX_WORD_BYTES });
  const mark: RecoveryMark = {
    planId: word('planId'),
    at: word('at'),
    from: memberFromJson(fields.fields('from')),
    to: memberFromJson(fields.fields('to')),
    source: fields.text('source', { maxBytes: MAX_ID_BYTES }),
    floor: fields.counter('floor'),
    last: positionFromJson(fields.fields('last')),
    kept: positionFromJson(fields.fields('kept')),
    verdict: word('verdict'),
    proof: word('proof'),
    statement: fields.text('statement', { maxBytes: MAX_STATEMENT_BYTES, mayBeEmpty: true }),
    facts: fields.list('facts', MAX_FACTS).map(factFromJson),
  };
  fields.end();
  return mark;
}

function factFromJson(value: unknown): string {
  if (typeof value === 'string' && Buffer.byteLength(value) <= MAX_FACT_BYTES) return value;
  throw new FieldError('recovery: a fact is no text, or too long');
}

function memberFromJson(fields: Fields): LineageMember {
  const member = { clusterId: fields.text('clusterId', { maxBytes: MAX_ID_BYTES }), generation: fields.counter('generation'), memberId: fields.text('memberId', { maxBytes: MAX_ID_BYTES }) };
  fields.end();
  return member;
}

function positionFromJson(fields: Fields): LogPosition {
  const position = { term: fields.counter('term'), index: fields.counter('index') };
  fields.end();
  return position;
}
