import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { InspectorError } from '../../../../src/engine/errors.ts';
import { copyMember } from '../../../helpers/corpus.ts';
import { Chance } from '../../../helpers/mutations.ts';
import { raftAppendTarget } from '../../../../src/engine/recovery/targets/hashicorp/raft-append.ts';
import { boltCounter } from '../../../../src/engine/writers/hashicorp/bolt-store.ts';
import { confItems, madeMember, splitMember, withSnapshot } from './made-members.ts';
import { decisionFor, failed, recover, removeAll, sourceAt } from './recover-directory.ts';

const COUNT = Number(process.env['RAFT_INSPECTOR_FUZZ_COUNT'] ?? 24);
const SEED = Number(process.env['RAFT_INSPECTOR_FUZZ_SEED'] ?? 20261121);
/** Flips land where most of the content lies. */
const HIT_BYTES = 120_000;

const SUBJECTS = [
  ['hashicorp-raft/bad-bolt-150', 'node-2', 'raft-log.db'],
  ['hashicorp-raft/bolt2-healthy-173', 'node-1', 'raft.db'],
  ['hashicorp-raft/wal-damaged-meta-173', 'node-3', 'wal/wal-meta.db'],
  ['hashicorp-raft/wal-damaged-meta-173', 'node-3', 'wal/00000000000000000305-0000000000000004.wal'],
] as const;

describe('damaged sources', function () {
  this.timeout(60_000 + COUNT * 2000);
  afterEach(removeAll);

  for (const [name, member, file] of SUBJECTS) {
    it(`${name} ${file}: refused with a reason, or rebuilt as planned (${Math.ceil(COUNT / SUBJECTS.length)} times, seed ${SEED})`, async () => {
      const directory = copyMember(name, member);
      try {
        const target = path.join(directory, file);
        const bytes = fs.readFileSync(target);
        const chance = new Chance(SEED);
        for (let round = 0; round < COUNT / SUBJECTS.length; round++) {
          const damaged = Buffer.from(bytes);
          for (let flips = 1 + chance.below(4); flips > 0; flips--) damaged[chance.below(Math.min(bytes.length, HIT_BYTES))] = chance.below(256);
          fs.writeFileSync(target, chance.next() < 0.1 ? damaged.subarray(0, chance.below(bytes.length)) : damaged);
          await refusedOrRebuilt(directory, member, `round ${round}`);
          removeAll();
        }
      } finally {
        fs.rmSync(path.dirname(directory), { recursive: true, force: true });
      }
    });
  }

  async function refusedOrRebuilt(directory: string, id: string, round: string): Promise<void> {
    try {
      const source = sourceAt(directory);
      const { checks } = await recover(source, decisionFor(source, { serverId: id }));
      assert.deepEqual(failed(checks), [], round);
    } catch (error) {
      if (!(error instanceof InspectorError)) throw error;
      assert.notEqual(error.hint, '', round);
    }
  }

  it('what lies behind damage is never left behind silently', async () => {
    const directory = madeMember('raft.db', { to: 300 }, confItems(4));
    const file = path.join(directory, 'raft.db');
    const bytes = fs.readFileSync(file);
    bytes[bytes.indexOf('command 250') - 6] = 0xff; // inside the entry's own encoding
    fs.writeFileSync(file, bytes);
    const source = sourceAt(directory);
    await assert.rejects(raftAppendTarget.draft(source, decisionFor(source, { serverId: 'n1' })), { code: 'REFUSED' });
  });

  it('a lost term does not hide other reasons not to start', async () => {
    const source = sourceAt(withSnapshot(splitMember({ from: 90, to: 99 }, null), 80));
    assert.match((source.reading.report.startable as { reason: string }).reason, /raft-stable\.db cannot be opened/);
    await assert.rejects(raftAppendTarget.draft(source, decisionFor(source, { serverId: 'n1' })), { rule: 'log-incomplete', message: /81\.\.89 are missing/ });
  });

  it('history below the snapshot may be damaged: it is left out where it cannot be read', async () => {
    const directory = withSnapshot(madeMember('raft.db', { to: 300 }, confItems(4)), 280);
    const file = path.join(directory, 'raft.db');
    const bytes = fs.readFileSync(file);
    const page = Math.floor(bytes.indexOf('command 40') / 4096) * 4096;
    bytes.fill(0xee, page, page + 4096);
    fs.writeFileSync(file, bytes);
    const source = sourceAt(directory);
    assert.deepEqual(source.reading.report.startable, { ok: true });
    const { checks, reading } = await recover(source, decisionFor(source, { serverId: 'n1' }));
    assert.deepEqual(failed(checks), []);
    const indexes = new Set([...reading.records()].map((one) => (one.type === 'entry' ? one.index : 0)));
    assert.ok(!indexes.has(40) && indexes.has(280) && indexes.has(301));
  });

  it('a key that cannot be right is a reason to refuse', async () => {
    const directory = withSnapshot(madeMember('raft.db', { to: 300 }, confItems(4)), 280);
    const file = path.join(directory, 'raft.db');
    const bytes = fs.readFileSync(file);
    const key = bytes.indexOf(boltCounter(40), 2 * 4096);
    bytes[key] = 0x7f; // the key of entry 40 now lies behind every other
    fs.writeFileSync(file, bytes);
    const source = sourceAt(directory);
    await assert.rejects(recover(source, decisionFor(source, { serverId: 'n1' })), { code: 'REFUSED', rule: 'not-startable' });
  });
});
