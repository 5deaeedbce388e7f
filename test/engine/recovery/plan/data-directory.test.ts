import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RefusedError } from '../../../../src/engine/errors.ts';
import { dataDirectoryOf } from '../../../../src/engine/recovery/plan/data-directory.ts';
import { writeBolt } from '../../../helpers/bbolt-writer.ts';

describe('the data directory of a place', () => {
  let work: string;
  beforeEach(() => {
    work = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-data-')));
  });
  afterEach(() => fs.rmSync(work, { recursive: true }));

  function file(name: string): void {
    const target = path.join(work, name);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    if (name.endsWith('.db')) writeBolt(target, [{ name: 'conf', items: [] }, { name: 'logs', items: [] }]);
    else fs.writeFileSync(target, '');
  }

  function found(place: string, store: 'etcd' | 'raft-boltdb' | 'raft-wal'): string {
    return path.relative(work, dataDirectoryOf({ store, path: place, label: 'x' }, { directory: path.join(work, place), isOriginal: true }));
  }

  it('is what the program is started with, whichever part is named', () => {
    for (const name of ['consul/raft/raft.db', 'consul/node-id', 'consul/serf/local.snapshot']) file(name);
    for (const place of ['consul', 'consul/raft', 'consul/raft/raft.db']) assert.equal(found(place, 'raft-boltdb'), 'consul', place);
    for (const name of ['nomad/server/raft/raft.db', 'nomad/server/node-id', 'nomad/client/state.json']) file(name);
    for (const place of ['nomad', 'nomad/server', 'nomad/server/raft']) assert.equal(found(place, 'raft-boltdb'), 'nomad', place);
  });

  it('is never more than the raft directory of a program nobody knows', () => {
    file('lib/raft/raft.db');
    file('lib/other/passwords');
    for (const place of ['lib/raft', 'lib/raft/raft.db', 'lib']) assert.equal(found(place, 'raft-boltdb'), 'lib/raft', place);
    file('app/raft-data/raft.db');
    assert.equal(found('app/raft-data', 'raft-boltdb'), 'app/raft-data');
    file('two/raft/raft-log.db');
    file('two/raft/raft-stable.db');
    assert.equal(found('two/raft', 'raft-boltdb'), 'two/raft');
  });

  it('takes both parts of an etcd with a separate WAL, and refuses one of them', () => {
    for (const name of ['n1/member/snap/db', 'n1/member/wal/0000000000000000-0000000000000000.wal', 's/data/member/snap/db', 's/wal/0000000000000000-0000000000000000.wal', 'half/member/snap/db']) {
      fs.mkdirSync(path.dirname(path.join(work, name)), { recursive: true });
      fs.writeFileSync(path.join(work, name), '');
    }
    assert.deepEqual(['n1', 'n1/member', 's'].map((place) => found(place, 'etcd')), ['n1', 'n1', 's']);
    for (const place of ['s/data', 's/wal', 'half', 'n1/member/snap', 'n1/member/snap/db']) {
      assert.throws(() => found(place, 'etcd'), (error) => error instanceof RefusedError && error.rule === 'no-data-directory', place);
    }
  });

  it('is the real one where a link leads to it', () => {
    file('disk/raft.db');
    fs.symlinkSync(path.join(work, 'disk'), path.join(work, 'link'));
    assert.equal(found('link', 'raft-boltdb'), 'disk');
  });
});
