import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LmdbKvStore } from '../../../../src/engine/adapters/lmdb-kv-store.ts';
import { NodeDisk } from '../../../../src/engine/adapters/node-disk.ts';
import { RefusedError } from '../../../../src/engine/errors.ts';
import { KvMachine } from '../../../../src/engine/machines/kv/kv-machine.ts';
import { nativeReader } from '../../../../src/engine/readers/native/reader.ts';
import { restoreNativeSnapshot } from '../../../../src/engine/recovery/targets/native/restore.ts';
import { openMachine } from '../../../../src/engine/runtime/start-up.ts';
import type { NodePorts } from '../../../../src/engine/runtime/contract.ts';
import { LogStorage } from '../../../../src/engine/storage/log-storage.ts';
import { SnapshotFileStore } from '../../../../src/engine/storage/snapshot-files.ts';
import { identityOf, NativeWriter, threeMembers } from '../../../helpers/native-writer.ts';

const NOW = new Date('2026-03-14T02:14:07Z');
const rule = (wanted: string) => (error: unknown): boolean => error instanceof RefusedError && error.rule === wanted;

describe('restoring a snapshot of our own engine', () => {
  let root: string;
  let archive: string;
  let stateHash: string;
  before(async () => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'native-restore-'));
    const writer = await NativeWriter.create(path.join(root, 'n1'), identityOf('n1'), threeMembers());
    for (let n = 0; n < 20; n++) await writer.puts(3, [[`k${n}`, `v${n}`]], { commit: 2 + n });
    const manifest = await writer.snapshot();
    stateHash = manifest.stateHash;
    await writer.puts(3, [['later', 'gone']], { commit: 21 });
    await writer.close();
    archive = path.join(root, 'backup.snap');
    fs.copyFileSync(path.join(root, 'n1/snapshots', `${manifest.id}.snap`), archive);
  });
  after(() => fs.rmSync(root, { recursive: true, force: true }));

  it('gives a cluster of one in a new generation, whose log begins behind the snapshot and whose state is the snapshot’s', async () => {
    const into = path.join(root, 'a/n1-g2');
    const before = fs.readFileSync(archive);
    fs.mkdirSync(`${into}.new/raft`, { recursive: true }); // what a killed run left
    const made = await restoreNativeSnapshot(archive, into, { now: NOW });
    assert.deepEqual([made.identity, made.last, made.address], [{ clusterId: 'c1', generation: 2, memberId: 'n1-g2', name: 'n1-g2', machine: 'kv' }, { term: 1003, index: 22 }, '127.0.0.1:7001']);
    assert.deepEqual(fs.readdirSync(path.join(root, 'a')), ['n1-g2'], 'nothing is left beside it');
    assert.ok(fs.readFileSync(archive).equals(before));
    const { report, findings } = nativeReader.read(into, {});
    assert.deepEqual([report.health, report.startable?.ok, report.commitFloor, report.lastEntry], ['ok', true, 21, { term: 1003, index: 22 }], JSON.stringify(findings));
    assert.deepEqual(report.confState?.voters, ['n1-g2']);
    assert.deepEqual(findings.filter((one) => one.severity !== 'info'), []);

    const storage = new LogStorage(await LmdbKvStore.open(path.join(into, 'raft')));
    const stored = await storage.open();
    assert.deepEqual(stored.configurations.at(-1)?.configuration.tombstones, ['n1', 'n2', 'n3']);
    const state = await LmdbKvStore.open(path.join(into, 'state'));
    const machine = new KvMachine(state);
    assert.equal(await openMachine({ machine, snapshots: new SnapshotFileStore(new NodeDisk(into)) } as unknown as NodePorts, stored), 21);
    assert.equal(machine.stateHash(), stateHash);
    await machine.close();
    await state.close();
    await storage.close();
  });

  it('takes id, address, cluster and generation that are given', async () => {
    const made = await restoreNativeSnapshot(archive, path.join(root, 'b'), { memberId: 'x1', address: '10.0.0.1:7000', clusterId: 'copy', generation: 1, highestTerm: 70 });
    assert.deepEqual([made.identity.clusterId, made.identity.generation, made.identity.memberId, made.last.term], ['copy', 1, 'x1', 1070]);
    assert.deepEqual(nativeReader.read(path.join(root, 'b'), {}).report.confState?.members[0]?.addresses, ['10.0.0.1:7000']);
  });

  it('refuses what it must not do, and leaves nothing behind', async () => {
    const into = path.join(root, 'c/new');
    fs.mkdirSync(path.join(root, 'taken'));
    await assert.rejects(restoreNativeSnapshot(archive, path.join(root, 'taken')), rule('not-empty'));
    await assert.rejects(restoreNativeSnapshot(archive, into, { generation: 1 }), rule('old-generation'));
    await assert.rejects(restoreNativeSnapshot(archive, into, { memberId: 'n2' }), rule('id-reused'));
    const whole = fs.readFileSync(archive);
    for (const [name, bytes] of [['cut', whole.subarray(0, whole.length - 40)], ['flipped', Buffer.from(whole).fill(whole.readUInt8(60) ^ 1, 60, 61)], ['empty', Buffer.alloc(0)], ['other', Buffer.from('no snapshot at all, but longer than the head and the end of one would be')]] as const) {
      const bad = path.join(root, `${name}.snap`);
      fs.writeFileSync(bad, bytes);
      await assert.rejects(restoreNativeSnapshot(bad, into), rule('bad-snapshot'), name);
    }
    assert.deepEqual(fs.readdirSync(path.join(root, 'c')), []);
  });
});
