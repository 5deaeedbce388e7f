import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LmdbKvStore } from '../../../src/engine/adapters/lmdb-kv-store.ts';
import { InspectorError, RefusedError } from '../../../src/engine/errors.ts';
import { type NodeConfig, parseNodeConfig } from '../../../src/engine/node/config.ts';
import { checkFence, checkIdentity, checkInitialised, configurationIn, identityIn, openEnvironment } from '../../../src/engine/node/environment.ts';
import { initMember } from '../../../src/engine/node/init.ts';
import { encodeFence } from '../../../src/engine/native/fence-record.ts';
import { planNativeBootstrap } from '../../../src/engine/storage/bootstrap.ts';
import { LogStorage } from '../../../src/engine/storage/log-storage.ts';

const LIST = ['{id: n1, address: 127.0.0.1:7001}', '{id: n2, address: 127.0.0.1:7002}', '{id: n3, address: 127.0.0.1:7003}'];

describe('data directory of a new member', () => {
  let root: string;
  beforeEach(() => (root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-init-'))));
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  function config(id: string, options: { list?: string[]; join?: boolean; generation?: number; dataDir?: string; clusterId?: string } = {}): NodeConfig {
    const members = options.generation !== undefined ? `generation: ${options.generation}` : options.join ? 'join: true' : `initialMembers: [${(options.list ?? LIST).join(', ')}]`;
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

  it('of a member that joins a later generation is of that generation', async () => {
    const made = await initMember(config('n4', { generation: 3 }));
    assert.deepEqual([made.identity.generation, made.members], [3, null]);
    assert.equal(identityIn(path.join(root, 'data/n4'))?.generation, 3);
    const store = await openEnvironment(path.join(root, 'data/n4/raft'));
    try {
      assert.throws(() => checkIdentity(store, config('n4', { generation: 2 })), /belongs to generation 3, and .* names 2/);
      assert.equal(checkIdentity(store, config('n4', { join: true })).generation, 3, 'a configuration that names none leaves it to the directory');
    } finally {
      await store.close();
    }
  });

  it('that a recovery gave another member says what to put into its configuration', async () => {
    await initMember(config('n1'));
    const store = await openEnvironment(path.join(root, 'data/n1/raft'));
    try {
      const from = { clusterId: 'shop', generation: 1, memberId: 'n1' };
      const why = { planId: 'p', at: '2026-03-14T02:14:07Z', source: 'n1', floor: 1, verdict: 'none', proof: 'proven', statement: '', facts: [] };
      await store.transact(planNativeBootstrap(store, { from, to: { ...from, generation: 2, memberId: 'n1-g2', name: 'n1' }, address: null, term: 1001, keepTo: 1, wallClockMs: 0, why }));
      assert.throws(() => checkIdentity(store, config('n1')), (error) => error instanceof RefusedError && error.rule === 'member-mismatch' && /set member: \{id: n1-g2\} and generation: 2, remove initialMembers and join/.test(error.hint));
    } finally {
      await store.close();
    }
    assert.deepEqual((await configurationIn(path.join(root, 'data/n1')))?.members.map((one) => [one.id, one.address]), [['n1-g2', '127.0.0.1:7001']]);
    assert.deepEqual(fs.readdirSync(path.join(root, 'data/n1')).sort(), ['ballast', 'raft', 'snapshots', 'state'], 'looking leaves nothing');
  });

  it('that is fenced must not be started (fenced), even where nobody can read why', async () => {
    await initMember(config('n1'));
    const dataDir = path.join(root, 'data/n1');
    checkFence(dataDir);
    const file = path.join(dataDir, 'FENCED');
    fs.writeFileSync(file, encodeFence({ why: 'n2-g2 took its place', clusterId: 'shop', generation: 2, planId: '5c2e9100-x', at: '2026-03-14T02:14:07Z' }));
    assert.throws(() => checkFence(dataDir), (error) => error instanceof RefusedError && error.rule === 'fenced' && error.message.includes('n2-g2 took its place (2026-03-14T02:14:07Z, plan 5c2e91)') && error.hint.includes(file));
    for (const text of ['', '{}', '\u0000'.repeat(20_000), '{"version":2}']) {
      fs.writeFileSync(file, text);
      assert.throws(() => checkFence(dataDir), /its fence file cannot be read/);
    }
    fs.rmSync(file);
    fs.mkdirSync(file);
    assert.throws(() => checkFence(dataDir), (error) => error instanceof RefusedError && error.rule === 'fenced');
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
