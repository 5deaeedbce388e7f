import type { Message } from '../../src/engine/core/message.ts';
import type { Outcome, Ready } from '../../src/engine/core/ready.ts';
import type { LogPosition } from '../../src/engine/core/types.ts';
import type { Entry } from '../../src/engine/core/entry.ts';

/** Term and index, as in `last=2/7`. */
export function positionText(position: LogPosition): string {
  return `${position.term}/${position.index}`;
}

export function entryText(entry: Entry): string {
  const what = entry.kind === 'command' ? new TextDecoder().decode(entry.payload) : entry.kind;
  return `${entry.term}/${entry.index}${what === '' ? '' : `:${what}`}`;
}

/** Attempts begin at a number of their life; scripts count from 1. */
function attemptText(id: number): string {
  return `attempt=${id % 2 ** 32}`;
}

function bodyText(message: Message): string {
  switch (message.kind) {
    case 'vote':
      return `${message.phase === 'vote' ? 'RequestVote' : 'PreVote'} term=${message.term} last=${positionText(message.lastEntry)}${message.isTransfer ? ' transfer' : ''}`;
    case 'vote-reply':
      return `${message.phase === 'vote' ? 'VoteReply' : 'PreVoteReply'} term=${message.term} ${message.isGranted ? 'granted' : 'refused'}`;
    case 'append':
      return `AppendEntries term=${message.term} #${message.number} prev=${positionText(message.prev)} entries=[${message.entries.map(entryText).join(' ')}] commit=${message.commit}`;
    case 'append-reply': {
      const { result } = message;
      const text = result.kind === 'stored' ? `stored=${result.match}` : `conflict term=${String(result.conflictTerm ?? '-')} first=${result.firstIndex} last=${result.lastIndex}`;
      return `AppendReply term=${message.term} #${message.number} ${text}`;
    }
    case 'heartbeat':
      return `Heartbeat term=${message.term} commit=${message.commit} round=${message.round}`;
    case 'heartbeat-reply':
      return `HeartbeatReply term=${message.term} round=${message.round} durable=${message.durableIndex}`;
    case 'read-index':
      return `ReadIndex term=${message.term} ${attemptText(message.id)}`;
    case 'read-index-reply':
      return `ReadIndexReply term=${message.term} ${attemptText(message.id)} ${message.index === null ? 'refused' : `index=${message.index}`}`;
    case 'timeout-now':
      return `TimeoutNow term=${message.term}`;
    case 'snapshot-reply':
      return `SnapshotReply term=${message.term} index=${message.index}`;
    case 'removed':
      return `Removed configuration=${message.configurationIndex}`;
  }
}

export function messageText(message: Message): string {
  return `${message.from}->${message.to} ${bodyText(message)}`;
}

function outcomeText<T>(what: string, outcome: Outcome<T>, valueText: (value: T) => string): string {
  if (outcome.kind === 'accepted') return `${what} ${outcome.id}: ${valueText(outcome.value)}`;
  const { rule, message, leader } = outcome.refusal;
  return `${what} ${outcome.id}: refused ${rule} (${message})${leader === null ? '' : `, leader ${leader}`}`;
}

/** The outcomes of a step, one line each. */
export function outcomeTexts(ready: Pick<Ready, 'proposals' | 'reads' | 'changes' | 'transfers'>): string[] {
  return [
    ...ready.proposals.map((one) => outcomeText('proposal', one, (at) => `at ${positionText(at)}`)),
    ...ready.reads.map((one) => outcomeText('read', one, (index) => `at ${index}`)),
    ...ready.changes.map((one) => outcomeText('change', one, (at) => `at ${positionText(at)}`)),
    ...ready.transfers.map((one) => outcomeText('transfer', one, ({ leader, term }) => `${leader} leads term ${term}`)),
  ];
}

