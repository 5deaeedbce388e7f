import assert from 'node:assert/strict';
import { grantsVote } from '../../../src/engine/core/election.ts';
import type { VoteRequest } from '../../../src/engine/core/message.ts';
import { nextRandom } from '../../../src/engine/core/rng.ts';
import { CALM, FAST } from '../../../src/engine/core/settings.ts';
import { step } from '../../../src/engine/core/step.ts';
import { IDS, memberWith, tick, hear, leaderWith, last } from '../../helpers/lone-member.ts';

describe('core: votes (B3, B4)', () => {
  const request = (term: number, lastTerm: number, lastIndex: number, from = 'b'): VoteRequest => ({
    kind: 'vote', from, to: 'a', term, phase: 'vote', campaign: 1, lastEntry: { term: lastTerm, index: lastIndex }, isTransfer: false,
  });
  const cases = [
    { name: 'an equal log', request: request(5, 2, 3), grants: true },
    { name: 'a shorter log of the same last term', request: request(5, 2, 2), grants: false },
    { name: 'a longer log of the same last term', request: request(5, 2, 4), grants: true },
    { name: 'a shorter log with a later last term', request: request(5, 3, 1), grants: true },
    { name: 'a longer log with an earlier last term (M16)', request: request(5, 1, 99), grants: false },
    { name: 'another term than its own', request: request(4, 9, 9), grants: false },
    { name: 'a second candidate in one term (I1)', vote: 'c', request: request(5, 2, 3), grants: false },
    { name: 'the same candidate again', vote: 'b', request: request(5, 2, 3), grants: true },
  ];
  for (const one of cases) it(`${one.grants ? 'grants' : 'refuses'} ${one.name}`, () => assert.equal(grantsVote(memberWith([1, 1, 2], { term: 5, vote: one.vote ?? '' }).state, one.request), one.grants));

  it('a poll changes nothing, and its grant carries the asked term, its refusal the own (M18)', () => {
    const member = memberWith([1, 1, 2], { term: 5 });
    for (const [message, isGranted, term] of [[{ ...request(6, 2, 3), phase: 'pre-vote' }, true, 6], [{ ...request(6, 2, 2), phase: 'pre-vote' }, false, 5], [{ ...request(5, 2, 3), phase: 'pre-vote' }, true, 5], [{ ...request(4, 2, 3), phase: 'pre-vote' }, false, 5]] as const) {
      const before = member.state;
      hear(member, message);
      assert.equal(member.state, before);
      const answer = last(member, 'vote-reply', 'b');
      assert.deepEqual([answer.isGranted, answer.term], [isGranted, term]);
    }
  });

  it('who hears a leader refuses without raising its term, unless the leader asked for it (M20)', () => {
    const member = memberWith([1, 1, 2], { term: 5 });
    hear(member, { kind: 'heartbeat', from: 'c', to: 'a', term: 5, commit: 0, round: 1 });
    tick(member, 1);
    for (const [ticks, isTransfer, term] of [[0, false, 5], [13, false, 5], [0, true, 6]] as const) {
      tick(member, ticks);
      hear(member, { ...request(6, 2, 3), isTransfer });
      assert.equal(member.state.term, term);
    }
    assert.equal(member.state.vote, 'b');
  });

  it('lets go of contact after 150 ms', () => {
    const member = memberWith([1, 1, 2], { term: 5 });
    hear(member, { kind: 'heartbeat', from: 'c', to: 'a', term: 5, commit: 0, round: 1 });
    tick(member, 1);
    tick(member, 14);
    hear(member, request(6, 2, 3));
    assert.equal(member.state.term, 5);
    tick(member, 1);
    hear(member, request(6, 2, 3));
    assert.equal(member.state.term, 6);
  });

  it('a repeated heartbeat is no contact: the network may repeat it for long after its leader died', () => {
    const member = memberWith([1, 1, 2], { term: 5 });
    for (let times = 0; times < 40 && member.state.role === 'follower'; times++) {
      hear(member, { kind: 'heartbeat', from: 'c', to: 'a', term: 5, commit: 0, round: 7 });
      tick(member, 1);
    }
    assert.equal(member.state.role, 'pre-candidate');
  });

  it('the vote outlives a step-down within the term (M09)', () => {
    const leader = leaderWith([1]);
    tick(leader, 31);
    assert.deepEqual([leader.state.role, leader.state.vote, leader.state.term], ['follower', 'a', 2]);
  });

  it('the grant of a poll is no vote (M17), nor is that of another campaign or of a stranger (I18)', () => {
    const member = memberWith([1]);
    tick(member, 40);
    const grant = { kind: 'vote-reply', to: 'a', term: 2, campaign: member.state.lastCampaign, isGranted: true } as const;
    hear(member, { ...grant, from: 'stranger', phase: 'pre-vote' });
    assert.equal(member.state.role, 'pre-candidate');
    hear(member, { ...grant, from: 'b', phase: 'pre-vote' });
    assert.equal(member.state.role, 'candidate');
    member.flushAll();
    hear(member, { ...grant, from: 'b', phase: 'pre-vote' });
    hear(member, { ...grant, from: 'b', phase: 'vote' });
    hear(member, { ...grant, from: 'stranger', phase: 'vote', campaign: member.state.lastCampaign });
    assert.equal(member.state.role, 'candidate');
    hear(member, { ...grant, from: 'b', phase: 'vote', campaign: member.state.lastCampaign });
    assert.equal(member.state.role, 'leader');
  });

  it('does not stand again while its own vote is on its way to a slow disk', () => {
    for (const ids of [['a'], IDS]) {
      const member = memberWith([1], { ids });
      tick(member, 40);
      if (ids.length > 1) hear(member, { kind: 'vote-reply', from: 'b', to: 'a', term: 2, phase: 'pre-vote', campaign: member.state.lastCampaign, isGranted: true });
      for (let times = 0; times < 100; times++) tick(member, 1);
      assert.deepEqual([member.state.role, member.state.term, member.pendingWrites], ['candidate', 2, 1]);
      member.flushAll();
      // The voters have a whole timeout to answer, from when they were asked, and as long as the own disk needed for theirs.
      for (let times = 0; times < 114; times++) tick(member, 1);
      assert.equal(member.state.role, ids.length > 1 ? 'candidate' : 'leader');
      if (ids.length > 1) tick(member, 40);
      assert.equal(member.state.role, ids.length > 1 ? 'pre-candidate' : 'leader');
    }
  });

  it('waits for slow disks ten longest timeouts at most', () => {
    const member = memberWith([1]);
    tick(member, 40);
    hear(member, { kind: 'vote-reply', from: 'b', to: 'a', term: 2, phase: 'pre-vote', campaign: member.state.lastCampaign, isGranted: true });
    tick(member, 100_000);
    member.flushAll();
    tick(member, 300);
    assert.equal(member.state.role, 'candidate');
    tick(member, 31);
    assert.equal(member.state.role, 'pre-candidate');
  });

  it('does not stand against a candidate while the vote for it is on its way to a slow disk', () => {
    const member = memberWith([1, 1, 2], { term: 5 });
    hear(member, request(6, 2, 3));
    for (let times = 0; times < 200; times++) tick(member, 1);
    assert.deepEqual([member.state.role, member.state.vote, member.outbox.length], ['follower', 'b', 0]);
    member.flushAll();
    assert.equal(last(member, 'vote-reply', 'b').isGranted, true);
    tick(member, 14);
    assert.equal(member.state.role, 'follower', 'the candidate has a timeout to say that it was elected');
    tick(member, 30);
    assert.equal(member.state.role, 'pre-candidate');
  });

  it('counts its own vote when that write is durable, not an earlier one (M07)', () => {
    const member = memberWith([1]);
    hear(member, { kind: 'append', from: 'b', to: 'a', term: 1, number: 1, prev: { term: 1, index: 1 }, entries: [{ index: 2, term: 1, kind: 'command', wallClockMs: 0, payload: new Uint8Array(1) }], commit: 1 });
    hear(member, { kind: 'timeout-now', from: 'b', to: 'a', term: 1 });
    assert.deepEqual([member.state.role, member.pendingWrites, member.outbox.length], ['candidate', 2, 0]);
    member.flush();
    assert.deepEqual(member.state.campaign?.granted, []);
    member.flush();
    assert.deepEqual(member.state.campaign?.granted, ['a']);
  });

  it('draws each timeout anew, in [min, max) (B1, M49)', () => {
    for (const settings of [FAST, CALM]) {
      const drawn = new Set<number>();
      let { state } = memberWith([1], { settings, ids: ['x', 'y'] });
      for (let times = 0; times < 2000; times++) {
        state = step(state, { kind: 'tick', ticks: state.electionTimeout }).state;
        drawn.add(state.electionTimeout);
      }
      assert.deepEqual([Math.min(...drawn), Math.max(...drawn), drawn.size], [settings.electionMinTicks, settings.electionMaxTicks - 1, settings.electionMaxTicks - settings.electionMinTicks]);
    }
    assert.notDeepEqual(nextRandom(1), nextRandom(2));
  });
});

describe('core: the mutant hook', () => {
  /** A leader of term 4 whose entry 2, of term 2, is on a majority, and whose own no-op is not. */
  const commitOf = (mutants: readonly string[]): number => {
    const leader = leaderWith([1, 2], { term: 3, settings: { ...FAST, mutants: new Set(mutants) } });
    const { number } = last(leader, 'append', 'b');
    hear(leader, { kind: 'append-reply', from: 'b', to: 'a', term: 4, number, incarnation: 1, result: { kind: 'stored', match: 2 } });
    return leader.state.commit;
  };
  it('an entry of an earlier term is not committed by counting (I6)', () => assert.equal(commitOf([]), 1));
  it('unless M01 is planted', () => assert.equal(commitOf(['M01']), 2));
  it('and other bugs leave it alone', () => assert.equal(commitOf(['M32']), 1));
});
