import assert from 'node:assert/strict';
import { FAST } from '../../../src/engine/core/settings.ts';
import { configurationOf, CoreMember, initialDisk } from '../../helpers/core-member.ts';
import { memberWith, tick, hear, leaderWith, last, acknowledge, heartbeatReply, peer } from '../../helpers/lone-member.ts';

describe('core: progress (B8, B9, B24)', () => {
  it('drops answers of an earlier life, and starts over with a later one (M15)', () => {
    const leader = leaderWith([1]);
    acknowledge(leader, 'b', 3);
    assert.equal(peer(leader, 'b')?.match, 2);
    leader.give({ kind: 'propose', proposals: [{ id: 1, kind: 'command', payload: new Uint8Array(1) }], wallClockMs: 0 });
    acknowledge(leader, 'b', 2);
    assert.equal(peer(leader, 'b')?.match, 2, 'an earlier life');
    tick(leader, 5);
    heartbeatReply(leader, 'b', { incarnation: 4, durableIndex: 2 });
    assert.deepEqual([peer(leader, 'b')?.state, peer(leader, 'b')?.next, peer(leader, 'b')?.hasAmnesia], ['probe', 3, false]);
  });

  it('a member that shows less than it acknowledged counts no more, in this leadership and the next (B24)', () => {
    const leader = leaderWith([1]);
    acknowledge(leader, 'b');
    tick(leader, 5);
    heartbeatReply(leader, 'b', { durableIndex: 1 });
    assert.equal(peer(leader, 'b')?.hasAmnesia, true);
    assert.deepEqual(leader.state.amnesiacs, ['b']);
    leader.give({ kind: 'propose', proposals: [{ id: 1, kind: 'command', payload: new Uint8Array(1) }], wallClockMs: 0 });
    leader.flushAll();
    const { commit } = leader.state;
    acknowledge(leader, 'b');
    assert.equal(leader.state.commit, commit, 'its acknowledgement does not count');
    tick(leader, 31);
    assert.equal(leader.state.role, 'follower', 'nor does its contact');
    tick(leader, 40);
    hear(leader, { kind: 'vote-reply', from: 'b', to: 'a', term: 3, phase: 'pre-vote', campaign: leader.state.lastCampaign, isGranted: true });
    assert.equal(leader.state.role, 'pre-candidate', 'nor does its vote');
    hear(leader, { kind: 'vote-reply', from: 'c', to: 'a', term: 3, phase: 'pre-vote', campaign: leader.state.lastCampaign, isGranted: true });
    assert.equal(leader.state.role, 'candidate');
  });

  it('a read whose round only a member that is gone could have answered ends with the next round (B12)', () => {
    const leader = leaderWith([1], { ids: ['a', 'b'] });
    acknowledge(leader, 'b');
    assert.deepEqual(leader.give({ kind: 'read', id: 7 }).reads, []);
    leader.give({ kind: 'change', id: 8, changeId: 'out', change: { kind: 'remove', id: 'b' }, expectedIndex: null, wallClockMs: 0 });
    leader.flushAll();
    tick(leader, 5);
    assert.deepEqual(leader.outcomes.flatMap(({ reads }) => reads).map(({ id, kind }) => [id, kind]), [[7, 'accepted']]);
    assert.equal(leader.state.leading?.readRounds.length, 0);
  });

  it('an answer that was merely late is no amnesia', () => {
    const leader = leaderWith([1]);
    tick(leader, 5);
    const early = leader.state.lastRound;
    acknowledge(leader, 'b');
    heartbeatReply(leader, 'b', { round: early, durableIndex: 1 });
    assert.equal(peer(leader, 'b')?.hasAmnesia, false);
  });

  it('fewer starts than before, told later, are an older disk that came back (B24)', () => {
    const leader = leaderWith([1]);
    heartbeatReply(leader, 'b', { incarnation: 5, round: 1 });
    tick(leader, 5);
    heartbeatReply(leader, 'b', { incarnation: 5 });
    const known = leader.state.lastRound;
    heartbeatReply(leader, 'b', { incarnation: 4, round: 1 });
    assert.equal(peer(leader, 'b')?.hasAmnesia, false, 'a late answer of the earlier life');
    tick(leader, 5);
    assert.ok(leader.state.lastRound > known);
    heartbeatReply(leader, 'b', { incarnation: 4 });
    assert.equal(peer(leader, 'b')?.hasAmnesia, true);
  });

  it('keeps to the window, in messages and in bytes (B9)', () => {
    for (const [limits, sent] of [[{ maxInflightMessages: 3, maxEntriesPerMessage: 1 }, 3], [{ maxInflightBytes: 20, maxEntriesPerMessage: 1 }, 3], [{ maxBytesPerMessage: 25 }, 4], [{ maxBytesPerMessage: 1 }, 10]] as const) {
      const leader = leaderWith([1], { settings: { ...FAST, ...limits } });
      acknowledge(leader, 'b');
      leader.outbox.length = 0;
      leader.give({ kind: 'propose', proposals: Array.from({ length: 10 }, (_, id) => ({ id, kind: 'command' as const, payload: new Uint8Array(8) })), wallClockMs: 0 });
      const appends = leader.outbox.filter((message) => message.kind === 'append' && message.to === 'b');
      assert.equal(appends.length, sent, JSON.stringify(limits));
    }
  });

  it('sends again what nobody answered for 150 ms, without entries first', () => {
    const leader = leaderWith([1]);
    acknowledge(leader, 'b');
    leader.give({ kind: 'propose', proposals: [{ id: 1, kind: 'command', payload: new Uint8Array(8) }], wallClockMs: 0 });
    assert.equal(peer(leader, 'b')?.state, 'replicate');
    for (let times = 0; times < 15; times++) tick(leader, 1);
    assert.deepEqual([peer(leader, 'b')?.state, peer(leader, 'b')?.next], ['probe', 3]);
    assert.equal(last(leader, 'append', 'b').entries.length, 0);
    acknowledge(leader, 'b');
    assert.equal(last(leader, 'append', 'b').entries.length, 1);
  });
});

describe('core: promotion (B14)', () => {
  /** A leader of a, b, c with learner l, which has answered nothing yet. */
  const withLearner = (): CoreMember => {
    const leader = leaderWith([1]);
    acknowledge(leader, 'b');
    acknowledge(leader, 'c');
    leader.give({ kind: 'change', id: 1, changeId: 'add', change: { kind: 'add-learner', id: 'l', name: 'l', address: 'l:1' }, expectedIndex: null, wallClockMs: 0 });
    leader.flushAll();
    acknowledge(leader, 'b');
    return leader;
  };
  const age = (leader: CoreMember, ticks: number): void => {
    for (let times = 0; times < ticks; times++) {
      tick(leader, 1);
      for (const id of ['b', 'c']) heartbeatReply(leader, id, {});
    }
  };
  const promote = (leader: CoreMember): string => {
    leader.give({ kind: 'change', id: 2, changeId: `promote-${leader.state.now}`, change: { kind: 'promote', id: 'l' }, expectedIndex: null, wallClockMs: 0 });
    const outcome = leader.outcomes.at(-1)?.changes[0];
    return outcome?.kind === 'refused' ? outcome.refusal.rule : 'accepted';
  };

  it('takes a learner that was started late, once it has everything', () => {
    const leader = withLearner();
    age(leader, 100);
    assert.equal(promote(leader), 'learner-lagging');
    acknowledge(leader, 'l');
    acknowledge(leader, 'l');
    assert.equal(promote(leader), 'accepted');
  });

  it('waits for another round when the log grew during a slow one', () => {
    const leader = withLearner();
    age(leader, 20);
    acknowledge(leader, 'l');
    const first = last(leader, 'append', 'l');
    leader.give({ kind: 'propose', proposals: [{ id: 3, kind: 'command', payload: new Uint8Array(1) }], wallClockMs: 0 });
    leader.flushAll();
    acknowledge(leader, 'l', 1, first);
    // The learner holds all that is committed, and the leader's newest entry is not: its last round is the slow one.
    assert.equal(leader.state.commit, peer(leader, 'l')?.match);
    assert.equal(promote(leader), 'learner-lagging');
    acknowledge(leader, 'l');
    acknowledge(leader, 'b');
    assert.equal(promote(leader), 'accepted');
  });

  it('refuses one that fell silent', () => {
    const leader = withLearner();
    acknowledge(leader, 'l');
    age(leader, 31);
    assert.equal(promote(leader), 'learner-lagging');
  });
});

describe('core: reads (B12)', () => {
  it('refuses more than the limit, at leader and follower (I24)', () => {
    const settings = { ...FAST, maxPendingReads: 2 };
    const leader = leaderWith([1], { settings });
    const follower = memberWith([1], { settings });
    hear(follower, { kind: 'heartbeat', from: 'b', to: 'a', term: 1, commit: 0, round: 1 });
    for (const member of [leader, follower]) {
      for (const id of [1, 2, 3]) member.give({ kind: 'read', id });
      const [outcome] = member.outcomes.at(-1)?.reads ?? [];
      assert.deepEqual([outcome?.id, outcome?.kind === 'refused' && outcome.refusal.rule], [3, 'overloaded']);
    }
  });

  it('the answer to an attempt of an earlier life is not taken', () => {
    const follower = memberWith([1]);
    const ask = (): number => {
      hear(follower, { kind: 'heartbeat', from: 'b', to: 'a', term: 1, commit: 0, round: 1 });
      follower.give({ kind: 'read', id: 1 });
      return last(follower, 'read-index', 'b').id;
    };
    const first = ask();
    follower.crash();
    follower.start();
    assert.notEqual(ask(), first);
    hear(follower, { kind: 'read-index-reply', from: 'b', to: 'a', term: 1, id: first, index: 1 });
    assert.equal(follower.outcomes.length, 0);
  });

  it('learners and strangers confirm nothing (M24)', () => {
    const disk = initialDisk(configurationOf(['a', 'b', 'c'], ['l']));
    const leader = new CoreMember('a', disk, 1);
    leader.start();
    tick(leader, 40);
    for (const phase of ['pre-vote', 'vote'] as const) {
      leader.flushAll();
      hear(leader, { kind: 'vote-reply', from: 'b', to: 'a', term: 2, phase, campaign: leader.state.lastCampaign, isGranted: true });
    }
    leader.flushAll();
    acknowledge(leader, 'l');
    assert.equal(leader.state.commit, 1, 'nor commit anything (M28)');
    acknowledge(leader, 'b');
    leader.give({ kind: 'read', id: 9 });
    heartbeatReply(leader, 'l', {});
    heartbeatReply(leader, 'stranger', {});
    assert.equal(leader.outcomes.length, 0);
    heartbeatReply(leader, 'c', {});
    assert.equal(leader.outcomes.length, 1);
  });
});
