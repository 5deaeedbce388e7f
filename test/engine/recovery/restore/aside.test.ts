import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildWhole } from '../../../../src/engine/recovery/restore/aside.ts';

describe('a directory that two restores make at once', () => {
  let root: string;
  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-aside-'));
  });
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  it('is that of the first, whole, and the second is told', async () => {
    const into = path.join(root, 'n1');
    const build = (text: string) => (directory: string): Promise<void> => {
      fs.mkdirSync(directory);
      fs.writeFileSync(path.join(directory, 'db'), text);
      return Promise.resolve();
    };
    let second: Promise<unknown> = Promise.resolve();
    let letGo = (): void => undefined;
    const waiting = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    // The second one comes while the first is being checked, and has made half of its own.
    await buildWhole(into, build('whole'), async () => {
      const half = buildWhole(into, (directory) => build('half')(directory).then(() => waiting), () => Promise.resolve());
      second = half.then(() => 'restored', (thrown: unknown) => thrown);
      await new Promise((resolve) => setImmediate(resolve));
    });
    letGo();
    assert.match(String(await second), /restore-running/);
    assert.equal(fs.readFileSync(path.join(into, 'db'), 'utf8'), 'whole');
    assert.deepEqual(fs.readdirSync(root), ['n1']);
  });
});
