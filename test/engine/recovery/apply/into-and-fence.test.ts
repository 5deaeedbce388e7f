import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { REAL_FILES } from '../../../../src/engine/files/file-ops.ts';
import type { RecoveryPlan } from '../../../../src/engine/model/plan.ts';
import { applyPlan } from '../../../../src/engine/recovery/apply/apply.ts';
import { useOf } from '../../../../src/engine/recovery/apply/directory-use.ts';
import { fence } from '../../../../src/engine/recovery/apply/fence.ts';
import { planBeside } from '../../../../src/engine/recovery/apply/plan-beside.ts';
import { undoPlan } from '../../../../src/engine/recovery/apply/undo.ts';
import { type ApplyWorld, REAL_WORLD } from '../../../../src/engine/recovery/apply/world.ts';
import { FAKE_OPTIONS, fakePlan, fakeTarget, plantFake } from '../../../helpers/fake-recovery.ts';
import { treeFingerprint } from '../../../helpers/tree-fingerprint.ts';

const WORLD: ApplyWorld = { ...REAL_WORLD, targetOf: () => fakeTarget(REAL_FILES) };

describe('recover apply on real files', () => {
  let root: string;
  let dataDir: string;
  let plan: RecoveryPlan;
  beforeEach(async () => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-apply-'));
    dataDir = path.join(root, 'data');
    plantFake(REAL_FILES, dataDir);
    plan = await fakePlan(REAL_FILES, { kind: 'files' }, {}, dataDir);
  });
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  it('--into a directory leaves the source as it was, and says so again', async () => {
    const before = treeFingerprint(dataDir, 'bytes');
    const into = path.join(root, 'elsewhere', 'new');
    const report = await applyPlan(plan, { ...FAKE_OPTIONS, into }, WORLD);
    assert.deepEqual([report.state, report.result, report.backup], ['applied', into, null]);
    assert.equal(fs.readFileSync(path.join(into, 'member/wal/1.wal'), 'utf8'), 'new wal');
    assert.equal(fs.statSync(path.join(into, 'member/snap/db')).nlink, 1, 'a link would be written to by a server');
    assert.deepEqual(treeFingerprint(dataDir, 'bytes'), before);
    assert.deepEqual(fs.readdirSync(root).sort(), ['data', 'elsewhere']);
    assert.equal((await applyPlan(plan, { ...FAKE_OPTIONS, into }, WORLD)).state, 'already-applied');
    fs.appendFileSync(path.join(into, 'member/wal/1.wal'), 'x');
    await assert.rejects(applyPlan(plan, { ...FAKE_OPTIONS, into }, WORLD), /exists already/);
    await assert.rejects(applyPlan(plan, { ...FAKE_OPTIONS, into: path.join(dataDir, 'in') }, WORLD), /^RefusedError: backup-inside/);
    assert.deepEqual(fs.readdirSync(path.join(root, 'elsewhere')), ['new']);
  });

  it('--into an archive', async () => {
    const into = path.join(root, 'new.tgz');
    assert.equal((await applyPlan(plan, { ...FAKE_OPTIONS, into }, WORLD)).state, 'applied');
    const unpacked = path.join(root, 'unpacked');
    fs.mkdirSync(unpacked);
    execFileSync('tar', ['-xzf', into, '-C', unpacked]);
    assert.equal(fs.readFileSync(path.join(unpacked, 'member/snap/new/2.snap'), 'utf8'), 'new snapshot');
    assert.deepEqual(fs.readdirSync(root).sort(), ['data', 'new.tgz', 'unpacked']);
    await assert.rejects(applyPlan(plan, { ...FAKE_OPTIONS, into }, WORLD), /exists already/);
  });

  it('--backup-dir elsewhere: true copies, which keep their holes', async () => {
    fs.writeFileSync(path.join(dataDir, 'member/wal/0.tmp'), '');
    fs.truncateSync(path.join(dataDir, 'member/wal/0.tmp'), 64 << 20);
    plan = await fakePlan(REAL_FILES, { kind: 'files' }, {}, dataDir);
    const report = await applyPlan(plan, { ...FAKE_OPTIONS, backupDir: path.join(root, 'backups') }, WORLD);
    assert.equal(report.backup?.path, path.join(root, 'backups', '5c2e91'));
    const kept = (name: string): fs.Stats => fs.statSync(path.join(report.backup?.path ?? '', plan.files.find((one) => one.path === name)?.sha256 ?? ''));
    assert.notEqual(kept('member/snap/db').ino, fs.statSync(path.join(dataDir, 'member/snap/db')).ino);
    assert.equal(kept('member/wal/0.tmp').size, 64 << 20);
    assert.ok(kept('member/wal/0.tmp').blocks * 512 < 1 << 20);
    fs.appendFileSync(path.join(dataDir, 'member/snap/db'), ' and more');
    assert.equal(fs.readFileSync(path.join(report.backup?.path ?? '', plan.files.find((one) => one.path === 'member/snap/db')?.sha256 ?? ''), 'utf8'), 'the database');
  });

  it('a run cut off between two files leaves nothing that a server could write to in the backup', async () => {
    const world = { ...WORLD, ops: { ...REAL_FILES, unlink: (file: string): void => {
      if (file === path.join(dataDir, 'member/snap/0.snap')) throw Object.assign(new Error('EIO'), { code: 'EIO' });
      REAL_FILES.unlink(file);
    } } };
    await assert.rejects(applyPlan(plan, FAKE_OPTIONS, world), /PartialError/);
    for (const name of fs.readdirSync(path.join(dataDir, 'member/snap'))) if (name !== 'new') fs.appendFileSync(path.join(dataDir, 'member/snap', name), ' written by a server');
    const report = await undoPlan(plan, { ...FAKE_OPTIONS, overrides: ['data-moved-on'] }, WORLD);
    assert.equal(fs.readFileSync(path.join(dataDir, 'member/snap/0.snap'), 'utf8'), 'older snapshot');
    assert.equal(fs.readFileSync(path.join(report.setAside ?? '', 'member/snap/0.snap'), 'utf8'), 'older snapshot written by a server');
  });

  it('two applies at once: one acts, the other is told of it', async () => {
    const both = await Promise.allSettled([applyPlan(plan, FAKE_OPTIONS, WORLD), applyPlan(plan, FAKE_OPTIONS, WORLD)]);
    const states = both.map((one) => (one.status === 'fulfilled' ? one.value.state : (one.reason as Error).message.split(':')[0]));
    assert.ok(states.includes('applied'), states.join(', '));
    assert.ok(states.includes('apply-running') || states.includes('already-applied'), states.join(', '));
    assert.deepEqual(fs.readdirSync(`${dataDir}.ri`).sort(), ['5c2e91', 'journal.ndjson']);
  });

  it('needs only the directory to undo: the plan lies in the backup', async () => {
    const before = treeFingerprint(dataDir, 'bytes').map((line) => line.replace(/ctime=\d+/, ''));
    await applyPlan(plan, FAKE_OPTIONS, WORLD);
    const beside = await planBeside(dataDir);
    assert.deepEqual(beside.plan, plan);
    await undoPlan(beside.plan, FAKE_OPTIONS, WORLD);
    assert.deepEqual(treeFingerprint(dataDir, 'bytes').map((line) => line.replace(/ctime=\d+/, '')), before);
  });

  it('names who has the directory open, and how to stop it', () => {
    const proc = path.join(root, 'proc');
    const manifests = path.join(root, 'manifests');
    fs.mkdirSync(path.join(proc, '2214', 'fd'), { recursive: true });
    fs.mkdirSync(manifests);
    fs.writeFileSync(path.join(proc, '2214', 'comm'), 'etcd\n');
    fs.symlinkSync(path.join(dataDir, 'member/snap/db'), path.join(proc, '2214', 'fd', '7'));
    fs.symlinkSync(`${dataDir}-other/file`, path.join(proc, '2214', 'fd', '5'));
    const stopFor = (group: string): readonly string[] => {
      fs.writeFileSync(path.join(proc, '2214', 'cgroup'), `0::${group}\n`);
      const { users } = useOf(dataDir, proc, manifests);
      assert.deepEqual([users.length, users[0]?.pid, users[0]?.command, users[0]?.file], [1, 2214, 'etcd', path.join(fs.realpathSync(dataDir), 'member/snap/db')]);
      return users[0]?.stop ?? [];
    };
    assert.equal(stopFor('/system.slice/etcd.service').at(-1), 'systemctl stop etcd');
    assert.equal(stopFor(`/system.slice/docker-${'ab'.repeat(32)}.scope`).at(-1), 'docker stop abababababab');
    assert.equal(stopFor('/user.slice/user-0.slice/session-1.scope').at(-1), 'kill 2214');
    assert.equal(stopFor('/kubepods.slice/pod1').at(-1), `mv ${manifests}/etcd.yaml /root/`);
    fs.writeFileSync(path.join(manifests, 'my-etcd.yaml'), `hostPath: {path: ${fs.realpathSync(dataDir)}}`);
    assert.equal(stopFor('/').at(-1), `mv ${manifests}/my-etcd.yaml /root/`);
    fs.rmSync(path.join(proc, '2214', 'fd', '7'));
    assert.deepEqual(useOf(dataDir, proc, manifests), { users: [], hidden: 0 });
  });

  it('sees a process of this machine that holds a file open', () => {
    const fd = fs.openSync(path.join(dataDir, 'member/snap/db'), 'r');
    try {
      assert.deepEqual(useOf(dataDir).users, [], 'this process itself is no server');
      const script = `const {useOf} = await import(${JSON.stringify(path.resolve('src/engine/recovery/apply/directory-use.ts'))}); process.stdout.write(JSON.stringify(useOf(${JSON.stringify(dataDir)}).users.map((one) => one.pid)))`;
      const seen = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { encoding: 'utf8' });
      assert.deepEqual(JSON.parse(seen), [process.pid]);
    } finally {
      fs.closeSync(fd);
    }
  });

  it('fences by a new name, tells so again, and lifts it', async () => {
    const world = { ...WORLD, identify: () => Promise.resolve({ store: 'etcd', clusterId: '8c6d8b45601ffaf2', memberId: 'b2' }) };
    const old = path.join(root, 'old');
    plantFake(REAL_FILES, old);
    const before = treeFingerprint(old, 'bytes').map((line) => line.replace(/ctime=\d+/, ''));
    const request = { dataDir: old, plan, lift: false, act: true };
    assert.equal((await fence({ ...request, act: false }, world)).state, 'preview');
    assert.deepEqual(fs.readdirSync(root).sort(), ['data', 'old']);
    const report = await fence(request, world);
    assert.deepEqual([report.state, report.how, report.fence], ['fenced', 'rename', `${old}.fenced-5c2e91`]);
    assert.equal((await fence(request, world)).state, 'already-fenced');
    assert.equal((await fence({ ...request, lift: true }, world)).state, 'lifted');
    assert.deepEqual(treeFingerprint(old, 'bytes').map((line) => line.replace(/ctime=\d+/, '')), before);
    assert.equal((await fence({ ...request, lift: true }, world)).state, 'not-fenced');
  });

  it('fences our own member by a file, and nothing else', async () => {
    const world = { ...WORLD, identify: () => Promise.resolve({ store: 'native', clusterId: '8c6d8b45601ffaf2', memberId: 'b2' }) };
    const old = path.join(root, 'old');
    plantFake(REAL_FILES, old);
    const report = await fence({ dataDir: old, plan, lift: false, act: true }, world);
    assert.deepEqual([report.state, report.how], ['fenced', 'file']);
    assert.match(fs.readFileSync(path.join(old, 'FENCED'), 'utf8'), /plan 5c2e91 made a cluster of one of n1/);
    assert.equal((await fence({ dataDir: old, plan, lift: true, act: true }, world)).state, 'lifted');
    assert.deepEqual(fs.readdirSync(old), ['member']);
  });

  it('does not fence the source, the survivor, another cluster, or a running server', async () => {
    const of = (clusterId: string, memberId: string, more: Partial<ApplyWorld> = {}): ApplyWorld => ({ ...WORLD, identify: () => Promise.resolve({ store: 'etcd', clusterId, memberId }), ...more });
    const old = path.join(root, 'old');
    plantFake(REAL_FILES, old);
    const request = { dataDir: old, plan, lift: false, act: true };
    await assert.rejects(fence({ ...request, dataDir }, of('8c6d8b45601ffaf2', 'b2')), /fence-source/);
    await assert.rejects(fence(request, of('8c6d8b45601ffaf2', 'a1')), /fence-source/);
    await assert.rejects(fence(request, of('ffff', 'b2')), /other-cluster/);
    // A plan that nobody named, of another cluster: it has no say, save for its own source.
    const found = { ...request, planIs: 'found', act: false } as const;
    const alone = await fence(found, of('ffff', 'a1'));
    assert.deepEqual([alone.state, alone.planId, alone.fence], ['preview', null, `${old}.fenced`]);
    await assert.rejects(fence({ ...found, dataDir }, of('ffff', 'b2')), /fence-source/);
    await assert.rejects(fence(found, of('8c6d8b45601ffaf2', 'a1')), /fence-source/);
    await assert.rejects(fence(request, of('8c6d8b45601ffaf2', 'b2', { useOf: () => ({ users: [{ pid: 1, command: 'etcd', file: old, stop: [] }], hidden: 0 }) })), /process-running/);
    assert.deepEqual(fs.readdirSync(root).sort(), ['data', 'old']);
  });
});
