import type { KvEvent } from '../../engine/native/kv-query.ts';
import { escapeBytes } from '../escape.ts';
import { showDuration } from '../measure.ts';
import { showValueBytes } from '../value-words.ts';
import type { Style } from './style.ts';

/** An answered `kv get`: the value alone into a pipe; on a terminal also how fresh it is. */
export function* kvGetLines(read: { value: Uint8Array | null; revision: number | null; level: string; index: number; leaderContactMs: number | null }, style: Style): Generator<string> {
  if (read.value !== null) yield showValueBytes(read.value);
  if (!style.terminal) return;
  const contact = read.leaderContactMs === null ? '' : `, leader heard ${showDuration(read.leaderContactMs)} ago`;
  yield style.dim(`  ${read.revision === null ? 'no such key' : `revision ${read.revision}`}  ${read.level} at ${read.index}${contact}`);
}

/** One line for a write that took place. */
export function kvWrittenLine(what: string, key: Uint8Array, revision: number, note: string, style: Style): string {
  return `${style.good('OK')}  ${what} ${escapeBytes(key)}  revision ${revision}${note === '' ? '' : `  ${style.dim(note)}`}`;
}

/** One change of a watch. */
export function kvEventLine(event: Exclude<KvEvent, { kind: 'lost' }>, style: Style): string {
  const value = event.kind === 'put' ? ` = ${showValueBytes(event.value)}` : '';
  return `${style.dim(String(event.revision).padStart(8))}  ${event.kind === 'put' ? 'put   ' : style.caution('delete')}  ${escapeBytes(event.key)}${value}`;
}
