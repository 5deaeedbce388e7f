import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { NodeDisk } from '../../../src/engine/adapters/node-disk.ts';
import { scratch } from '../storage/beds.ts';

describe('node disk', () => {
  let outside: string;
  let root: string;
  beforeEach(async () => {
    outside = await scratch('disk');
    root = path.join(outside, 'root');
    await fs.mkdir(path.join(root, 'd'), { recursive: true });
    await fs.writeFile(path.join(outside, 'secret'), 'secret');
  });
  afterEach(async () => await fs.rm(outside, { recursive: true }));

  it('refuses paths that leave the root', async () => {
    const disk = new NodeDisk(root);
    for (const one of ['../secret', '/etc/passwd', 'd/../../secret', 'd//x', './x', 'x\0y']) {
      await assert.rejects(disk.open(one, 'read'), { rule: 'path-outside' }, one);
      await assert.rejects(disk.remove(one), { rule: 'path-outside' }, one);
    }
    assert.equal(await fs.readFile(path.join(outside, 'secret'), 'utf8'), 'secret');
  });

  it('refuses symbolic links, as a file and on the way to one', async () => {
    await fs.symlink(path.join(outside, 'secret'), path.join(root, 'd/link'));
    await fs.symlink(outside, path.join(root, 'up'));
    const disk = new NodeDisk(root);
    for (const mode of ['read', 'create', 'update'] as const) {
      await assert.rejects(disk.open('d/link', mode), { rule: 'symlink' });
      await assert.rejects(disk.open('up/secret', mode), { rule: 'symlink' });
    }
    await assert.rejects(disk.list('up'), { rule: 'symlink' });
    await assert.rejects(disk.rename('up/secret', 'd/x'), { rule: 'symlink' });
    assert.equal(await fs.readFile(path.join(outside, 'secret'), 'utf8'), 'secret');
  });

  it('takes a root that is reached through a link', async () => {
    await fs.symlink(root, path.join(outside, 'alias'));
    const file = await new NodeDisk(path.join(outside, 'alias')).open('d/f', 'create');
    await file.write(0, Buffer.from('x'));
    await file.close();
    assert.equal(await fs.readFile(path.join(root, 'd/f'), 'utf8'), 'x');
  });

  it('refuses what is no regular file, without waiting for it', async () => {
    assert.equal(spawnSync('mkfifo', [path.join(root, 'd/pipe')]).status, 0);
    await assert.rejects(new NodeDisk(root).open('d/pipe', 'read'), { rule: 'not-a-file' });
    await assert.rejects(new NodeDisk(root).open('d', 'read'), { rule: 'not-a-file' });
  });
});
