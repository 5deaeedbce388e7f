import { withFields } from './copies.ts';
import { appendEntries, truncateEntries } from './entries.ts';
import type { Entry } from './entry.ts';
import { termAt } from './log.ts';
import type { AppendReply, AppendRequest } from './message.ts';
import { send, sendAfterWrite, type Outbox } from './outbox.ts';
import { describeConflict } from './replication.ts';
import type { RaftState } from './state.ts';

/** Entries from this term's leader (Raft §5.3, Fig. 2). */
export function onAppend(state: RaftState, request: AppendRequest, out: Outbox): RaftState {
  if (!isContiguous(request)) return state;
  const isNews = request.number > state.heardNumber;
  const heard: RaftState = isNews ? withFields(state, { isHeard: true, heardNumber: request.number }) : state;
  const last = request.prev.index + request.entries.length;
  // What is committed equals the leader's log by definition: that part is neither compared nor touched, compacted or not.
  const known = Math.min(Math.max(heard.commit - request.prev.index, 0), request.entries.length);
  const prevIndex = request.prev.index + known;
  if (prevIndex > heard.commit && termAt(heard.log, prevIndex) !== request.prev.term) {
    send(out, reply(heard, request, request.number, describeConflict(heard, prevIndex)));
    return heard;
  }
  const next = request.entries[known];
  // Behind what is committed no term falls: entries that say so are no leader's.
  if (next !== undefined && next.term < (termAt(heard.log, prevIndex) ?? 0)) return heard;
  const stored = storeEntries(heard, request.entries, known, out);
  // Claims what was just verified, never the end of the own log: what lies behind may be an older leader's.
  sendAfterWrite(out, reply(stored, request, request.number, { kind: 'stored', match: last }));
  const verified = Math.max(stored.verified, last);
  return withFields(stored, { verified, commit: Math.max(stored.commit, Math.min(request.commit, last)) });
}

function isContiguous({ prev, entries, term }: AppendRequest): boolean {
  let previous = prev.term;
  for (const [at, entry] of entries.entries()) {
    if (entry.index !== prev.index + 1 + at || entry.term < previous || entry.term > term) return false;
    previous = entry.term;
  }
  return true;
}

/** Skips what is stored already, and truncates only from the first entry whose term differs: a late message must not cut off newer entries. */
function storeEntries(state: RaftState, entries: readonly Entry[], from: number, out: Outbox): RaftState {
  let at = from;
  while (at < entries.length) {
    const entry = entries[at];
    if (entry === undefined || entry.index > state.log.last || termAt(state.log, entry.index) !== entry.term) break;
    at++;
  }
  const first = entries[at];
  if (first === undefined) return state;
  const cut = first.index <= state.log.last ? truncateEntries(state, first.index, out) : state;
  return appendEntries(cut, at === 0 ? entries : entries.slice(at), out);
}

/** Answers a leader of an earlier term. Number 0: this is about none of the messages of a later leadership of that member. */
export function refuseAppend(state: RaftState, request: AppendRequest, out: Outbox): void {
  send(out, reply(state, request, 0, { kind: 'conflict', conflictTerm: null, firstIndex: state.log.last + 1, lastIndex: state.log.last }));
}

function reply(state: RaftState, request: AppendRequest, number: number, result: AppendReply['result']): AppendReply {
  return { kind: 'append-reply', from: state.id, to: request.from, term: state.term, number, incarnation: state.incarnation, result };
}
