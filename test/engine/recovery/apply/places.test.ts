import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { InspectorError } from '../../../../src/engine/errors.ts';
import { type FileFacts, type FileOps, REAL_FILES } from '../../../../src/engine/files/file-ops.ts';
import type { RecoveryPlan } from '../../../../src/engine/model/plan.ts';
import { applyPlan, previewApply } from '../../../../src/engine/recovery/apply/apply.ts';
import { useOf } from '../../../../src/engine/recovery/apply/directory-use.ts';
import type { ApplyOptions } from '../../../../src/engine/recovery/apply/options.ts';
import { undoPlan } from '../../../../src/engine/recovery/apply/undo.ts';
import { type ApplyWorld, REAL_WORLD } from '../../../../src/engine/recovery/apply/world.ts';
import { FAKE_OPTIONS, fakePlan, fakeTarget, plantFake } from '../../../helpers/fake-recovery.ts';
import { treeFingerprint } from '../../../helpers/tree-fingerprint.ts';

const WORLD: ApplyWorld = { ...REAL_WORLD, targetOf: () => fakeTarget(REAL_FILES) };

describe('where recover apply writes', () => {
  let root: string;
  let dataDir: string;
  let plan: RecoveryPlan;
  beforeEach(async () => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-places-'));
    dataDir = path.join(root, 'data');
    plantFake(REAL_FILES, dataDir);
    plan = await fakePlan(REAL_FILES, { kind: 'files' }, {}, dataDir);
  });
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  /** The preview says what the run says, and both leave everything as it was. */
  async function refused(options: Partial<ApplyOptions>, exit: number, pattern: RegExp, world = WORLD): Promise<void> {
    const before = treeFingerprint(root, 'bytes');
    const preview = await previewApply(plan, { ...FAKE_OPTIONS, ...options }, world);
    assert.deepEqual(preview.refusals.map((one) => one.exit), [exit]);
    const error = await applyPlan(plan, { ...FAKE_OPTIONS, ...options }, world).then(() => assert.fail('it was done'), (thrown: unknown) => thrown);
    assert.ok(error instanceof InspectorError, String(error));
    assert.equal(error.exitCode, exit);
    assert.match(error.message, pattern);
    assert.equal(preview.refusals[0]?.message, error.message);
    assert.deepEqual(treeFingerprint(root, 'bytes'), before);
  }

  it('never into the data directory, though a link gives it another name', async () => {
    fs.symlinkSync(root, path.join(root, 'link'));
    await refused({ backupDir: path.join(root, 'link', 'data', 'backup') }, 4, /^backup-inside/);
    await refused({ into: path.join(root, 'link', 'data', 'new') }, 4, /^backup-inside/);
  });

  it('never over what is there, and the preview knows', async () => {
    fs.mkdirSync(path.join(root, 'empty'));
    fs.writeFileSync(path.join(root, 'file'), '');
    fs.writeFileSync(path.join(root, 'old.tgz'), '');
    for (const name of ['empty', 'file', 'old.tgz', '.']) await refused({ into: path.join(root, name) }, 2, /exists already/);
    await refused({ into: path.join(root, 'file', 'below') }, 4, /^not-possible: ENOTDIR/);
  });

  it('an archive that only its owner can read, as the data was', async () => {
    const into = path.join(root, 'new.tgz');
    await applyPlan(plan, { ...FAKE_OPTIONS, into }, WORLD);
    assert.equal(fs.statSync(into).mode & 0o777, 0o600);
  });

  /** All but the time of change of the inode, which nobody can set. */
  function content(): string[] {
    return treeFingerprint(dataDir, 'bytes').map((line) => line.replace(/ ctime=\d+/, ''));
  }

  /** A filesystem of its own at `place`, with so much room. */
  function withDisk(place: string, room: { there: number; here: number }): ApplyWorld {
    const ops: FileOps = {
      ...REAL_FILES,
      facts(file): FileFacts | null {
        const found = REAL_FILES.facts(file);
        return found !== null && file.startsWith(place) ? { ...found, device: found.device + 1 } : found;
      },
      freeBytes: (file) => (file.startsWith(place) ? room.there : room.here),
    };
    return { ...WORLD, ops };
  }

  it('each filesystem has to take its part', async () => {
    const backupDir = path.join(root, 'disk');
    fs.mkdirSync(backupDir);
    await refused({ backupDir }, 4, /^no-space: 1000 bytes are free in .*disk,/, withDisk(backupDir, { there: 1000, here: 1e9 }));
    await refused({ backupDir }, 4, /^no-space: 1000 bytes are free in /, withDisk(backupDir, { there: 1e9, here: 1000 }));
    const all = await previewApply(plan, FAKE_OPTIONS, WORLD);
    const part = await previewApply(plan, { ...FAKE_OPTIONS, backupDir }, withDisk(backupDir, { there: 1e9, here: 1e9 }));
    assert.ok(part.neededBytes < all.neededBytes, `${part.neededBytes} of ${all.neededBytes}`);
  });

  it('not for a user who could not give the new files to their owner', async () => {
    const { uid, gid } = fs.statSync(dataDir);
    await refused({}, 4, /^not-possible: .* belongs to user \d+, group \d+: .*only root can give files away/, { ...WORLD, user: { uid: uid + 1, groups: [gid] } });
    await refused({}, 4, /^not-possible/, { ...WORLD, user: { uid, groups: [gid + 1] } });
    assert.deepEqual((await previewApply(plan, FAKE_OPTIONS, { ...WORLD, user: { uid, groups: [7, gid] } })).refusals, []);
    assert.deepEqual((await previewApply(plan, { ...FAKE_OPTIONS, into: path.join(root, 'new') }, { ...WORLD, user: { uid: uid + 1, groups: [] } })).refusals, [], 'a copy is his own');
  });

  it('sees a process that has a file open by another path, as in a container', () => {
    const [proc, elsewhere] = [path.join(root, 'proc'), path.join(root, 'container', 'db')];
    fs.mkdirSync(path.join(proc, '77', 'fd'), { recursive: true });
    fs.mkdirSync(path.dirname(elsewhere));
    fs.linkSync(path.join(dataDir, 'member/snap/db'), elsewhere); // another name of the same file, which a bind mount gives as well
    fs.symlinkSync(elsewhere, path.join(proc, '77', 'fd', '9'));
    assert.deepEqual(useOf(dataDir, proc).users.map(({ pid, file }) => [pid, file]), [[77, path.join(fs.realpathSync(dataDir), 'member/snap/db')]]);
    fs.rmSync(elsewhere);
    fs.writeFileSync(elsewhere, 'of another server');
    assert.deepEqual(useOf(dataDir, proc).users, []);
  });

  it('--into one place by two runs at once: one makes it, whole, and the other is told', async () => {
    const into = path.join(root, 'new');
    let second: unknown = null;
    const target = fakeTarget(REAL_FILES);
    const check: typeof target.check = async (...words) => {
      const lines = await target.check(...words);
      second = await applyPlan(plan, { ...FAKE_OPTIONS, into }, WORLD).then((report) => report.state, (thrown: unknown) => thrown);
      return lines;
    };
    const report = await applyPlan(plan, { ...FAKE_OPTIONS, into }, { ...WORLD, targetOf: () => ({ ...target, check }) });
    assert.equal(report.state, 'applied');
    assert.match(String(second), /apply-running/);
    assert.deepEqual(fs.readdirSync(root).sort(), ['data', 'new']);
    assert.equal(fs.readFileSync(path.join(into, 'member/wal/1.wal'), 'utf8'), 'new wal');
  });

  it('a backup that did not fit goes elsewhere in the next run', async () => {
    const original = content();
    const [full, roomy] = [path.join(root, 'full'), path.join(root, 'roomy')];
    const ops: FileOps = {
      ...REAL_FILES,
      open(file, how, mode) {
        if (how === 'create' && file.startsWith(full)) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
        return REAL_FILES.open(file, how, mode);
      },
      clone: () => false,
    };
    await assert.rejects(applyPlan(plan, { ...FAKE_OPTIONS, backupDir: full }, { ...WORLD, ops }), /the disk is full/);
    assert.deepEqual(content(), original);
    const report = await applyPlan(plan, { ...FAKE_OPTIONS, backupDir: roomy }, { ...WORLD, ops });
    assert.deepEqual([report.state, report.backup?.path], ['resumed', path.join(roomy, '5c2e91')]);
    await undoPlan(plan, FAKE_OPTIONS, WORLD);
    assert.deepEqual(content(), original);
  });
});
