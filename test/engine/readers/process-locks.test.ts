import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { FileSource } from '../../../src/engine/readers/file-source.ts';
import { heldLock } from '../../../src/engine/readers/process-locks.ts';
import { programMissing, skipSaying, skipWithout } from '../../helpers/skip-without.ts';

describe('locks of other processes', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-lock-'));
    file = path.join(directory, 'db');
    fs.writeFileSync(file, 'x');
  });
  afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

  it('sees a file that a child process has locked, with its pid', async function () {
    if (!fs.existsSync('/proc/locks')) skipSaying(this, 'this system has no /proc/locks');
    skipWithout(this, programMissing('flock', '--version'));
    // --no-fork: the process that took the lock becomes `sh`, so the pid is the child's own.
    const child = spawn('flock', ['--no-fork', file, 'sh', '-c', 'echo locked; read line'], { stdio: ['pipe', 'pipe', 'ignore'] });
    try {
      await once(child.stdout, 'data');
      using source = FileSource.open(file);
      assert.deepEqual(heldLock([source]), { pid: child.pid });
    } finally {
      child.stdin.end('\n');
      await once(child, 'exit');
    }
    using source = FileSource.open(file);
    assert.equal(heldLock([source]), null);
  });

  it('ignores waiters and other files, and prefers a line with a pid', () => {
    const locks = path.join(directory, 'locks');
    const source = { inode: { major: 8, minor: 1, number: 77 } };
    const read = (...lines: string[]): unknown => {
      fs.writeFileSync(locks, lines.join('\n'));
      return heldLock([source], locks);
    };
    assert.equal(read('1: -> FLOCK  ADVISORY  WRITE 12 08:01:77 0 EOF', '2: FLOCK  ADVISORY  WRITE 13 08:01:78 0 EOF'), null);
    assert.deepEqual(read('1: OFDLCK ADVISORY  WRITE -1 08:01:77 0 EOF'), { pid: null });
    assert.deepEqual(read('1: OFDLCK ADVISORY  WRITE -1 08:01:77 0 EOF', '2: FLOCK  ADVISORY  WRITE 14 08:01:77 0 EOF'), { pid: 14 });
    assert.equal(heldLock([source], path.join(directory, 'none')), null);
  });
});
