import assert from 'node:assert/strict';
import { finding } from '../../../src/engine/model/finding.ts';
import { pick } from '../../../src/engine/recovery/pick.ts';
import { disk } from './build.ts';

const FIVE: [number, ...string[]] = [0, 'A', 'B', 'C', 'D', 'E'];

describe('the worked cases of the source rule', () => {
  it('1: a newer term beats a longer log, and two of three prove it', () => {
    const report = pick([disk({ label: 'B', runs: [[4, 1, 120]] }), disk({ label: 'C', runs: [[4, 1, 117], [5, 118, 118]] })]);
    assert.equal(report.source, 'C');
    assert.equal(report.decidedBy, 'last-term');
    assert.deepEqual([report.loss.proof, report.loss.verdict], ['proven', 'none']);
    assert.deepEqual(report.divergence.map((one) => [one.index, one.onlyInA, one.onlyInB]), [[118, { from: 118, to: 120 }, { from: 118, to: 118 }]]);
  });

  it('2: one survivor of three is never proven', () => {
    const { source, loss, quorum, advice } = pick([disk({ label: 'A', runs: [[7, 1, 900]], floor: 890 })]);
    assert.equal(source, 'A');
    assert.deepEqual([loss.proof, loss.verdict, loss.safeTo], ['best-effort', 'unknown', 890]);
    assert.deepEqual(loss.inDoubt, { from: 891, to: 900, entries: 10 });
    assert.deepEqual(loss.missing, { from: 901, to: null });
    assert.deepEqual(quorum, { voters: 3, quorum: 2, surveyed: 1, needed: 1 });
    assert.match(advice[0] ?? '', /dead members' disks/);
  });

  const damaged = (tail: number) =>
    disk({
      label: 'C',
      runs: [[6, 1, 470]],
      configurations: [FIVE],
      report: { health: 'damaged', startable: { ok: false, reason: 'entry 471 is damaged' }, damage: [{ file: 'wal/1.wal', byteOffset: 9, fromIndex: 471, toIndex: 471, tail: { term: 6, index: tail } }] },
    });
  const twoOfFive = [disk({ label: 'A', runs: [[6, 1, 500]], configurations: [FIVE] }), disk({ label: 'B', runs: [[6, 1, 480]], configurations: [FIVE] })];

  it('3: a damaged disk whose log went further bounds the loss', () => {
    const { source, loss } = pick([...twoOfFive, damaged(510)]);
    assert.equal(source, 'A');
    assert.deepEqual([loss.proof, loss.verdict, loss.missing], ['bounded', 'possible', { from: 501, to: 510 }]);
  });

  it('3: one that went no further counts in full', () => {
    assert.equal(pick([...twoOfFive, damaged(495)]).loss.proof, 'proven');
  });

  it('3: one whose end is hidden does not count', () => {
    const hidden = damaged(495);
    hidden.report.damage[0]!.tail = null;
    assert.equal(pick([...twoOfFive, hidden]).loss.proof, 'best-effort');
  });

  it('4: a restored copy does not count', () => {
    const disks = [disk({ label: 'A', runs: [[5, 1, 70]] }), disk({ label: 'B', runs: [[4, 1, 20]] })];
    assert.equal(pick(disks, { restored: ['B'] }).loss.proof, 'best-effort');
    assert.equal(pick(disks).loss.proof, 'proven');
  });

  it('5: half of an even cluster is conditional, with the attestation only', () => {
    const four: [number, ...string[]] = [0, 'A', 'B', 'C', 'D'];
    const disks = ['A', 'B'].map((label) => disk({ label, runs: [[2, 1, 10]], floor: 5, configurations: [four] }));
    assert.equal(pick(disks).loss.proof, 'best-effort');
    const { proof, verdict } = pick(disks, { noMembershipChange: true }).loss;
    assert.deepEqual([proof, verdict], ['conditional', 'possible']);
    assert.equal(pick([...disks, disk({ label: 'C', runs: [[2, 1, 9]], configurations: [four] })]).loss.proof, 'proven');
  });

  it('5: not while the newest configuration may be uncommitted', () => {
    const disks = ['A', 'B'].map((label) => disk({ label, runs: [[2, 1, 10]], floor: 5, configurations: [[8, 'A', 'B', 'C', 'D']] }));
    assert.equal(pick(disks, { noMembershipChange: true }).loss.proof, 'best-effort');
  });

  it('6: a change in flight needs the majority of both configurations', () => {
    const A = disk({ label: 'A', runs: [[3, 1, 299]], floor: 299 });
    const D = disk({ label: 'D', runs: [[3, 1, 305]], configurations: [[0, 'A', 'B', 'C'], [300, 'A', 'B', 'C', 'D']] });
    const short = pick([A, D]);
    assert.deepEqual([short.source, short.loss.proof], ['D', 'best-effort']);
    const whole = pick([A, disk({ label: 'B', runs: [[3, 1, 299]] }), D]);
    assert.deepEqual([whole.source, whole.loss.proof], ['D', 'proven']);
  });

  it('7: a commit index beyond the log is a certain loss', () => {
    const { source, loss } = pick([disk({ label: 'A', runs: [[3, 1, 40]], commit: 55 })]);
    assert.equal(source, 'A');
    assert.deepEqual([loss.proof, loss.verdict, loss.missing], ['certain-loss', 'certain', { from: 41, to: 55 }]);
  });

  it('8: a snapshot ahead of an empty log ranks by its own position', () => {
    const snapshot = { file: 'snap/8-1000.snap', term: 8, index: 1000, bytes: 1, status: 'verified' as const, confState: null };
    const A = disk({ label: 'A', floor: 1000, report: { lastEntry: { term: 8, index: 1000 }, snapshots: [snapshot] } });
    const { source, loss } = pick([A, disk({ label: 'B', runs: [[8, 1, 990]] })]);
    assert.deepEqual([source, loss.proof], ['A', 'proven']);
  });

  it('9: the floor gate keeps an entry known committed against a newer last term', () => {
    const S4 = disk({ label: 'S4', runs: [[1, 1, 1], [2, 2, 2]], commit: 2, configurations: [[0, 'S1', 'S2', 'S3', 'S4', 'S5']] });
    const S5 = disk({ label: 'S5', runs: [[1, 1, 1], [3, 2, 2]], configurations: [[0, 'S1', 'S2', 'S3', 'S4', 'S5']] });
    const both = pick([S4, S5]);
    assert.deepEqual([both.source, both.decidedBy, both.loss.proof], ['S4', 'floor-gate', 'best-effort']);
    assert.match(both.ranking.find((one) => one.label === 'S5')?.disqualified ?? '', /holds another entry at 2/);
    const alone = pick([S5], { acked: [{ term: 2, index: 2 }] });
    assert.deepEqual([alone.source, alone.loss.proof], ['S5', 'certain-loss']);
  });
});

describe('a commit index whose term nobody knows', () => {
  it('stops no candidate: a longer log of an older term does not hold it', () => {
    const disks = [disk({ label: 'A', runs: [[6, 1, 850], [7, 851, 900]], floor: 800 }), disk({ label: 'B', runs: [[6, 1, 950]], floor: 800 })];
    const { source, loss, decidedBy } = pick(disks, { seenCommit: 920 });
    assert.deepEqual([source, decidedBy, loss.proof, loss.missing], ['A', 'last-term', 'certain-loss', { from: 901, to: 920 }]);
  });
});

describe('a state machine that is ahead of its log', () => {
  const ahead = disk({ label: 'A', runs: [[2, 1, 609]], commit: 606, floor: 756, report: { appliedIndex: 756, health: 'damaged' } });
  const behind = disk({ label: 'B', runs: [[2, 1, 736]], commit: 734, floor: 736, report: { appliedIndex: 736 } });

  it('is the source when nobody else reaches what it applied', () => {
    const { source, decidedBy, loss, ranking } = pick([ahead, behind]);
    assert.deepEqual([source, decidedBy], ['A', 'floor-gate']);
    assert.deepEqual([loss.verdict, loss.proof, loss.safeTo, loss.inDoubt, loss.missing], ['unknown', 'best-effort', 756, null, { from: 757, to: null }]);
    assert.match(ranking[1]?.disqualified ?? '', /ends at 736, but the state machine of A holds 756, which is committed/);
  });

  it('stops no log that reaches as far', () => {
    const { source, loss, ranking } = pick([ahead, disk({ label: 'B', runs: [[2, 1, 760]], commit: 734 })]);
    assert.deepEqual([source, loss.verdict, loss.safeTo, ranking.map((one) => one.disqualified)], ['B', 'unknown', 756, [null, null]]);
  });

  it('leaves the gate of an entry whose term is known where it is', () => {
    const stale = disk({ label: 'C', runs: [[1, 1, 690], [3, 691, 800]] });
    const knower = disk({ label: 'B', runs: [[1, 1, 690], [2, 691, 740]], commit: 736 });
    const { source, ranking } = pick([ahead, knower, stale]);
    assert.equal(source, 'A');
    assert.match(ranking.find((one) => one.label === 'C')?.disqualified ?? '', /holds another entry at 736/);
    assert.match(ranking.find((one) => one.label === 'B')?.disqualified ?? '', /ends at 740/);
  });

  it('proves nothing where its disk cannot be started', () => {
    const lost = disk({ label: 'A', runs: [[2, 1, 609]], floor: 756, report: { appliedIndex: 756, startable: { ok: false, reason: 'a page of its db is damaged' } } });
    const { source, loss } = pick([lost, behind]);
    assert.deepEqual([source, loss.verdict, loss.missing], ['B', 'certain', { from: 737, to: 756 }]);
  });
});

describe('what does not count for the proof', () => {
  const intact = disk({ label: 'A', runs: [[2, 1, 50]], floor: 40 });

  it('a running member makes the answer preliminary and never proven', () => {
    const report = pick([intact, disk({ label: 'B', runs: [[2, 1, 50]], report: { running: { pid: 7 } } }), disk({ label: 'C', runs: [[2, 1, 50]] })]);
    assert.equal(report.preliminary, true);
    assert.equal(report.loss.verdict, 'unknown');
  });

  it('two disks of one member', () => {
    assert.equal(pick([intact, disk({ label: 'A2', runs: [[2, 1, 30]], report: { memberId: 'A' } })]).loss.proof, 'best-effort');
  });

  it('a learner, which is no source either without leave', () => {
    const view: [number, ...string[]] = [0, 'A', 'B', 'C'];
    const learner = disk({ label: 'L', runs: [[2, 1, 60]], configurations: [view] });
    learner.report.confState!.learners = ['L'];
    assert.equal(pick([intact, learner]).source, 'A');
    const allowed = pick([intact, learner], { allowLearner: true });
    assert.deepEqual([allowed.source, allowed.loss.proof], ['L', 'best-effort']);
  });

  it('an unfinished last record counts, with the assumption listed', () => {
    const torn = disk({ label: 'B', runs: [[2, 1, 45]], report: { health: 'torn-tail' } });
    const { proof, verdict } = pick([intact, torn]).loss;
    assert.deepEqual([proof, verdict], ['proven-if-torn', 'none']);
    const below = disk({ label: 'B', runs: [[2, 1, 39]], report: { health: 'torn-tail' } });
    assert.equal(pick([intact, below]).loss.proof, 'best-effort', 'a tear below the floor');
  });

  for (const [rule, whyNot] of [['wal-end-missing', /newest log segment is full/], ['wal-repaired', /cut whole entries off/]] as const) {
    it(`a log that once went on (${rule})`, () => {
      const cut = (severity: 'warn' | 'info') => ({ ...disk({ label: 'B', runs: [[2, 1, 50]] }), findings: [finding(rule, severity, 'x')] });
      const { loss, advice } = pick([intact, cut('warn')]);
      assert.deepEqual([loss.proof, loss.verdict], ['best-effort', 'unknown']);
      assert.match(advice.join('\n'), whyNot);
      assert.equal(pick([intact, cut('info')]).loss.proof, 'proven');
    });
  }

  it('disks that share no entry, where the store has no cluster id', () => {
    const [a, b] = [disk({ label: 'A', runs: [[2, 51, 60]], report: { clusterId: null } }), disk({ label: 'B', runs: [[2, 1, 50]], report: { clusterId: null } })];
    assert.equal(pick([a, b]).loss.proof, 'best-effort');
  });
});

describe('when no source can be named', () => {
  it('two clusters, one disk each', () => {
    const disks = [disk({ label: 'A', runs: [[2, 1, 5]] }), disk({ label: 'B', runs: [[2, 1, 9]], report: { clusterId: 'c2cccccc' } })];
    assert.equal(pick(disks).source, null);
    assert.equal(pick(disks, { clusterId: 'c1' }).source, 'A');
  });

  it('the majority decides which cluster is meant', () => {
    const disks = [disk({ label: 'A', runs: [[2, 1, 5]] }), disk({ label: 'B', runs: [[2, 1, 4]] }), disk({ label: 'X', runs: [[9, 1, 90]], report: { clusterId: 'c2' } })];
    const report = pick(disks);
    assert.equal(report.source, 'A');
    assert.match(report.ranking.at(-1)?.disqualified ?? '', /another cluster, c2/);
  });

  it('no configuration, unless the operator knows how many voters there were', () => {
    const disks = ['A', 'B'].map((label) => disk({ label, runs: [[2, 1, 5]], configurations: [], report: { confState: null } }));
    for (const one of disks) one.configurations = [];
    assert.equal(pick(disks).source, null);
    const known = pick(disks, { voters: 3 });
    assert.deepEqual([known.source, known.loss.proof], ['A', 'proven']);
  });

  it('the only holder of a committed entry cannot be started', () => {
    const holder = disk({ label: 'A', runs: [[2, 1, 50]], commit: 50, report: { startable: { ok: false, reason: 'its db is gone' } } });
    const report = pick([holder, disk({ label: 'B', runs: [[2, 1, 40]] })]);
    assert.equal(report.source, null);
    assert.match(report.advice.join('\n'), /--seen-commit 50/);
    assert.equal(pick([disk({ label: 'B', runs: [[2, 1, 40]] })], { seenCommit: 50 }).loss.verdict, 'certain');
  });
});
