import assert from 'node:assert/strict';
import path from 'node:path';
import { DriftError, InspectorError } from '../../../../src/engine/errors.ts';
import type { RecoveryPlan } from '../../../../src/engine/model/plan.ts';
import { sealPlan } from '../../../../src/engine/model/plan.ts';
import { applyPlan, previewApply } from '../../../../src/engine/recovery/apply/apply.ts';
import type { ApplyOptions } from '../../../../src/engine/recovery/apply/options.ts';
import { recoveryStatus } from '../../../../src/engine/recovery/apply/status.ts';
import { previewUndo, undoPlan } from '../../../../src/engine/recovery/apply/undo.ts';
import type { ApplyWorld } from '../../../../src/engine/recovery/apply/world.ts';
import { FAKE_CHANGES, FAKE_DATA, FAKE_OPTIONS, fakePlan, fakeTarget, fakeWorld, plantFake } from '../../../helpers/fake-recovery.ts';
import { SimulatedFiles } from '../../../helpers/simulated-files.ts';

const OTHER_ID = '77777700-0000-4000-8000-000000000002';

describe('recover apply refuses', () => {
  let ops: SimulatedFiles;
  let plan: RecoveryPlan;
  beforeEach(async () => {
    ops = new SimulatedFiles();
    plantFake(ops);
    plan = await fakePlan(ops, { kind: 'files' });
  });

  function write(file: string, text: string): void {
    if (ops.facts(file) !== null) ops.unlink(file);
    const fd = ops.open(file, 'create', 0o640);
    ops.write(fd, Buffer.from(text), 0);
    ops.close(fd);
  }

  /** Both verbs agree, and a refusal leaves nothing behind. */
  async function refused(rule: string, exit: number, how: { world?: Partial<ApplyWorld>; options?: Partial<ApplyOptions>; plan?: RecoveryPlan } = {}): Promise<InspectorError> {
    const [world, options, one] = [fakeWorld(ops, how.world), { ...FAKE_OPTIONS, ...how.options }, how.plan ?? plan];
    const before = ops.dump('/');
    const preview = await previewApply(one, options, world);
    assert.deepEqual([preview.state, preview.refusals[0]?.rule, preview.refusals[0]?.exit], ['preview', rule, exit]);
    assert.ok(preview.checks.some((check) => check.ok === false));
    const error = await applyPlan(one, options, world).then(() => assert.fail('it was applied'), (thrown: unknown) => thrown);
    assert.ok(error instanceof InspectorError, String(error));
    assert.equal(error.exitCode, exit);
    assert.match(error.message, new RegExp(`^${rule}`));
    assert.notEqual(error.hint, '');
    assert.deepEqual(ops.dump('/'), before);
    return error;
  }

  it('a directory that a process has open, whatever is overridden', async () => {
    const useOf = (): ReturnType<ApplyWorld['useOf']> => ({ users: [{ pid: 2214, command: 'etcd', file: `${FAKE_DATA}/member/snap/db`, stop: ['It is a static pod: killing it restarts it. Move its manifest away and wait about 20 s:', 'mv /etc/kubernetes/manifests/etcd.yaml /root/'] }], hidden: 0 });
    const error = await refused('process-running', 4, { world: { useOf }, options: { overrides: ['process-running'] } });
    assert.match(error.message, /^process-running: etcd \(pid 2214\) has \/srv\/data\/member\/snap\/db open\. Nothing changed\.$/);
    assert.match(error.hint, /static pod.*\nmv \/etc\/kubernetes\/manifests\/etcd\.yaml \/root\/$/);
  });

  it('files that changed, went or came, each by name', async () => {
    write(`${FAKE_DATA}/member/snap/db`, 'the databasE');
    write(`${FAKE_DATA}/member/wal/2.wal`, 'more');
    ops.unlink(`${FAKE_DATA}/member/snap/0.snap`);
    const error = await refused('drift', 7);
    assert.ok(error instanceof DriftError);
    assert.match(error.hint, /raft-inspector recover pick n1=\/srv\/data$/, 'with its places, so that it can be typed');
    assert.deepEqual([...error.files].sort(), ['member/snap/0.snap', 'member/snap/db', 'member/wal/2.wal']);
    assert.match(error.message, /0\.snap is gone; member\/snap\/db has other content; member\/wal\/2\.wal is new/);
  });

  it('a directory of another cluster, or of another member', async () => {
    write(`${FAKE_DATA}/member/snap/db`, 'somebody else');
    await refused('other-cluster', 4, { world: { identify: () => Promise.resolve({ store: 'etcd', clusterId: 'ffff', memberId: 'a1' }) } });
    await refused('other-member', 4, { world: { identify: () => Promise.resolve({ store: 'etcd', clusterId: '8c6d8b45601ffaf2', memberId: 'b2' }) } });
  });

  it('a directory that is not there', async () => {
    await refused('drift', 7, { options: { dataDir: '/srv/none' } });
  });

  it('too little space', async () => {
    ops.freeBytes = () => 1000;
    await refused('no-space', 4);
  });

  it('a backup inside the data directory', async () => {
    await refused('backup-inside', 4, { options: { backupDir: path.join(FAKE_DATA, 'backup') } });
    await refused('backup-inside', 4, { options: { backupDir: `${FAKE_DATA}/../data` } });
  });

  it('a mount point: a rename cannot leave its filesystem', async () => {
    const facts = ops.facts.bind(ops);
    ops.facts = (file) => {
      const found = facts(file);
      return found !== null && file.startsWith(FAKE_DATA) ? { ...found, device: 2 } : found;
    };
    const error = await refused('other-filesystem', 4);
    assert.match(error.hint, /--into/);
  });

  it('a link in the place of the data, or in it', async () => {
    const facts = ops.facts.bind(ops);
    let linked = FAKE_DATA;
    ops.facts = (file) => {
      const found = facts(file);
      return found !== null && file === linked ? { ...found, kind: 'link' } : found;
    };
    await refused('symlink', 4);
    linked = `${FAKE_DATA}/member/snap/db`;
    await refused('symlink', 4);
  });

  it('what it may not read, in words', async () => {
    const open = ops.open.bind(ops);
    ops.open = (file, how, mode) => {
      if (file === `${FAKE_DATA}/member/snap/db`) throw Object.assign(new Error('EACCES'), { code: 'EACCES', path: file });
      return open(file, how, mode);
    };
    const error = await refused('not-possible', 4);
    assert.match(error.message, /no permission at \/srv\/data\/member\/snap\/db; nothing was changed/);
  });

  it('a source that nobody verified, and a plan that is nonsense', async () => {
    const { digest: _, ...body } = plan;
    const ranking = body.why.ranking.map((one) => ({ ...one, disqualified: 'has a gap between snapshot and log' }));
    await refused('plan-lint', 4, { plan: sealPlan({ ...body, why: { ...body.why, ranking } }) });
    await refused('plan-lint', 4, { plan: sealPlan({ ...body, changes: [] }) });
  });

  it('a certain loss, until it is lifted', async () => {
    const { digest: _, ...body } = plan;
    const certain = sealPlan({ ...body, why: { ...body.why, loss: { ...body.why.loss, verdict: 'certain', proof: 'certain-loss' } } });
    await refused('certain-loss', 4, { plan: certain });
    assert.equal((await applyPlan(certain, { ...FAKE_OPTIONS, overrides: ['certain-loss'] }, fakeWorld(ops))).state, 'applied');
    assert.match(JSON.stringify(recoveryStatus(certain, {}, ops).events), /override certain-loss/);
  });

  it('a second, different plan: until the first is finished and taken back, or that is lifted', async () => {
    const second = sealPlan({ ...plan, planId: OTHER_ID });
    ops.stopAfter(40);
    await assert.rejects(applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops)));
    ops = ops.afterPowerLoss({ kind: 'all' });
    await refused('other-plan', 4, { plan: second });
    await refused('other-plan', 4, { plan: second, options: { overrides: ['other-plan'] } });
    await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
    const third = sealPlan({ ...(await fakePlan(ops, { kind: 'files' }, { planId: OTHER_ID })), changes: FAKE_CHANGES.slice(1, 2).map((one) => ({ ...one })) });
    await refused('other-plan', 4, { plan: third });
    await undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
    assert.equal((await applyPlan(second, FAKE_OPTIONS, fakeWorld(ops))).state, 'applied');
    const error = await undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops)).then(() => assert.fail(), (thrown: unknown) => thrown);
    assert.match((error as Error).message, /^data-moved-on/);
  });

  it('a result that is not as planned: nothing is exchanged', async () => {
    const before = ops.dump(FAKE_DATA);
    const error = await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops, { targetOf: () => fakeTarget(ops, { badCheck: true }) })).then(() => assert.fail(), (thrown: unknown) => thrown);
    assert.equal((error as InspectorError).exitCode, 3);
    assert.deepEqual(ops.dump(FAKE_DATA), before);
    assert.equal(recoveryStatus(plan, {}, ops).state, 'applying');
    assert.equal((await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops))).state, 'resumed');
  });

  for (const swap of [{ kind: 'files' }, { kind: 'directory', path: 'member' }] as const) {
    it(`nothing when it was cut off right behind the exchange (${swap.kind}) and the server has run since`, async () => {
      plan = await fakePlan(ops, swap);
      const whole = ops.afterPowerLoss({ kind: 'all' });
      await applyPlan(plan, FAKE_OPTIONS, fakeWorld(whole));
      const last = whole.names.findLastIndex((name) => name === (swap.kind === 'files' ? 'unlink /srv/data/member/snap/0.snap' : 'rename /srv/data.ri/new/member /srv/data/member'));
      ops = ops.afterPowerLoss({ kind: 'all' });
      ops.stopAfter(last + 1);
      await assert.rejects(applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops)));
      ops = ops.afterPowerLoss({ kind: 'all' });
      write(`${FAKE_DATA}/member/wal/1.wal`, 'new wal, and what a server wrote');
      const useOf = (): ReturnType<ApplyWorld['useOf']> => ({ users: [{ pid: 7, command: 'etcd', file: FAKE_DATA, stop: [] }], hidden: 0 });
      assert.equal((await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops, { useOf }))).state, 'resumed');
      assert.equal(recoveryStatus(plan, {}, ops).state, 'applied');
      assert.match(ops.dump(FAKE_DATA).join('\n'), /what a server wrote/);
    });
  }

  it('a server that is started between the build and the exchange', async () => {
    const before = ops.dump(FAKE_DATA);
    let asked = 0;
    const useOf = (): ReturnType<ApplyWorld['useOf']> => ({ users: asked++ === 0 ? [] : [{ pid: 7, command: 'etcd', file: FAKE_DATA, stop: [] }], hidden: 0 });
    const error = await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops, { useOf })).then(() => assert.fail(), (thrown: unknown) => thrown);
    assert.equal((error as InspectorError).exitCode, 4);
    assert.deepEqual(ops.dump(FAKE_DATA), before);
    assert.equal((await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops))).state, 'resumed');
  });
});

describe('recover apply on a full disk', () => {
  it('ends cleanly wherever that happens, loses nothing, and goes on once there is room', async () => {
    const start = new SimulatedFiles();
    plantFake(start);
    const plan = await fakePlan(start, { kind: 'files' });
    const used = 60;
    let full = 0;
    for (let room = 0; room < 16_000; room += 211) {
      const ops = start.afterPowerLoss({ kind: 'all' });
      ops.capacityBytes = used + room;
      const before = ops.dump(FAKE_DATA);
      const error = await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops)).then(() => null, (thrown: unknown) => thrown);
      if (error === null) break;
      full += 1;
      assert.ok(error instanceof InspectorError && (error.exitCode === 8 || error.exitCode === 4), `room ${room}`);
      assert.match(error.message, /the disk is full/);
      const { swapStarted } = { swapStarted: ops.dump('/').some((line) => line.includes('"event":"started","step":"swap"')) };
      if (!swapStarted) assert.deepEqual(ops.dump(FAKE_DATA), before, `room ${room}`);
      ops.capacityBytes = Infinity;
      const again = await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
      assert.ok(again.state === 'resumed' || again.state === 'applied' || again.state === 'already-applied');
      await undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
      assert.deepEqual(ops.dump(FAKE_DATA), before, `room ${room}`);
    }
    assert.ok(full > 20, String(full));
  });
});

describe('recover undo', () => {
  let ops: SimulatedFiles;
  let plan: RecoveryPlan;
  let original: string[];
  beforeEach(async () => {
    ops = new SimulatedFiles();
    plantFake(ops);
    plan = await fakePlan(ops, { kind: 'files' });
    original = ops.dump(FAKE_DATA);
  });

  async function failure(overrides: string[] = []): Promise<InspectorError> {
    const options = { ...FAKE_OPTIONS, overrides };
    const preview = await previewUndo(plan, options, fakeWorld(ops));
    const error = await undoPlan(plan, options, fakeWorld(ops)).then(() => assert.fail('it was undone'), (thrown: unknown) => thrown);
    assert.ok(error instanceof InspectorError, String(error));
    if (preview.refusals.length > 0) assert.equal(preview.refusals[0]?.exit, error.exitCode);
    return error;
  }

  it('refuses when nothing was applied', async () => {
    assert.match((await failure()).message, /^nothing-to-undo/);
    assert.equal(ops.facts(`${FAKE_DATA}.ri`), null);
  });

  it('refuses when the data moved on; overridden it keeps what is there, and goes back', async () => {
    await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
    const fd = ops.open(`${FAKE_DATA}/member/wal/1.wal`, 'append');
    ops.write(fd, Buffer.from(' and more'), null);
    ops.close(fd);
    const error = await failure();
    assert.equal(error.exitCode, 7);
    assert.match(error.message, /^data-moved-on: .*member\/wal\/1\.wal/);
    const report = await undoPlan(plan, { ...FAKE_OPTIONS, overrides: ['data-moved-on'] }, fakeWorld(ops));
    assert.equal(report.setAside, `${FAKE_DATA}.ri/set-aside-5c2e91`);
    assert.deepEqual(ops.dump(FAKE_DATA), original);
    assert.match(ops.dump(report.setAside).join('\n'), /1\.wal file 640 0:0 \d+ new wal and more/);
  });

  it('a run that was only to refuse changes nothing when what stood in the way is gone', async () => {
    const refuseOnly = { ...FAKE_OPTIONS, refuseOnly: true };
    const untouched = ops.dump('/srv');
    for (const options of [refuseOnly, { ...refuseOnly, into: '/srv/elsewhere' }]) await assert.rejects(applyPlan(plan, options, fakeWorld(ops)), /is gone; nothing was changed/);
    assert.deepEqual(ops.dump('/srv'), untouched);
    await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
    const applied = ops.dump(FAKE_DATA);
    await assert.rejects(undoPlan(plan, refuseOnly, fakeWorld(ops)), /is gone; nothing was changed/);
    assert.deepEqual(ops.dump(FAKE_DATA), applied);
  });

  it('touches nothing when the backup is damaged', async () => {
    await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
    const sum = plan.files.find((one) => one.path === 'member/wal/1.wal')?.sha256 ?? '';
    const fd = ops.open(`${FAKE_DATA}.ri/5c2e91/${sum}`, 'append');
    ops.write(fd, Buffer.from('x'), null);
    ops.close(fd);
    const before = ops.dump(FAKE_DATA);
    assert.deepEqual((await previewUndo(plan, FAKE_OPTIONS, fakeWorld(ops))).refusals.map((one) => one.exit), [3]);
    const error = await undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops)).then(() => assert.fail(), (thrown: unknown) => thrown);
    assert.equal((error as InspectorError).exitCode, 3);
    assert.deepEqual(ops.dump(FAKE_DATA), before);
  });

  it('keeps the backup: apply and undo go on and on with the same one', async () => {
    for (let round = 0; round < 3; round += 1) {
      await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
      await undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
      assert.deepEqual(ops.dump(FAKE_DATA), original);
    }
    assert.deepEqual(ops.list(`${FAKE_DATA}.ri`), ['5c2e91', 'journal.ndjson']);
    assert.equal(recoveryStatus(plan, {}, ops).state, 'undone');
  });

  it('an apply is refused while an undo is unfinished', async () => {
    await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops));
    const before = ops.count;
    ops.stopAfter(25);
    await assert.rejects(undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops)));
    assert.ok(ops.count > before);
    ops = ops.afterPowerLoss({ kind: 'all' });
    assert.equal(recoveryStatus(plan, {}, ops).state, 'undoing');
    const error = await applyPlan(plan, FAKE_OPTIONS, fakeWorld(ops)).then(() => assert.fail(), (thrown: unknown) => thrown);
    assert.match((error as Error).message, /^undo-unfinished/);
    assert.equal((await undoPlan(plan, FAKE_OPTIONS, fakeWorld(ops))).state, 'resumed');
    assert.deepEqual(ops.dump(FAKE_DATA), original);
  });
});
