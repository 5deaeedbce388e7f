import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { walkWal } from '../../../../src/engine/readers/etcd/wal-scan.ts';
import { listSegments } from '../../../../src/engine/readers/etcd/wal-segments.ts';
import { EtcdWalWriter, putRequest } from '../../../helpers/etcd-wal-writer.ts';

/** Forty entries; returns the offset behind each. */
function writeLog(directory: string): number[] {
  const writer = new EtcdWalWriter(directory);
  const ends: number[] = [];
  for (let index = 1; index <= 40; index++) {
    writer.entry({ term: 2, index, data: putRequest(`/key/${index}`, 'v'.repeat(600)) });
    ends.push(writer.offset);
  }
  writer.close(1 << 20);
  return ends;
}

describe('etcd write-ahead log, read while a server appends to it', () => {
  let directory: string;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-race-'));
  });
  afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

  // Reading buffers whole windows, so the walk holds the old bytes when the "server" writes the rest behind its first step.
  for (const [what, beyond] of [['zeros', 0], ['half a length field', 4], ['a half-written record', 300]] as const) {
    it(`goes on with fresh bytes where ${what} were buffered`, () => {
      const ends = writeLog(directory);
      const [segment] = listSegments(directory, '');
      assert.ok(segment);
      const whole = fs.readFileSync(segment.path);
      const cut = (ends[19] as number) + beyond;
      fs.writeFileSync(segment.path, Buffer.concat([whole.subarray(0, cut), Buffer.alloc(whole.length - cut)]));
      let entries = 0;
      const damage: string[] = [];
      for (const event of walkWal([segment])) {
        if (event.damage) damage.push(event.damage.reason);
        else if (event.frame.type === 2 && ++entries === 1) {
          const fd = fs.openSync(segment.path, 'r+');
          fs.writeSync(fd, whole.subarray(cut), 0, whole.length - cut, cut);
          fs.closeSync(fd);
        }
      }
      assert.deepEqual(damage, []);
      assert.equal(entries, 40);
    });
  }
});
