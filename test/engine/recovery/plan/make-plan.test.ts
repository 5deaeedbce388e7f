import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { EXIT, InspectorError, RefusedError } from '../../../../src/engine/errors.ts';
import { parsePlan, planText } from '../../../../src/engine/model/plan-schema.ts';
import { lintPlan } from '../../../../src/engine/recovery/plan/lint.ts';
import { treeFingerprint } from '../../../helpers/tree-fingerprint.ts';
import { counting, dataDirectory, FakeTarget, planOf, WAL } from './plan-builder.ts';

const LONE = { label: 'A', runs: [[7, 1, 900]] as [number, number, number][], commit: 890 };

function refuses(rule: string): (error: unknown) => boolean {
  return (error) => error instanceof RefusedError && error.rule === rule && error.hint !== '';
}

describe('making a plan', () => {
  let directory: string;
  beforeEach(() => {
    directory = dataDirectory();
  });
  afterEach(() => fs.rmSync(directory, { recursive: true }));

  it('decides for one survivor of three: all kept, everybody else fenced, each file with its digest', async () => {
    const before = treeFingerprint(directory, 'bytes');
    const target = new FakeTarget();
    const plan = await planOf({ directory, disks: [LONE], target });
    assert.deepEqual(treeFingerprint(directory, 'bytes'), before, 'planning writes nothing');
    assert.deepEqual([plan.source, plan.dataDir, plan.keepTo, plan.inDoubt, plan.why.loss.verdict], ['A', directory, 900, 'keep', 'unknown']);
    assert.deepEqual(plan.files.map(({ path: name, bytes }) => [name, bytes]), [['member/snap/db', 'content of member/snap/db'.length], [WAL, `content of ${WAL}`.length]]);
    assert.deepEqual(plan.dead, ['B', 'C']);
    assert.deepEqual(plan.steps.map((one) => [one.kind, one.target]), [
      ['backup', `${directory}.ri/${plan.planId.slice(0, 6)}`],
      ['build', `${directory}.ri/new`],
      ['check', `${directory}.ri/new`],
      ['swap', directory],
    ]);
    assert.deepEqual(plan.steps.at(-1)?.after, { start: ['start it plainly'] });
    assert.equal(plan.rollback.command, `raft-inspector recover undo ${plan.planId.slice(0, 6)}`);
    assert.deepEqual([target.decision?.floor, target.decision?.highestTerm], [890, 7]);
    assert.deepEqual(lintPlan(plan, new Date(plan.createdAt)), []);
    assert.deepEqual(await parsePlan(planText(plan), 'plan.json'), plan);
  });

  it('drops what is in doubt on request, and never what is known committed', async () => {
    const dropped = await planOf({ directory, disks: [LONE], request: { inDoubt: 'drop' } });
    assert.equal(dropped.keepTo, 890);
    assert.match(dropped.why.loss.statement, /The operator decided to drop 891-900\.$/);
    // The database has applied more than the hard state says.
    const applied = { ...LONE, report: { appliedIndex: 895 } };
    assert.equal((await planOf({ directory, disks: [applied], request: { inDoubt: 'drop' } })).keepTo, 895);
    // Another disk knows more committed than the source's own.
    const knows = { label: 'B', runs: [[7, 1, 898]] as [number, number, number][], commit: 897, report: { health: 'damaged' as const, startable: { ok: false as const, reason: 'its db is gone' } } };
    const plan = await planOf({ directory, disks: [LONE, knows], request: { inDoubt: 'drop' } });
    assert.deepEqual([plan.source, plan.keepTo], ['A', 897]);
    assert.match(plan.notes.join('\n'), /Entries 898-900 are dropped/);
  });

  it('gives equal plans for equal input and equal chance', async () => {
    const one = await planOf({ directory, disks: [LONE], request: { randomHex: counting() } });
    const two = await planOf({ directory, disks: [LONE], request: { randomHex: counting() } });
    assert.deepEqual(one, two);
    assert.match(one.planId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const other = await planOf({ directory, disks: [LONE] });
    assert.notEqual(other.planId, one.planId);
  });

  it('refuses a member that runs, read anywhere in the survey', async () => {
    await assert.rejects(planOf({ directory, disks: [{ ...LONE, report: { running: { pid: 2214 } } }] }), (error) => refuses('process-running')(error) && /A \(pid 2214\)/.test((error as Error).message));
    const other = { label: 'B', runs: [[6, 1, 10]] as [number, number, number][], report: { running: { pid: null } } };
    await assert.rejects(planOf({ directory, disks: [LONE, other], request: { overrides: ['quorum-present', 'certain-loss'] } }), refuses('process-running'));
  });

  it('refuses files that were written to after they were read, or while', async () => {
    fs.utimesSync(path.join(directory, WAL), new Date('2026-01-02T03:04:05.500Z'), new Date('2026-01-02T03:04:05.500Z'));
    await assert.rejects(planOf({ directory, disks: [LONE] }), refuses('process-running'));
    fs.utimesSync(path.join(directory, WAL), new Date('2026-01-01T00:00:00Z'), new Date('2026-01-01T00:00:00Z'));
    const target = new FakeTarget();
    const draft = target.draft.bind(target);
    target.draft = async (source, decision) => {
      fs.appendFileSync(path.join(directory, WAL), 'more');
      fs.utimesSync(path.join(directory, WAL), new Date('2026-01-01T00:00:00Z'), new Date('2026-01-01T00:00:00Z'));
      return draft(source, decision);
    };
    await assert.rejects(planOf({ directory, disks: [LONE], target }), refuses('process-running'));
  });

  it('ends in exit 9 when no disk can be the source', async () => {
    const broken = { ...LONE, report: { startable: { ok: false as const, reason: 'its db is gone' } } };
    await assert.rejects(planOf({ directory, disks: [broken] }), (error) => error instanceof InspectorError && error.exitCode === EXIT['no-candidate']);
  });

  it('refuses to recover what only has to be started', async () => {
    const two = [LONE, { label: 'B', runs: [[7, 1, 890]] as [number, number, number][], commit: 880 }];
    await assert.rejects(planOf({ directory, disks: two }), (error) => refuses('quorum-present')(error) && /A, B are whole and a majority of the 3 voters/.test((error as Error).message));
    const plan = await planOf({ directory, disks: two, request: { overrides: ['quorum-present', 'certain-loss'] } });
    assert.deepEqual(plan.overrides, [{ rule: 'quorum-present', at: '2026-01-02T03:04:06.000Z', by: 'root@cp-1' }], 'what was not needed is not recorded');
    // One that its server does not start with is no part of a majority.
    const refusesStart = two.map((one) => ({ ...one, report: { serverStarts: one.label === 'A' } }));
    assert.equal((await planOf({ directory, disks: refusesStart })).source, 'A');
    await assert.rejects(planOf({ directory, disks: [{ ...LONE, configurations: [[1, 'A']] }] }), refuses('quorum-present'));
  });

  it('refuses a certain loss until somebody accepts it', async () => {
    const facts = { seenCommit: 950 };
    await assert.rejects(planOf({ directory, disks: [LONE], facts }), refuses('certain-loss'));
    const plan = await planOf({ directory, disks: [LONE], facts, request: { overrides: ['certain-loss'] } });
    assert.deepEqual([plan.why.loss.verdict, plan.overrides[0]?.rule, plan.keepTo], ['certain', 'certain-loss', 900]);
    assert.match(plan.notes.join('\n'), /Committed data is lost and that was accepted/);
    assert.deepEqual(lintPlan(plan, new Date(plan.createdAt)), []);
  });

  it('takes another source than the pick only when told so, and says what is left behind', async () => {
    const disks = [LONE, { label: 'B', runs: [[7, 1, 895]] as [number, number, number][], commit: 890, report: { serverStarts: false } }];
    await assert.rejects(planOf({ directory, disks, request: { source: 'B' } }), refuses('other-source'));
    const plan = await planOf({ directory, disks, request: { source: 'B', overrides: ['other-source'] } });
    assert.deepEqual([plan.source, plan.keepTo, plan.why.loss.verdict, plan.overrides.map((one) => one.rule)], ['B', 895, 'unknown', ['other-source']]);
    assert.match(plan.notes.join('\n'), /B was chosen, the pick is A\nA holds entries 896-900, which B does not/);
    await assert.rejects(planOf({ directory, disks, request: { source: 'X' } }), refuses('no-such-source'));
  });

  it('never takes a source that lacks what another disk proves committed', async () => {
    const behind = { label: 'B', runs: [[7, 1, 850]] as [number, number, number][], commit: 840, report: { serverStarts: false } };
    await assert.rejects(planOf({ directory, disks: [LONE, behind], request: { source: 'B', overrides: ['other-source', 'certain-loss'] } }), refuses('below-floor'));
    const unusable = { ...behind, report: { startable: { ok: false as const, reason: 'its db is gone' } } };
    await assert.rejects(planOf({ directory, disks: [LONE, unusable], request: { source: 'B', overrides: ['other-source', 'certain-loss'] } }), refuses('source-disqualified'));
  });

  it('names the entry that such a source lacks, and does not hold the state machine ahead of its log for lacking', async () => {
    const ahead = { label: 'A', runs: [[7, 1, 609]] as [number, number, number][], commit: 600, floor: 756, report: { appliedIndex: 756, serverStarts: false } };
    const behind = { label: 'B', runs: [[7, 1, 736]] as [number, number, number][], commit: 734, report: { serverStarts: false } };
    assert.equal((await planOf({ directory, disks: [ahead, behind], request: { source: 'A' } })).source, 'A');
    await assert.rejects(planOf({ directory, disks: [ahead, behind], request: { source: 'B' } }), refuses('source-disqualified'));
    const longer = { ...behind, label: 'C', runs: [[7, 1, 760]] as [number, number, number][], commit: 750 };
    const plan = await planOf({ directory, disks: [ahead, behind, longer], request: { source: 'A', overrides: ['other-source', 'quorum-present'] } });
    assert.match(plan.notes.join('\n'), /C holds entries 757-760, which A does not/);
    await assert.rejects(planOf({ directory, disks: [ahead, behind, longer], request: { source: 'B', overrides: ['other-source', 'quorum-present'] } }), (error) => refuses('below-floor')(error) && /B lacks entry 75[06]/.test((error as Error).message));
  });

  it('needs the files of the source, not its evidence', async () => {
    await assert.rejects(planOf({ directory, disks: [LONE], evidenceOnly: ['A'] }), refuses('evidence-only'));
  });

  it('refuses a part of a member, and a directory with links in it', async () => {
    await assert.rejects(planOf({ directory: path.join(directory, 'member/wal'), disks: [LONE] }), refuses('no-data-directory'));
    assert.equal((await planOf({ directory: path.join(directory, 'member'), disks: [LONE] })).dataDir, directory);
    fs.symlinkSync('/etc/hostname', path.join(directory, 'member/snap/link'));
    await assert.rejects(planOf({ directory, disks: [LONE] }), refuses('symlink'));
  });

  it('asks which server a disk is where the store does not say', async () => {
    const nameless = { ...LONE, label: 'x1', report: { memberId: null, clusterId: null, name: null, path: '/x1' } };
    await assert.rejects(planOf({ directory, disks: [nameless] }), (error) => refuses('unknown-server')(error) && /--id x1=<server id>, one of A, B, C/.test((error as InspectorError).hint));
    const plan = await planOf({ directory, disks: [nameless], facts: { ids: { x1: 'A' } } });
    assert.deepEqual([plan.source, plan.dead], ['x1', ['B', 'C']]);
  });

  it('takes the word about dead members only when the disks agree, both ways', async () => {
    const five: [number, ...string[]][] = [[1, 'A', 'B', 'C', 'D', 'E']];
    const disks = [{ ...LONE, configurations: five }, { label: 'B', runs: [[7, 1, 890]] as [number, number, number][], commit: 880, configurations: five }];
    const dead = async (...names: string[]) => planOf({ directory, disks, facts: { dead: names } });
    assert.deepEqual((await dead('C', 'D', 'E')).dead, ['B', 'C', 'D', 'E']);
    for (const names of [['C', 'D'], ['B', 'C', 'D', 'E'], ['A', 'C', 'D', 'E'], ['C', 'D', 'E', 'F']]) {
      await assert.rejects(dead(...names), refuses('dead-mismatch'), names.join());
    }
    // A disk that was read and is broken may be called dead.
    const broken = [{ ...LONE, configurations: five }, { label: 'B', runs: [[7, 1, 890]] as [number, number, number][], configurations: five, report: { health: 'damaged' as const, startable: { ok: false as const, reason: 'its log is damaged' } } }];
    assert.deepEqual((await planOf({ directory, disks: broken, facts: { dead: ['B', 'C', 'D', 'E'] } })).dead, ['B', 'C', 'D', 'E']);
  });

  it('warns of sizes that gain nothing and of regions, where names tell', async () => {
    const notes = async (voters: string[], addresses: Record<string, string> = {}): Promise<string> => {
      const members = voters.map((id) => ({ id, name: id, addresses: addresses[id] === undefined ? [] : [addresses[id]], role: 'voter' as const }));
      const plan = await planOf({ directory, disks: [{ ...LONE, configurations: [[1, ...voters]], report: { confState: { voters, learners: [], index: 1, pending: false, members } } }] });
      return plan.notes.join('\n');
    };
    assert.equal(await notes(['A', 'B', 'C']), '');
    assert.match(await notes(['A', 'B', 'C', 'D']), /4 voters: quorum 3, 1 may fail: an even number, and 3 would survive as many/);
    assert.match(await notes(['A', 'B']), /2 voters: quorum 2, none may fail: 3 is the least/);
    assert.match(await notes(['A', 'B', 'C', 'D', 'E']), /grows back to 3, not to the 5 it had/);
    assert.match(await notes(['A', 'B', 'C'], { A: 'https://a.eu-west-1.example:2380', B: 'https://b.us-east-1.example:2380' }), /different regions.*eu-west-1: A; us-east-1: B/);
    assert.equal(await notes(['A', 'B', 'C'], { A: 'https://a.eu-west-1.example:2380', B: 'https://b.eu-west-1.example:2380' }), '');
  });

  it('leaves the data directory open when the source is an unpacked copy', async () => {
    const { makePlan } = await import('../../../../src/engine/recovery/plan/make-plan.ts');
    const { examine } = await import('../../../../src/engine/recovery/pick.ts');
    const { disk } = await import('../build.ts');
    const { surveyed } = await import('./plan-builder.ts');
    const one = surveyed(disk(LONE), directory, false);
    const report = examine([one.evidence]).report;
    const plan = await makePlan({ disks: [one], report, facts: {}, factWords: [], inDoubt: 'keep', newClusterId: 'auto', bumpRevision: null, selfAddress: null, targetMembers: 3, overrides: [], tool: 'test', dead: [], connection: null, targets: () => new FakeTarget() });
    assert.equal(plan.dataDir, null);
    assert.equal(plan.files.length, 2);
    assert.match(plan.notes.join('\n'), /Made from a copy of \/disks\/A: .*--data/);
  });
});
