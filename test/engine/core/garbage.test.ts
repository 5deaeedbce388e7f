import assert from 'node:assert/strict';
import { violationsBetween, violationsOf } from '../../../src/engine/core/invariants.ts';
import type { Entry } from '../../../src/engine/core/entry.ts';
import type { Message } from '../../../src/engine/core/message.ts';
import { configurationOf, CoreMember, initialDisk } from '../../helpers/core-member.ts';
import { Dice } from '../../helpers/core-storm.ts';

const IDS = ['a', 'b', 'c', 'd'];

/** A message that a peer gone mad could send: well formed, and untrue in any way. */
function garbage(dice: Dice, near: { term: number; index: number; round: number; number: number; campaign: number }): Message {
  const around = (value: number): number => Math.max(0, value - 3 + dice.below(6));
  const term = dice.chance(85) ? near.term : around(near.term);
  const index = around(near.index);
  const head = { from: dice.pick(IDS.slice(1)) ?? 'b', to: dice.chance(98) ? 'a' : 'b', term };
  const position = { term: around(near.term), index: around(near.index) };
  const entries: Entry[] = Array.from({ length: dice.below(4) }, (_, at) => ({ index: position.index + (dice.chance(95) ? 1 : 2) + at, term: dice.chance(80) ? term : around(term), kind: 'command', wallClockMs: 0, payload: new Uint8Array(dice.below(20)) }));
  const phase = dice.chance(50) ? 'vote' : 'pre-vote';
  const incarnation = dice.below(3);
  const kinds: Message[] = [
    { ...head, kind: 'vote', phase, campaign: dice.below(3), lastEntry: position, isTransfer: dice.chance(30) },
    { ...head, kind: 'vote-reply', phase, campaign: near.campaign, isGranted: dice.chance(70), term: dice.chance(50) ? term : term + 1 },
    { ...head, kind: 'append', number: around(near.number), prev: position, entries, commit: around(near.index) },
    { ...head, kind: 'append-reply', number: around(near.number), incarnation, result: dice.chance(60) ? { kind: 'stored', match: index } : { kind: 'conflict', conflictTerm: dice.chance(50) ? null : around(term), firstIndex: around(near.index), lastIndex: around(near.index) } },
    { ...head, kind: 'heartbeat', commit: index, round: around(near.round) },
    { ...head, kind: 'heartbeat-reply', round: around(near.round), incarnation, durableIndex: index },
    { ...head, kind: 'read-index', id: dice.below(9) },
    { ...head, kind: 'read-index-reply', id: 2 ** 32 + dice.below(5), index: dice.chance(50) ? null : index },
    { ...head, kind: 'snapshot-reply', index, incarnation },
    ...(dice.chance(20) ? [{ ...head, kind: 'timeout-now' } as const] : []),
  ];
  return dice.pick(kinds) ?? { ...head, kind: 'timeout-now' };
}

describe('core: messages of a peer gone mad', () => {
  it('break no invariant of the member itself, and never stop it', () => {
    const roles = new Set<string>();
    for (let seed = 1; seed <= 60; seed++) {
      const dice = new Dice(seed);
      const member: CoreMember = new CoreMember('a', initialDisk(configurationOf(IDS.slice(0, 3), ['d'])), seed, {
        stepped: (_, before) => assert.deepEqual([...violationsOf(member.state), ...violationsBetween(before, member.state)], [], `seed ${seed}`),
      });
      member.start();
      for (let times = 0; times < 400; times++) {
        const { state } = member;
        roles.add(state.role);
        const what = dice.below(10);
        if (what === 0) member.give({ kind: 'tick', ticks: 1 + dice.below(20) });
        else if (what === 1) member.flush();
        else if (what === 2) member.give({ kind: 'propose', proposals: [{ id: times, kind: 'command', payload: new Uint8Array(dice.below(9)) }], wallClockMs: 0 });
        else if (what === 3) member.give({ kind: 'read', id: times });
        else member.give({ kind: 'message', message: garbage(dice, { term: state.term, index: state.log.last, round: state.lastRound, number: state.lastNumber, campaign: state.lastCampaign }) });
        member.outbox.length = 0;
      }
    }
    assert.deepEqual([...roles].sort(), ['candidate', 'follower', 'leader', 'pre-candidate'], 'every role was met');
  });
});
