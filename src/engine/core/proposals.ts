import { appendEntries } from './entries.ts';
import type { Entry } from './entry.ts';
import type { Input } from './input.ts';
import { bytesBetween } from './log.ts';
import { refusal, type Outbox } from './outbox.ts';
import type { Refusal } from './ready.ts';
import { replicateToAll } from './replication.ts';
import type { RaftState } from './state.ts';

/** Counted for each uncommitted entry beside its payload, so that empty commands are bounded too. */
const ENTRY_OVERHEAD_BYTES = 64;

/** Appends what clients ask for; one batch becomes one write. */
export function onPropose(state: RaftState, input: Extract<Input, { kind: 'propose' }>, out: Outbox): RaftState {
  const refused = refuseAll(state);
  if (refused !== null) {
    for (const { id } of input.proposals) out.proposals.push({ id, kind: 'refused', refusal: refused });
    return state;
  }
  const { last } = state.log;
  const entries: Entry[] = [];
  // What the own disk lacks is held in memory, also when the others have committed it: a hanging disk must not fill it.
  const floor = Math.min(state.commit, state.disk.durable);
  let uncommitted = bytesBetween(state.log, floor + 1, last + 1) + (last - floor) * ENTRY_OVERHEAD_BYTES;
  for (const { id, kind, payload } of input.proposals) {
    const bytes = payload.length + ENTRY_OVERHEAD_BYTES;
    // With nothing uncommitted even the largest command goes: refusing it would be for ever.
    if (uncommitted > 0 && uncommitted + bytes > state.settings.maxUncommittedBytes) {
      out.proposals.push({ id, kind: 'refused', refusal: refusal(state, 'overloaded', `${uncommitted} bytes wait to be committed already`) });
      continue;
    }
    uncommitted += bytes;
    const index = last + 1 + entries.length;
    entries.push({ index, term: state.term, kind, wallClockMs: input.wallClockMs, payload });
    out.proposals.push({ id, kind: 'accepted', value: { index, term: state.term } });
  }
  return entries.length === 0 ? state : replicateToAll(appendEntries(state, entries, out), out);
}

function refuseAll(state: RaftState): Refusal | null {
  if (state.leading === null) return state.isRemoved ? refusal(state, 'removed', 'this member was removed from the cluster') : refusal(state, 'not-leader', 'only the leader appends');
  return state.leading.transfer === null ? null : refusal(state, 'transferring', 'leadership is being handed over');
}
