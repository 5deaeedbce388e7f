import { withFields } from './copies.ts';
import type { Entry } from './entry.ts';
import { activeConfiguration } from './membership.ts';
import type { Message } from './message.ts';
import type { Ready, Refusal, Step, Write } from './ready.ts';
import type { PendingWrite, RaftState } from './state.ts';
import type { LogIndex, MemberId } from './types.ts';

type Growing<T> = T extends readonly (infer One)[] ? One[] : T;

/** What a step collects while it runs; it lives no longer than the step, so that `step` stays a pure function. */
export interface Outbox {
  readonly messages: Growing<Ready['messages']>;
  readonly appends: Growing<Ready['appends']>;
  readonly messagesAfterWrite: Growing<Ready['messagesAfterWrite']>;
  readonly proposals: Growing<Ready['proposals']>;
  readonly reads: Growing<Ready['reads']>;
  readonly changes: Growing<Ready['changes']>;
  readonly transfers: Growing<Ready['transfers']>;
  readonly snapshotsTo: MemberId[];
  readonly entries: Entry[];
  truncateFrom: LogIndex | null;
  install: Write['install'];
  restore: Ready['restore'];
  dropReceived: boolean;
  /** The hard state goes to disk even when only the commit index moved. */
  storeCommit: boolean;
}

export function newOutbox(): Outbox {
  return {
    messages: [],
    appends: [],
    messagesAfterWrite: [],
    proposals: [],
    reads: [],
    changes: [],
    transfers: [],
    snapshotsTo: [],
    entries: [],
    truncateFrom: null,
    install: null,
    restore: null,
    dropReceived: false,
    storeCommit: false,
  };
}

/** Sends what claims nothing about this member's disk. */
export function send(out: Outbox, message: Message): void {
  out.messages.push(message);
}

/** Sends what claims that something is on this member's disk. */
export function sendAfterWrite(out: Outbox, message: Message): void {
  out.messagesAfterWrite.push(message);
}

export function refusal(state: RaftState, rule: Refusal['rule'], message: string): Refusal {
  return { rule, message, leader: state.leader };
}

/** Ends a step: what must be stored becomes one write, whose number the state remembers. */
export function finish(before: RaftState, after: RaftState, out: Outbox): Step<RaftState> {
  const write = writeOf(after, out);
  const state = write === null ? after : withWrite(after, write);
  const configuration = activeConfiguration(state);
  return {
    state,
    ready: {
      write,
      messages: out.messages,
      appends: out.appends,
      messagesAfterWrite: out.messagesAfterWrite,
      proposals: out.proposals,
      reads: out.reads,
      changes: out.changes,
      transfers: out.transfers,
      snapshotsTo: out.snapshotsTo,
      restore: out.restore,
      dropReceived: out.dropReceived,
      configuration: configuration === activeConfiguration(before) ? null : configuration,
    },
  };
}

function writeOf(state: RaftState, out: Outbox): Write | null {
  const stored = state.disk.hardState;
  const isNeeded =
    out.entries.length > 0 || out.truncateFrom !== null || out.install !== null || state.term !== stored.term || state.vote !== stored.vote || (out.storeCommit && state.commit > stored.commit);
  if (!isNeeded) return null;
  return {
    number: state.disk.lastWrite + 1,
    // Clipped to what this write leaves in the log: a stored commit index beyond the stored log would read as damage.
    hardState: { term: state.term, vote: state.vote, commit: Math.min(state.commit, state.log.last) },
    truncateFrom: out.truncateFrom,
    entries: out.entries,
    install: out.install,
  };
}

function withWrite(state: RaftState, write: Write): RaftState {
  const { disk } = state;
  const pending: readonly PendingWrite[] = write.entries.length > 0 || write.install !== null ? [...disk.pending, { number: write.number, last: state.log.last }] : disk.pending;
  const progressTick = disk.lastWritten === disk.lastWrite ? state.now : disk.progressTick;
  return withFields(state, { disk: { ...disk, lastWrite: write.number, pending, hardState: write.hardState ?? disk.hardState, lastWriteTick: state.now, progressTick } });
}
