import { advanceCommit } from './commit.ts';
import { withFields } from './copies.ts';
import { onMessage } from './dispatch.ts';
import { countOwnVote } from './election.ts';
import type { Input } from './input.ts';
import { onChange } from './membership.ts';
import { finish, newOutbox, type Outbox } from './outbox.ts';
import { onPropose } from './proposals.ts';
import { onRead } from './reads.ts';
import type { Step } from './ready.ts';
import { onSnapshotReceived, onSnapshotSent, onSnapshotTaken, onTrimmed } from './snapshots.ts';
import type { RaftState } from './state.ts';
import { onTick } from './tick.ts';
import { onTransfer, settleHandover } from './transfer.ts';
import type { LogIndex } from './types.ts';

export { startRaft } from './start.ts';

/**
 * The protocol: what a member knows after an input, and what the world must do for it. Pure: equal arguments give equal results.
 * @throws {Error} When the input shows that a safety property is already broken; the member must stop and read its disk anew.
 */
export function step(state: RaftState, input: Input): Step<RaftState> {
  const out = newOutbox();
  return finish(state, settleHandover(handle(state, input, out), out), out);
}

function handle(state: RaftState, input: Input, out: Outbox): RaftState {
  switch (input.kind) {
    case 'tick':
      return onTick(state, input, out);
    case 'message':
      return onMessage(state, input.message, out);
    case 'propose':
      return onPropose(state, input, out);
    case 'read':
      return onRead(state, input.id, out);
    case 'change':
      return onChange(state, input, out);
    case 'transfer':
      return onTransfer(state, input, out);
    case 'written':
      return onWritten(state, input.write, out);
    case 'applied':
      return onApplied(state, input.index);
    case 'snapshot-taken':
      return onSnapshotTaken(state, input.snapshot);
    case 'snapshot-received':
      return onSnapshotReceived(state, input, out);
    case 'snapshot-sent':
      return onSnapshotSent(state, input, out);
    case 'trimmed':
      return onTrimmed(state, input.firstIndex);
    default:
      return input satisfies never;
  }
}

/** Only now do the own log and the own vote count. */
function onWritten(state: RaftState, write: number, out: Outbox): RaftState {
  const { disk } = state;
  if (write > disk.lastWrite) throw new RangeError(`write ${write} is reported durable, the newest is ${disk.lastWrite}`);
  if (write <= disk.lastWritten) return state;
  const done = disk.pending.filter((one) => one.number <= write);
  const durable = Math.max(disk.durable, done.at(-1)?.last ?? 0);
  const next: RaftState = withFields(state, { disk: { ...disk, lastWritten: write, durable, progressTick: state.now, pending: done.length === 0 ? disk.pending : disk.pending.slice(done.length) } });
  return countOwnVote(advanceCommit(next, out), out);
}

function onApplied(state: RaftState, index: LogIndex): RaftState {
  if (index > state.commit) throw new RangeError(`entry ${index} was applied, committed is ${state.commit}`);
  return index > state.lastApplied ? withFields(state, { lastApplied: index }) : state;
}
