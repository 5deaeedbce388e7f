import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LmdbKvStore } from '../../../src/engine/adapters/lmdb-kv-store.ts';
import { InspectorError, RefusedError } from '../../../src/engine/errors.ts';
import { type NodeConfig, parseNodeConfig } from '../../../src/engine/node/config.ts';
import { checkIdentity, checkInitialised, openEnvironment } from '../../../src/engine/node/environment.ts';
import { initMember } from '../../../src/engine/node/init.ts';
import { LogStorage } from '../../../src/engine/storage/log-storage.ts';

const LIST = ['{id: n1, address: 127.0.0.1:7001}', '{id: n2, address: 127.0.0.1:7002}', '{id: n3, address: 127.0.0.1:7003}'];

describe('data directory of a new member', () => {
  let root: string;
  beforeEach(() => (root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-init-'))));
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  function config(id: string, options: { list?: string[]; join?: boolean; dataDir?: string; clusterId?: string } = {}): NodeConfig {
    const members = options.join ? 'join: true' : `initialMembers: [${(options.list ?? LIST).join(', ')}]`;
    const text = `clusterId: ${options.clusterId ?? 'shop'}\nmember: {id: ${id}}\ndataDir: ${options.dataDir ?? `data/${id}`}\nlisten: 127.0.0.1:${7000 + Number(id.slice(1))}\n${members}\ninsecureLoopback: true\nballastBytes: 100000\n`;
    return parseNodeConfig(path.join(root, `${id}.yaml`), text);
  }
  const read = async (id: string) => {
    const storage = new LogStorage(await LmdbKvStore.open(path.join(root, 'data', id, 'raft')));
    const state = await storage.open();
    const chain = storage.chainHash(1);
    await storage.close();
    return { state, chain };
  };

  it('is made whole, with the same first entry on every member whatever the order of its list (I3)', async () => {
    await initMember(config('n1'));
    await initMember(config('n2', { list: [...LIST].reverse() }));
    assert.deepEqual(fs.readdirSync(path.join(root, 'data')).sort(), ['n1', 'n2'], 'nothing is left beside it');
    assert.deepEqual(fs.readdirSync(path.join(root, 'data/n1')).sort(), ['ballast', 'raft', 'snapshots', 'state']);
    const [one, two] = [await read('n1'), await read('n2')];
    assert.equal(one.chain, two.chain);
    assert.deepEqual(one.state.hardState, { term: 1, vote: '', commit: 1 });
    assert.deepEqual(one.state.configurations[0]?.configuration.members.map((member) => member.id), ['n1', 'n2', 'n3']);
    assert.equal(two.state.identity.memberId, 'n2');
  });

  it('of a member that joins has an identity and an empty log', async () => {
    const made = await initMember(config('n4', { join: true }));
    assert.equal(made.members, null);
    const { state } = await read('n4');
    assert.deepEqual([state.configurations, state.hardState.term, state.log.sizes.length], [[], 0, 0]);
  });

  it('is never made over something: the directory stays as it was', async () => {
    await initMember(config('n1'));
    const before = fs.statSync(path.join(root, 'data/n1/raft/data.mdb')).mtimeMs;
    await assert.rejects(initMember(config('n1')), (error) => error instanceof RefusedError && error.rule === 'not-empty' && /holds a member already/.test(error.message) && /node start/.test(error.hint));
    assert.equal(fs.statSync(path.join(root, 'data/n1/raft/data.mdb')).mtimeMs, before);
    fs.mkdirSync(path.join(root, 'data/n2'));
    fs.writeFileSync(path.join(root, 'data/n2/notes'), '');
    await assert.rejects(initMember(config('n2')), /not-empty: .*n2 is not empty \(notes\)/);
    assert.deepEqual(fs.readdirSync(path.join(root, 'data/n2')), ['notes']);
    fs.rmSync(path.join(root, 'data/n2/notes'));
    await initMember(config('n2'));
  });

  it('that cannot be made names the place in the configuration', async () => {
    fs.writeFileSync(path.join(root, 'file'), '');
    await assert.rejects(initMember(config('n1', { dataDir: 'file/n1' })), (error) => error instanceof InspectorError && error.exitCode !== 1 && /file\/n1/.test(error.message));
    assert.deepEqual(fs.readdirSync(root), ['file']);
  });

  it('is refused to every other member, cluster and state machine (member-mismatch)', async () => {
    await initMember(config('n1'));
    const dataDir = 'data/n1';
    const store = await openEnvironment(path.join(root, dataDir, 'raft'));
    try {
      assert.equal(checkIdentity(store, config('n1')).memberId, 'n1');
      for (const other of [config('n2', { dataDir }), config('n1', { dataDir, clusterId: 'other' })]) {
        assert.throws(() => checkIdentity(store, other), (error) => error instanceof RefusedError && error.rule === 'member-mismatch');
      }
    } finally {
      await store.close();
    }
  });

  it('that was never made is told from one that was lost (not-initialised)', () => {
    assert.throws(() => checkInitialised(config('n1')), (error) => error instanceof RefusedError && error.rule === 'not-initialised' && /its disk was lost: remove that member and join a new one/.test(error.hint));
  });

  it('with damaged pages is refused before the library sees it (environment-damaged)', async () => {
    await initMember(config('n1'));
    const file = path.join(root, 'data/n1/raft/data.mdb');
    fs.writeFileSync(file, fs.readFileSync(file).subarray(0, 5000));
    await assert.rejects(openEnvironment(path.join(root, 'data/n1/raft')), /data\.mdb, byte \d+: /);
  });
});
