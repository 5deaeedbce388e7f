import assert from 'node:assert/strict';
import { compactionIndex } from '../../../src/engine/core/compaction.ts';
import { grantsVote } from '../../../src/engine/core/election.ts';
import type { Entry } from '../../../src/engine/core/entry.ts';
import { violationsOf } from '../../../src/engine/core/invariants.ts';
import type { AppendReply, HeartbeatReply, Message, VoteRequest } from '../../../src/engine/core/message.ts';
import { nextRandom } from '../../../src/engine/core/rng.ts';
import { CALM, FAST, type Settings } from '../../../src/engine/core/settings.ts';
import type { RaftState } from '../../../src/engine/core/state.ts';
import { startRaft, step } from '../../../src/engine/core/step.ts';
import { configurationOf, CoreMember, initialDisk } from '../../helpers/core-member.ts';

const IDS = ['a', 'b', 'c'];

/** A log of one entry for each of these terms, the first being the configuration. */
function memberWith(terms: readonly number[], options: { id?: string; term?: number; vote?: string; commit?: number; ids?: readonly string[]; settings?: Settings } = {}): CoreMember {
  const disk = initialDisk(configurationOf(options.ids ?? IDS));
  const entries: Entry[] = terms.slice(1).map((term, at) => ({ index: at + 2, term, kind: 'command', wallClockMs: 0, payload: new Uint8Array(8) }));
  disk.entries.push(...entries);
  disk.hardState = { term: options.term ?? Math.max(...terms), vote: options.vote ?? '', commit: options.commit ?? 1 };
  const member = new CoreMember(options.id ?? 'a', disk, 1, {}, options.settings ?? FAST);
  member.start();
  return member;
}

const tick = (member: CoreMember, ticks: number): void => void member.give({ kind: 'tick', ticks });
const hear = (member: CoreMember, message: Message): void => void member.give({ kind: 'message', message });

/** Member a, leader of the term after its last. */
function leaderWith(terms: readonly number[], options: Parameters<typeof memberWith>[1] = {}): CoreMember {
  const member = memberWith(terms, options);
  tick(member, 40);
  for (const phase of ['pre-vote', 'vote'] as const) {
    member.flushAll();
    for (const from of (options.ids ?? IDS).filter((id) => id !== member.id)) {
      hear(member, { kind: 'vote-reply', from, to: member.id, term: phase === 'vote' ? member.state.term : member.state.term + 1, phase, campaign: member.state.lastCampaign, isGranted: true });
      if (member.state.campaign?.phase !== phase) break;
    }
  }
  assert.equal(member.state.role, 'leader');
  member.flushAll();
  return member;
}

const last = <K extends Message['kind']>(member: CoreMember, kind: K, to: string): Extract<Message, { kind: K }> => {
  const found = member.outbox.findLast((message) => message.kind === kind && message.to === to);
  assert.ok(found !== undefined && found.kind === kind, `${member.id} sent no ${kind} to ${to}`);
  return found as Extract<Message, { kind: K }>;
};

/** b or c acknowledges the newest append. */
function acknowledge(member: CoreMember, from: string, incarnation = 1, append = last(member, 'append', from)): AppendReply {
  const answer: AppendReply = { kind: 'append-reply', from, to: member.id, term: append.term, number: append.number, incarnation, result: { kind: 'stored', match: append.prev.index + append.entries.length } };
  hear(member, answer);
  return answer;
}

function heartbeatReply(member: CoreMember, from: string, fields: Partial<HeartbeatReply>): void {
  hear(member, { kind: 'heartbeat-reply', from, to: member.id, term: member.state.term, round: member.state.lastRound, incarnation: 1, durableIndex: member.state.log.last, ...fields });
}

const peer = (member: CoreMember, id: string) => member.state.leading?.peers.find((one) => one.id === id);

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
      if (ids.length > 1) tick(member, 40);
      assert.equal(member.state.role, ids.length > 1 ? 'pre-candidate' : 'leader');
    }
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

describe('core: snapshots (B17)', () => {
  const snapshotAt = (index: number, term: number) => ({ index, term, configuration: configurationOf(IDS), configurationIndex: 1, digest: 0 });
  /** A follower of b with entries 1 to 6, committed up to 4, compacted up to `compacted`. */
  const follower = (mutants: readonly string[] = [], compacted = 0): CoreMember => {
    const member = memberWith([1, 1, 1, 1, 2, 2], { commit: 4, settings: { ...FAST, mutants: new Set(mutants) } });
    if (compacted > 0) {
      member.takeSnapshot();
      member.trim(compacted + 1);
    }
    hear(member, { kind: 'heartbeat', from: 'b', to: 'a', term: 2, commit: 0, round: 1 });
    return member;
  };
  const shape = (member: CoreMember): number[] => [member.state.log.base.index, member.state.log.last, member.state.commit];

  it('ignores one it has committed past, compacted or not, and says that it has it (M32)', () => {
    for (const compacted of [0, 3]) {
      const member = follower([], compacted);
      member.receiveSnapshot('b', 2, snapshotAt(2, 1));
      assert.deepEqual(shape(member), [compacted, 6, 4]);
      assert.equal(last(member, 'snapshot-reply', 'b').index, 2);
    }
    const planted = follower(['M32'], 3);
    planted.receiveSnapshot('b', 2, snapshotAt(2, 1));
    assert.notDeepEqual(shape(planted), [3, 6, 4], 'the bug, planted, does take it');
  });

  it('keeps the log when it holds the last entry, and drops all of it when that differs (M31, Raft §7)', () => {
    const keeps = follower();
    keeps.receiveSnapshot('b', 2, snapshotAt(5, 2));
    assert.deepEqual(shape(keeps), [0, 6, 5]);
    const drops = follower();
    drops.receiveSnapshot('b', 2, snapshotAt(5, 1));
    assert.deepEqual(shape(drops), [5, 5, 5]);
    assert.equal(drops.outbox.length, 1, 'the heartbeat is answered; the snapshot is not before it is durable (I11)');
    drops.flushAll();
    assert.equal(last(drops, 'snapshot-reply', 'b').index, 5);
    assert.deepEqual([drops.disk.base.index, drops.disk.entries.length, drops.disk.hardState.commit], [5, 0, 5]);
  });

  it('takes none from an earlier term, or from one that does not lead', () => {
    for (const [from, term] of [['b', 1], ['c', 2]] as const) {
      const member = follower();
      const ready = member.give({ kind: 'snapshot-received', from, term, snapshot: snapshotAt(9, 2) });
      assert.deepEqual([ready.dropReceived, ...shape(member)], [true, 0, 6, 4]);
    }
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

describe('core: hard state (B2)', () => {
  it('stores a commit index that moved without entries once it is idle, and only once', () => {
    const follower = memberWith([1, 1]);
    hear(follower, { kind: 'append', from: 'b', to: 'a', term: 1, number: 1, prev: { term: 1, index: 2 }, entries: [], commit: 2 });
    assert.deepEqual([follower.state.commit, follower.pendingWrites], [2, 0]);
    tick(follower, 5);
    follower.flushAll();
    assert.equal(follower.disk.hardState.commit, 2);
    const { lastWrite } = follower.state.disk;
    for (let times = 0; times < 10; times++) tick(follower, 1);
    assert.equal(follower.state.disk.lastWrite, lastWrite);
  });

  it('every write with entries carries term, vote and commit in one record (M10)', () => {
    const follower = memberWith([1]);
    const ready = follower.give({ kind: 'message', message: { kind: 'append', from: 'b', to: 'a', term: 4, number: 1, prev: { term: 1, index: 1 }, entries: [{ index: 2, term: 4, kind: 'command', wallClockMs: 0, payload: new Uint8Array(1) }], commit: 9 } });
    assert.deepEqual(ready.write?.hardState, { term: 4, vote: '', commit: 2 });
    assert.equal(ready.write.entries.length, 1);
  });

  it('a truncated write proves nothing any more when it arrives', () => {
    const follower = memberWith([1]);
    const append = (term: number, from: string, number: number, index: number): void =>
      hear(follower, { kind: 'append', from, to: 'a', term, number, prev: { term: 1, index: 1 }, entries: Array.from({ length: index - 1 }, (_, at) => ({ index: at + 2, term, kind: 'command' as const, wallClockMs: 0, payload: new Uint8Array(1) })), commit: 0 });
    append(2, 'b', 1, 5);
    append(3, 'c', 1, 2);
    assert.equal(follower.state.log.last, 2);
    follower.flush();
    assert.equal(follower.state.disk.durable, 1, 'entries 2 to 5 of term 2 are on the disk, and are not those of the log');
    follower.flush();
    assert.equal(follower.state.disk.durable, 2);
  });
});

describe('core: inputs that cannot be', () => {
  const fresh = (): RaftState => memberWith([1, 1]).state;
  it('a write that was never ordered', () => assert.throws(() => step(fresh(), { kind: 'written', write: 7 }), RangeError));
  it('an entry applied before it was committed', () => assert.throws(() => step(fresh(), { kind: 'applied', index: 2 }), RangeError));
  it('a log trimmed beyond its snapshot (I20)', () => assert.throws(() => step(fresh(), { kind: 'trimmed', firstIndex: 2 }), RangeError));
  it('a leader that contradicts what is committed: nothing is cut (I9)', () => {
    const member = memberWith([1, 1, 1], { commit: 3 });
    const entries: Entry[] = [2, 3, 4].map((index) => ({ index, term: 3, kind: 'command', wallClockMs: 0, payload: new Uint8Array(0) }));
    const ready = member.give({ kind: 'message', message: { kind: 'append', from: 'b', to: 'a', term: 3, number: 2, prev: { term: 1, index: 1 }, entries, commit: 3 } });
    assert.deepEqual([ready.write?.truncateFrom, ready.write?.entries.map((entry) => entry.index)], [null, [4]]);
  });
  it('messages for somebody else change nothing (I17)', () => {
    const state = fresh();
    assert.equal(step(state, { kind: 'message', message: { kind: 'heartbeat', from: 'b', to: 'c', term: 9, commit: 0, round: 1 } }).state, state);
  });
  it('entries that do not follow one another are not stored', () => {
    const member = memberWith([1]);
    const entry = (index: number, term: number): Entry => ({ index, term, kind: 'command', wallClockMs: 0, payload: new Uint8Array(0) });
    for (const entries of [[entry(3, 1)], [entry(2, 5)], [entry(2, 2), entry(3, 1)], [entry(2, 1), entry(4, 1)]]) {
      hear(member, { kind: 'append', from: 'b', to: 'a', term: 3, number: 1, prev: { term: 1, index: 1 }, entries, commit: 0 });
      assert.equal(member.state.log.last, 1);
    }
  });
  it('entries whose term falls behind what is committed are not stored', () => {
    const member = memberWith([1, 3], { commit: 2 });
    const entries: Entry[] = [2, 3].map((index) => ({ index, term: 2, kind: 'command', wallClockMs: 0, payload: new Uint8Array(0) }));
    hear(member, { kind: 'append', from: 'b', to: 'a', term: 3, number: 1, prev: { term: 1, index: 1 }, entries, commit: 0 });
    assert.deepEqual([member.state.log.last, member.outbox.length], [2, 0]);
  });

  const start = { id: 'a', settings: FAST, seed: 1, incarnation: 1, hardState: { term: 1, vote: '', commit: 1 }, log: { base: { index: 0, term: 0 }, termRuns: [{ term: 1, first: 1, last: 1 }], sizes: [1] }, snapshot: { term: 0, index: 0 }, configurations: [], lastApplied: 0 };
  const wrong = [
    { name: 'commit beyond the log', change: { hardState: { term: 1, vote: '', commit: 2 } }, says: /beyond the log/ },
    { name: 'applied beyond the log', change: { lastApplied: 2 }, says: /beyond the log/ },
    { name: 'a term below the last entry', change: { hardState: { term: 0, vote: '', commit: 1 } }, says: /below the last entry/ },
    { name: 'a gap between snapshot and log', change: { log: { base: { index: 5, term: 1 }, termRuns: [], sizes: [] } }, says: /snapshot covers only 0/ },
    { name: 'a snapshot that is not of this log', change: { snapshot: { term: 3, index: 1 } }, says: /the log has term 1/ },
  ];
  for (const { name, change, says } of wrong) it(`does not start with ${name} (B24)`, () => assert.throws(() => startRaft({ ...start, ...change }), (error: unknown) => error instanceof RangeError && says.test(error.message)));
});

describe('core: compaction and invariants', () => {
  it('keeps the margin, the older snapshot and what a slow member needs (B18)', () => {
    const member = memberWith(Array.from({ length: 100 }, () => 1), { commit: 100 });
    member.takeSnapshot();
    const keep = (entries: number, older: number): number => compactionIndex(member.state, { entries, bytes: 1000 }, older);
    assert.deepEqual([keep(10, 100), keep(0, 100), keep(0, 40), keep(200, 100), keep(0, 0)], [91, 101, 41, 1, 1]);
    const leader = leaderWith(Array.from({ length: 100 }, () => 1), { commit: 100 });
    acknowledge(leader, 'b');
    leader.takeSnapshot();
    hear(leader, { kind: 'append-reply', from: 'c', to: 'a', term: 2, number: last(leader, 'append', 'c').number, incarnation: 1, result: { kind: 'conflict', conflictTerm: null, firstIndex: 61, lastIndex: 60 } });
    acknowledge(leader, 'c');
    assert.equal(compactionIndex(leader.state, { entries: 0, bytes: 1e6 }, 101), 102);
    const behind = { ...leader.state, leading: leader.state.leading && { ...leader.state.leading, peers: leader.state.leading.peers.map((one) => (one.id === 'c' ? { ...one, match: 60 } : one)) } };
    assert.equal(compactionIndex(behind, { entries: 0, bytes: 1e6 }, 101), 61);
    assert.equal(compactionIndex(behind, { entries: 0, bytes: 100 }, 101), 102, 'too much to keep for one member: it gets the snapshot');
  });

  it('names what does not hold', () => {
    const leader = leaderWith([1, 1]);
    assert.deepEqual(violationsOf(leader.state), []);
    const broken: [string, Partial<RaftState>][] = [
      ['I7', { commit: 99 }],
      ['I7', { term: 0 }],
      ['I7', { snapshot: { index: 1, term: 7 } }],
      ['I11', { disk: { ...leader.state.disk, durable: 99 } }],
      ['I13', { configurations: [...leader.state.configurations, { index: 77, configuration: configurationOf(IDS) }] }],
      ['I18', { configurations: [{ index: 1, configuration: configurationOf(['b', 'c'], ['a']) }] }],
      ['I1', { leading: null }],
    ];
    for (const [rule, change] of broken) assert.ok(violationsOf({ ...leader.state, ...change }).some((one) => one.rule === rule), rule);
  });
});
