import assert from 'node:assert/strict';
import { compactionIndex } from '../../../src/engine/core/compaction.ts';
import type { Entry } from '../../../src/engine/core/entry.ts';
import { violationsOf } from '../../../src/engine/core/invariants.ts';
import { FAST } from '../../../src/engine/core/settings.ts';
import type { RaftState } from '../../../src/engine/core/state.ts';
import { startRaft, step } from '../../../src/engine/core/step.ts';
import { configurationOf, CoreMember } from '../../helpers/core-member.ts';
import { IDS, memberWith, tick, hear, leaderWith, last, acknowledge } from '../../helpers/lone-member.ts';

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

describe('core: a disk that hangs (B11)', () => {
  it('makes a leader step down, for nothing it commits is applied there; while writes end it goes on leading', () => {
    const member = leaderWith([1]);
    const quiet = (ticks: number): void => {
      for (let at = 0; at < ticks; at += 5) {
        tick(member, 5);
        for (const id of ['b', 'c']) hear(member, { kind: 'heartbeat-reply', from: id, to: 'a', term: member.state.term, round: member.state.lastRound, incarnation: 1, durableIndex: member.state.log.last });
      }
    };
    const propose = (id: number): void => void member.give({ kind: 'propose', proposals: [{ id, kind: 'command', payload: new Uint8Array(1) }], wallClockMs: 0 });
    for (let id = 1; id <= 3; id++) {
      propose(id);
      quiet(FAST.maxDiskStallTicks - 10);
      assert.equal(member.state.role, 'leader', 'slow is not dead');
      member.flushAll();
    }
    quiet(FAST.maxDiskStallTicks * 2);
    assert.equal(member.state.role, 'leader', 'a disk with nothing to do does not hang');
    propose(4);
    quiet(FAST.maxDiskStallTicks + 5);
    assert.equal(member.state.role, 'follower');
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

describe('core: flow (B9, I24)', () => {
  it('counts what the own disk lacks, however fast the others are: a leader whose disk hangs holds no more than the limit', () => {
    const leader = leaderWith([1], { settings: { ...FAST, maxUncommittedBytes: 1000 } });
    for (const from of ['b', 'c']) acknowledge(leader, from);
    let accepted = 0;
    for (let id = 1; id <= 50; id++) {
      const ready = leader.give({ kind: 'propose', proposals: [{ id, kind: 'command', payload: new Uint8Array(36) }], wallClockMs: 0 });
      if (ready.proposals[0]?.kind === 'accepted') accepted++;
      for (const from of ['b', 'c']) acknowledge(leader, from);
      assert.equal(leader.state.commit, leader.state.log.last, 'the others commit without it');
    }
    assert.equal(accepted, 10);
    leader.flushAll();
    const [again] = leader.give({ kind: 'propose', proposals: [{ id: 99, kind: 'command', payload: new Uint8Array(36) }], wallClockMs: 0 }).proposals;
    assert.equal(again?.kind, 'accepted');
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
