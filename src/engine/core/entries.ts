import { decodeConfiguration, type PlacedConfiguration } from './configuration.ts';
import { withFields } from './copies.ts';
import type { Entry } from './entry.ts';
import { appendToLog, lastPosition, truncateLog } from './log.ts';
import type { Outbox } from './outbox.ts';
import type { RaftState } from './state.ts';
import type { EntryKind, LogIndex } from './types.ts';

/** Adds entries behind the last. A configuration among them is in force from here on (Ongaro thesis 4.1). */
export function appendEntries(state: RaftState, entries: readonly Entry[], out: Outbox): RaftState {
  let { log } = state;
  let configurations: PlacedConfiguration[] | null = null;
  for (const entry of entries) {
    log = appendToLog(log, entry.term, entry.payload.length);
    if (entry.kind === 'confChange') (configurations ??= [...state.configurations]).push({ index: entry.index, configuration: decodeConfiguration(entry.payload) });
    out.entries.push(entry);
  }
  return withFields(state, { log, configurations: configurations ?? state.configurations });
}

/** Adds an entry of the leader's own. */
export function appendOwn(state: RaftState, kind: EntryKind, payload: Uint8Array, wallClockMs: number, out: Outbox): RaftState {
  return appendEntries(state, [{ index: lastPosition(state.log).index + 1, term: state.term, kind, wallClockMs, payload }], out);
}

/**
 * Drops the entries from `from` on, and the configurations among them: the one before is in force again.
 * @throws {Error} When a committed entry would go (Raft §5.4.3 says this cannot be): the member must stop, not lose it.
 */
export function truncateEntries(state: RaftState, from: LogIndex, out: Outbox): RaftState {
  if (state.role === 'leader') throw new Error(`a leader never truncates its log (Raft §5.3), asked to from ${from}`);
  if (from <= state.commit) throw new Error(`entry ${from} conflicts with a leader's but is committed up to ${state.commit}`);
  const { disk } = state;
  out.truncateFrom = from;
  return withFields(state, {
    log: truncateLog(state.log, from),
    configurations: state.configurations.some((one) => one.index >= from) ? state.configurations.filter((one) => one.index < from) : state.configurations,
    disk: clipDisk(disk, from - 1),
  });
}

/** What was on its way to the disk beyond `last` will be overwritten: its arrival proves nothing any more. */
export function clipDisk(disk: RaftState['disk'], last: LogIndex): RaftState['disk'] {
  if (disk.durable <= last && disk.pending.every((write) => write.last <= last)) return disk;
  return { ...disk, durable: Math.min(disk.durable, last), pending: disk.pending.map((write) => ({ number: write.number, last: Math.min(write.last, last) })) };
}
