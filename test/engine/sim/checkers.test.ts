import assert from 'node:assert/strict';
import { encodeKvResult } from '../../../src/engine/native/kv-command.ts';
import type { SnapshotPosition } from '../../../src/engine/core/message.ts';
import type { NamedSnapshot } from '../../../src/engine/ports/storage.ts';
import type { Host } from '../../../src/engine/sim/host.ts';
import { runSeed } from '../../../src/engine/sim/simulation.ts';
import { change, CheckBench, configurationOf, noop, put, writeOf } from './check-bench.ts';

const DONE = encodeKvResult({ status: 'ok', revision: 2, existed: false });

function snapshotAt(index: number, term: number): NamedSnapshot {
  return { id: `${term}-${index}-0123456789abcdef`, index, term, chainHash: '00'.repeat(16), configuration: { index: 1, configuration: configurationOf(['n1', 'n2', 'n3'], ['l1']) } };
}

function positionAt(index: number, term: number): SnapshotPosition {
  return { index, term, configuration: configurationOf(['n1', 'n2', 'n3'], ['l1']), configurationIndex: 1 };
}

/** Entry 2 is the no-op of n1's term 2, committed. */
function led(): CheckBench {
  const bench = new CheckBench();
  bench.elect();
  bench.append('n1', [noop(2, 2)], ['n1', 'n2']);
  bench.step('n1', { role: 'leader', term: 2 }, { role: 'leader', term: 2, commit: 2 });
  return bench;
}

/** Each case is a run that is right up to its last step, and what that step must be caught by. */
const cases: { readonly name: string; readonly rule: string; readonly run: (bench: CheckBench) => void }[] = [
  { name: 'I1: a second leader in a term', rule: 'I1', run: (bench) => bench.elect('n3', 2, ['n2', 'n3']) },
  { name: 'I1: two votes in a term', rule: 'I1', run: (bench) => bench.send({ kind: 'vote-reply', from: 'n2', to: 'n3', term: 2, phase: 'vote', campaign: 1, isGranted: true }) },
  { name: 'I1: a stored vote that is taken back', rule: 'I1', run: (bench) => bench.store('n2', { hardState: { term: 2, vote: '', commit: 1 } }) },
  { name: 'I2: a leader that truncates', rule: 'I2', run: (bench) => bench.step('n1', { role: 'leader', term: 2, commit: 1 }, { role: 'leader', term: 2, commit: 1 }, { write: writeOf({ truncateFrom: 2 }) }) },
  { name: 'I3: another entry of the same index and term', rule: 'I3', run: (bench) => bench.step('n3', { term: 2 }, { term: 2 }, { write: writeOf({ entries: [put(2, 2, 'other')] }) }) },
  { name: 'I4: a leader without a committed entry', rule: 'I4', run: (bench) => bench.elect('n3', 3, ['n3', 'n2']) },
  { name: 'I5: an entry applied twice', rule: 'I5', run: (bench) => [1, 2, 2].forEach((index) => bench.board.applied(bench.member('n1'), noop(index, index), null)) },
  {
    name: 'I5: another result than the command means',
    rule: 'I5',
    run: (bench) => {
      bench.append('n1', [put(3, 2, 'a')], ['n1', 'n2']);
      bench.step('n1', { role: 'leader', term: 2, commit: 2 }, { role: 'leader', term: 2, commit: 3 });
      bench.board.applies.startsAt(bench.member('n1'), 2);
      bench.board.applied(bench.member('n1'), put(3, 2, 'a'), DONE); // revision 2 instead of 3
    },
  },
  {
    name: 'I5: two digests of the state at one index',
    rule: 'I5',
    run: (bench) => {
      bench.board.applies.stateAt(bench.member('n1'), 2, 'aa');
      bench.board.applies.stateAt(bench.member('n2'), 2, 'bb');
    },
  },
  {
    name: 'I6: a commit that one disk of three holds',
    rule: 'I6',
    run: (bench) => {
      bench.append('n1', [noop(3, 2)], ['n1']);
      bench.step('n1', { role: 'leader', term: 2, commit: 2 }, { role: 'leader', term: 2, commit: 3 });
    },
  },
  {
    name: 'I6: a commit that a learner was counted for',
    rule: 'I6',
    run: (bench) => {
      bench.step('l1', { term: 2 }, { term: 2 }, { write: writeOf({ entries: [noop(2, 2)] }) });
      bench.store('l1', { entries: [noop(2, 2)], hardState: { term: 2, vote: '', commit: 1 } });
      bench.append('n1', [noop(3, 2)], ['n1', 'l1']);
      bench.step('n1', { role: 'leader', term: 2, commit: 2 }, { role: 'leader', term: 2, commit: 3 });
    },
  },
  {
    name: 'I6: an entry of an older term committed by counting',
    rule: 'I6',
    run: (bench) => {
      bench.append('n1', [put(3, 2, 'a')], ['n1', 'n2']);
      bench.elect('n2', 3, ['n2', 'n3']);
      bench.step('n2', { role: 'leader', term: 3, commit: 2 }, { role: 'leader', term: 3, commit: 3 });
    },
  },
  { name: 'I7: a commit index that falls', rule: 'I7', run: (bench) => bench.step('n1', { role: 'leader', term: 2, commit: 2 }, { role: 'leader', term: 2, commit: 1 }) },
  { name: 'I7: applied beyond committed', rule: 'I7', run: (bench) => bench.step('n2', { term: 2 }, { term: 2, commit: 1, lastApplied: 2 }) },
  { name: 'I7: a stored commit index beyond the stored log', rule: 'I7', run: (bench) => bench.store('n3', { hardState: { term: 2, vote: '', commit: 2 } }) },
  {
    name: 'I8: a follower that takes what is not committed for committed',
    rule: 'I8',
    run: (bench) => {
      bench.append('n1', [noop(3, 2)], ['n1', 'n2']);
      bench.receive('n2', { kind: 'heartbeat', from: 'n1', to: 'n2', term: 2, commit: 3, round: 1 }, { term: 2, commit: 1 }, { term: 2, commit: 3 });
    },
  },
  {
    name: 'I8: a follower that goes beyond what the message proves',
    rule: 'I8',
    run: (bench) => bench.receive('n2', { kind: 'append', from: 'n1', to: 'n2', term: 2, number: 1, prev: { index: 1, term: 1 }, entries: [], commit: 2 }, { term: 2, commit: 1 }, { term: 2, commit: 2 }),
  },
  { name: 'I9: a truncation below the commit index', rule: 'I9', run: (bench) => bench.step('n2', { term: 3, commit: 2 }, { term: 3, commit: 2 }, { write: writeOf({ truncateFrom: 2, entries: [noop(2, 3)] }) }) },
  { name: 'I10: an acknowledged write that is not committed', rule: 'I10', run: (bench) => bench.clients.wrote('n1', 'c1:1', 3, 2) },
  {
    name: 'I10: a write that takes effect twice',
    rule: 'I10',
    run: (bench) => {
      bench.truth.committedOperations.set('c1:1', [3, 4]);
      bench.clients.finish();
    },
  },
  {
    name: 'I10: a failed write that takes effect',
    rule: 'I10',
    run: (bench) => {
      bench.clients.failed('c1:1');
      bench.truth.committedOperations.set('c1:1', [3]);
      bench.clients.finish();
    },
  },
  { name: 'I11: an acknowledgement beyond the disk', rule: 'I11', run: (bench) => bench.send({ kind: 'append-reply', from: 'n3', to: 'n1', term: 2, number: 1, incarnation: 1, result: { kind: 'stored', match: 2 } }) },
  { name: 'I11: an acknowledgement in a term the disk does not know', rule: 'I11', run: (bench) => bench.send({ kind: 'append-reply', from: 'n3', to: 'n1', term: 2, number: 1, incarnation: 1, result: { kind: 'stored', match: 1 } }) },
  { name: 'I11: a vote that is not stored', rule: 'I11', run: (bench) => bench.send({ kind: 'vote-reply', from: 'n3', to: 'n1', term: 2, phase: 'vote', campaign: 1, isGranted: true }) },
  { name: 'I11: a candidacy that is not stored', rule: 'I11', run: (bench) => bench.send({ kind: 'vote', from: 'n3', to: 'n1', term: 3, phase: 'vote', campaign: 1, lastEntry: { index: 1, term: 1 }, isTransfer: false }) },
  { name: 'I11: a durable index beyond the disk', rule: 'I11', run: (bench) => bench.send({ kind: 'heartbeat-reply', from: 'n3', to: 'n1', term: 2, round: 1, incarnation: 1, durableIndex: 2 }) },
  {
    name: 'I11: a core that is told of more than the disk holds',
    rule: 'I11',
    run: (bench) => {
      const disk = bench.state('n3').disk;
      bench.step('n3', { term: 2 }, { term: 2, disk: { ...disk, durable: 2 } }, {}, { kind: 'written', write: 1 });
    },
  },
  {
    name: 'I12: a change before the last one is committed',
    rule: 'I12',
    run: (bench) => {
      bench.step('n1', { role: 'leader', term: 2, commit: 2 }, { role: 'leader', term: 2, commit: 2 }, { write: writeOf({ entries: [change(3, 2, configurationOf(['n1', 'n2', 'n3', 'l1']))] }) });
      bench.step('n1', { role: 'leader', term: 2, commit: 2 }, { role: 'leader', term: 2, commit: 2 }, { write: writeOf({ entries: [change(4, 2, configurationOf(['n1', 'n2', 'n3']))] }) });
    },
  },
  {
    name: 'I12: a change before anything of the own term is committed',
    rule: 'I12',
    run: (bench) => bench.step('n1', { role: 'leader', term: 2, commit: 1 }, { role: 'leader', term: 2, commit: 1 }, { write: writeOf({ entries: [change(3, 2, configurationOf(['n1', 'n2', 'n3', 'l1']))] }) }),
  },
  {
    name: 'I12: two voters at once',
    rule: 'I12',
    run: (bench) => bench.step('n1', { role: 'leader', term: 2, commit: 2 }, { role: 'leader', term: 2, commit: 2 }, { write: writeOf({ entries: [change(3, 2, configurationOf(['n1']))] }) }),
  },
  { name: 'I13: a configuration that is not the newest in the log', rule: 'I13', run: (bench) => bench.step('n1', { role: 'leader', term: 2, commit: 2 }, { role: 'leader', term: 2, commit: 2, configurations: [] }) },
  {
    name: 'I13: a configuration with other members than its entry',
    rule: 'I13',
    run: (bench) => bench.step('n1', { role: 'leader', term: 2, commit: 2 }, { role: 'leader', term: 2, commit: 2, configurations: [{ index: 1, configuration: configurationOf(['n1', 'n2']) }] }),
  },
  {
    name: 'I15: a read without a round',
    rule: 'I15',
    run: (bench) => {
      const leads = { role: 'leader', term: 2, commit: 2 } as const;
      bench.step('n1', leads, leads, { reads: [{ id: 1, kind: 'accepted', value: 2 }] }, { kind: 'read', id: 1 });
    },
  },
  {
    name: 'I15: a round that began before the read',
    rule: 'I15',
    run: (bench) => {
      const leads = { role: 'leader', term: 2, commit: 2 } as const;
      bench.step('n1', leads, leads, { messages: [{ kind: 'heartbeat', from: 'n1', to: 'n2', term: 2, commit: 1, round: 1 }] });
      bench.step('n1', leads, leads, {}, { kind: 'read', id: 1 });
      bench.receive('n1', { kind: 'heartbeat-reply', from: 'n2', to: 'n1', term: 2, round: 1, incarnation: 1, durableIndex: 2 }, leads, leads, { reads: [{ id: 1, kind: 'accepted', value: 2 }] });
    },
  },
  {
    name: 'I15: a round that a learner confirmed',
    rule: 'I15',
    run: (bench) => {
      const leads = { role: 'leader', term: 2, commit: 2 } as const;
      bench.step('n1', leads, leads, { messages: [{ kind: 'heartbeat', from: 'n1', to: 'l1', term: 2, commit: 1, round: 1 }] }, { kind: 'read', id: 1 });
      bench.receive('n1', { kind: 'heartbeat-reply', from: 'l1', to: 'n1', term: 2, round: 1, incarnation: 1, durableIndex: 1 }, leads, leads, { reads: [{ id: 1, kind: 'accepted', value: 2 }] });
    },
  },
  {
    name: 'I15: a read before the own term committed anything',
    rule: 'I15',
    run: (bench) => {
      const leads = { role: 'leader', term: 2, commit: 1 } as const;
      bench.step('n1', leads, leads, { messages: [{ kind: 'heartbeat', from: 'n1', to: 'n2', term: 2, commit: 1, round: 1 }] }, { kind: 'read', id: 1 });
      bench.receive('n1', { kind: 'heartbeat-reply', from: 'n2', to: 'n1', term: 2, round: 1, incarnation: 1, durableIndex: 2 }, leads, leads, { reads: [{ id: 1, kind: 'accepted', value: 1 }] });
    },
  },
  { name: 'I15: a follower that answers without asking the leader', rule: 'I15', run: (bench) => bench.step('n2', { term: 2 }, { term: 2 }, { reads: [{ id: 1, kind: 'accepted', value: 2 }] }, { kind: 'read', id: 1 }) },
  { name: 'I15: an answer that lacks an acknowledged write', rule: 'I15', run: (bench) => bench.clients.read('n1', { id: 'c1:1', k: 'k', level: 'linearizable', floor: 2, token: 0 }, 1, null) },
  { name: 'I15: a value the key does not have there', rule: 'I15', run: (bench) => bench.clients.read('n1', { id: 'c1:1', k: 'k', level: 'stale', floor: 0, token: 0 }, 2, 'x') },
  { name: 'I16: a session that goes back', rule: 'I16', run: (bench) => bench.clients.read('n1', { id: 'c1:1', k: 'k', level: 'follower', floor: 0, token: 2 }, 1, null) },
  {
    name: 'I17: an envelope of another lineage that is not refused',
    rule: 'I17',
    run: (bench) => {
      const body = { kind: 'timeout-now', from: 'n1', to: 'n2', term: 2 } as const;
      bench.board.arriving(bench.member('n2'), { clusterId: 'other', generation: 1, from: 'n1', to: 'n2', version: 1, maxFeatureLevel: 1, body }, true);
      bench.board.arrived(bench.member('n2'));
    },
  },
  { name: 'I17: a message for somebody else in the core', rule: 'I17', run: (bench) => bench.receive('n2', { kind: 'timeout-now', from: 'n1', to: 'n3', term: 2 }, { term: 2 }, { term: 2 }) },
  { name: 'I18: a leader by one vote of three', rule: 'I18', run: (bench) => bench.elect('n1', 3, ['n1']) },
  { name: 'I18: a leader by the vote of a learner', rule: 'I18', run: (bench) => bench.elect('n1', 3, ['n1', 'l1']) },
  { name: 'I18: a learner that campaigns', rule: 'I18', run: (bench) => bench.step('l1', { term: 2 }, { role: 'pre-candidate', term: 2 }) },
  {
    name: 'I19: a snapshot of a state nobody was in',
    rule: 'I19',
    run: (bench) => bench.board.applies.snapshotAt(bench.member('n1'), 2, 'cc'),
  },
  {
    name: 'I19: a snapshot of an entry that is not committed',
    rule: 'I19',
    run: (bench) => bench.step('n1', { role: 'leader', term: 2, commit: 2 }, { role: 'leader', term: 2, commit: 2 }, {}, { kind: 'snapshot-taken', snapshot: positionAt(3, 2) }),
  },
  {
    name: 'I3: a suffix kept behind a snapshot it does not fit',
    rule: 'I3',
    run: (bench) => bench.step('n3', { term: 2 }, { term: 2, commit: 2, snapshot: { index: 2, term: 2 } }, { write: writeOf({ install: { snapshot: positionAt(2, 2), keepSuffix: true } }) }),
  },
  { name: 'I20: a log that begins behind its snapshots', rule: 'I20', run: (bench) => bench.store('n1', { base: { index: 2, term: 2 } }) },
  {
    name: 'I20: a named snapshot without a durable file',
    rule: 'I20',
    run: (bench) => {
      bench.snapshotSize = null;
      bench.store('n1', { snapshots: [snapshotAt(2, 2)] });
    },
  },
  {
    name: 'I21: an acknowledgement after a failed commit',
    rule: 'I21',
    run: (bench) => {
      bench.member('n2').hasFailedCommit = true;
      bench.send({ kind: 'append-reply', from: 'n2', to: 'n1', term: 2, number: 1, incarnation: 1, result: { kind: 'stored', match: 2 } });
    },
  },
  {
    name: 'I24: more under way than the limit',
    rule: 'I24',
    run: (bench) => {
      const inflight = Array.from({ length: 65 }, (_, at) => ({ number: at, last: 2, bytes: 1 }));
      const peer = { id: 'n2', inflight, inflightBytes: 65 };
      const leading = { peers: [peer], waitingReads: null, readRounds: [], transfer: null } as unknown as NonNullable<ReturnType<CheckBench['state']>['leading']>;
      bench.step('n1', { role: 'leader', term: 2, commit: 2 }, { role: 'leader', term: 2, commit: 2, leading });
    },
  },
];

describe('checkers of the simulator', () => {
  it('say nothing of a run that is right', () => {
    const bench = led();
    assert.deepEqual(bench.world.violations, []);
  });

  for (const { name, rule, run } of cases) {
    it(`catch ${name}`, () => {
      const bench = led();
      assert.deepEqual(bench.world.violations, []);
      run(bench);
      assert.ok(bench.rules.includes(rule), `expected ${rule}, found ${JSON.stringify(bench.world.violations)}`);
    });
  }

  const calm = { faults: [], voters: 3, learners: 0, clients: 2, troubleUs: 1_000_000, endsInQuorumLoss: false } as const;

  it('catch I22: a member that does not come back', async () => {
    const result = await runSeed({ seed: '3', plan: calm, prepare: (host) => void (host.id === 'n3' && (host.boot = () => undefined)) });
    assert.deepEqual(result.violations.map((one) => one.rule), ['I22']);
    assert.match(result.violations[0]?.message ?? '', /n3 does not run/);
  });

  it('catch I22: a term that moves though nothing is wrong', async () => {
    const pauses = (host: Host): void => {
      const { boot } = host;
      host.boot = function bootAndStall() {
        boot.call(host);
        const stall = (): void => {
          host.process?.pause();
          host.world.after(1_000_000, null, () => host.process?.resume());
        };
        if (host.id === 'n1') for (const at of [4, 6, 8, 10]) host.world.after(at * 1_000_000, null, () => void (host.truth.state?.role === 'leader' && stall()));
        if (host.id !== 'n1') for (const at of [4.5, 6.5, 8.5]) host.world.after(at * 1_000_000, null, () => void (host.truth.state?.role === 'leader' && stall()));
      };
    };
    const result = await runSeed({ seed: '3', plan: calm, prepare: pauses });
    assert.deepEqual(result.violations.map((one) => one.rule), ['I22']);
  });

  it('say nothing of the same run without the trouble', async () => assert.deepEqual((await runSeed({ seed: '3', plan: calm })).violations, []));
});
