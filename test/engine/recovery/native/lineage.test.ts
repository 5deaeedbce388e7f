import assert from 'node:assert/strict';
import type { Message } from '../../../../src/engine/core/message.ts';
import { NO_CONFIGURATION } from '../../../../src/engine/core/configuration.ts';
import { crc32c } from '../../../../src/engine/native/crc32c.ts';
import { decodeIdentity } from '../../../../src/engine/native/named-records.ts';
import { encodeManifest, manifestOf } from '../../../../src/engine/native/snapshot-manifest.ts';
import { CallError } from '../../../../src/engine/ports/node-api.ts';
import type { PeerBody } from '../../../../src/engine/ports/transport.ts';
import { readMeta } from '../../../../src/engine/storage/meta.ts';
import { readStore } from '../../../../src/engine/storage/stored-state.ts';
import { SnapshotFileStore } from '../../../../src/engine/storage/snapshot-files.ts';
import { MiniWorld } from '../../../helpers/mini-world.ts';

const IDS = ['a', 'b', 'c'];
const WHY = { planId: 'p1', at: '2026-03-14T02:14:07Z', source: 'a', floor: 0, verdict: 'unknown', proof: 'best-effort', statement: '', facts: [] };

/** Three members wrote; all crash; a is recovered and leads alone. `prepare` runs before the crash. */
async function recovered(options: { snapshots?: boolean } = {}): Promise<MiniWorld> {
  const world = await MiniWorld.start({ ids: IDS });
  const leader = await world.elect();
  for (let n = 0; n < 30; n++) await world.time.outcome(world.put(leader, `k${n}`, `v${n}`));
  await world.time.until('all hold all', () => world.isEven());
  if (options.snapshots === true) {
    // Two of them, so that the log in front of the older one goes.
    await world.time.outcome(world.node('a').takeSnapshot());
    await world.time.outcome(world.put(leader, 'between', '1'));
    await world.time.until('all hold all', () => world.isEven());
    await world.time.outcome(world.node('a').takeSnapshot());
    assert.ok(world.node('a').status().firstIndex > 10);
  }
  for (const id of IDS) world.crash(id);
  await world.recover('a', (store) => {
    const { identity, hardState, extent } = readStore(store);
    const { clusterId, generation, memberId } = identity;
    return { from: { clusterId, generation, memberId }, to: { clusterId, generation: 2, memberId: 'a-g2', name: 'a' }, address: null, term: hardState.term + 1000, keepTo: extent.tail.index, wallClockMs: 0, why: WHY };
  });
  await world.boot('a-g2');
  assert.equal(await world.elect(['a-g2']), 'a-g2');
  return world;
}

const head = { from: 'b', to: 'a-g2', term: 99_999 };
const position = { term: 99_998, index: 9_999 };
const content = Buffer.from('state of another history');
const manifest = manifestOf({ clusterId: 'cluster-1', generation: 1, machine: 'kv', index: 9_999, term: 99_998, chainHash: '0'.repeat(32), configuration: { index: 1, configuration: NO_CONFIGURATION }, featureLevel: 0, stateHash: '', takenAtMs: 0 }, { bytes: content.length, sha256: 'ab'.repeat(32) });
const chunk = { kind: 'snapshot-chunk', ...head, snapshotId: manifest.id, manifest: encodeManifest(manifest), offset: 0, bytes: content, crc32c: crc32c(content), isLast: true } as const;

/** One of each; the type makes the compiler ask for a message that is new. */
const MESSAGES: Readonly<Record<Message['kind'], Message>> = {
  vote: { kind: 'vote', ...head, phase: 'vote', campaign: 1, lastEntry: position, isTransfer: true },
  'vote-reply': { kind: 'vote-reply', ...head, phase: 'vote', campaign: 1, isGranted: true },
  append: { kind: 'append', ...head, number: 1, prev: { term: 0, index: 0 }, entries: [{ index: 1, term: 99_999, kind: 'noop', wallClockMs: 0, payload: new Uint8Array() }], commit: 1 },
  'append-reply': { kind: 'append-reply', ...head, number: 1, incarnation: 1, result: { kind: 'stored', match: 9_999 } },
  heartbeat: { kind: 'heartbeat', ...head, commit: 9_999, round: 9 },
  'heartbeat-reply': { kind: 'heartbeat-reply', ...head, round: 9, incarnation: 1, durableIndex: 9_999 },
  'read-index': { kind: 'read-index', ...head, id: 1 },
  'read-index-reply': { kind: 'read-index-reply', ...head, id: 1, index: 9_999 },
  'timeout-now': { kind: 'timeout-now', ...head },
  'snapshot-reply': { kind: 'snapshot-reply', ...head, index: 9_999, incarnation: 1 },
  removed: { kind: 'removed', ...head, configurationIndex: 9_999 },
};
const BODIES: readonly PeerBody[] = [
  ...Object.values(MESSAGES),
  { ...MESSAGES.vote, phase: 'pre-vote' } as Message,
  chunk,
  { kind: 'snapshot-ack', ...head, snapshotId: manifest.id, offset: 0, status: 'done' },
];

describe('a recovered lineage (I17)', () => {
  it('refuses every message of an older generation, and nothing changes by it', async () => {
    const world = await recovered();
    const host = world.host('a-g2');
    await world.time.run(200);
    const [status, disk, sent] = [JSON.stringify(world.node('a-g2').status()), host.raft.inner.transactions.length, host.sent.length];
    for (const body of BODIES) {
      host.refused = [];
      host.receive?.({ clusterId: 'cluster-1', generation: 1, from: 'b', to: 'a-g2', version: 1, maxFeatureLevel: 1, body });
      await world.time.run(20);
      assert.deepEqual(host.refused, ['wrong-generation b'], body.kind);
    }
    assert.equal(JSON.stringify(world.node('a-g2').status()), status);
    assert.deepEqual([host.raft.inner.transactions.length, host.sent.length], [disk, sent], 'nothing was stored or answered');
    host.refused = [];
    // That the messages would matter in their own generation shows that the test can fail.
    host.receive?.({ clusterId: 'cluster-1', generation: 2, from: 'd', to: 'a-g2', version: 1, maxFeatureLevel: 1, body: { ...MESSAGES.append, from: 'd' } });
    await world.time.run(20);
    assert.notEqual(JSON.stringify(world.node('a-g2').status()), status);
  });

  it('is not heard by old members either: they find no leader in it', async () => {
    const world = await recovered();
    await world.boot('b');
    await world.time.run(2000);
    const { role, term } = world.node('b').status();
    assert.notEqual(role, 'leader');
    assert.equal(world.node('a-g2').status().role, 'leader');
    assert.ok(term < 1000, `b stays in term ${term}`);
  });

  it('keeps every write that its log held, and begins with the recovery entry', async () => {
    const world = await recovered();
    for (const n of [0, 15, 29]) assert.equal((await world.time.outcome(world.get('a-g2', `k${n}`))).value, `v${n}`);
    const { members, removedIds, generation, term } = world.node('a-g2').status();
    assert.deepEqual([members.map((one) => one.id), removedIds, generation], [['a-g2'], ['a', 'b', 'c'], 2]);
    assert.ok(term > 1000);
  });

  it('refuses a session token of the older generation', async () => {
    const world = await recovered();
    const query = world.get('a-g2', 'k1', { kind: 'follower', maxStalenessMs: 10_000, token: { generation: 1, index: 3 } });
    await assert.rejects(world.time.outcome(query), (error) => error instanceof CallError && error.rule === 'wrong-lineage');
  });

  it('never takes an old id back', async () => {
    const world = await recovered();
    const add = world.node('a-g2').changeMembership({ kind: 'add-learner', id: 'b', name: 'b', address: 'b:1' }, { changeId: 'x', expectedIndex: null, deadlineMs: 1000 });
    await assert.rejects(world.time.outcome(add), (error) => error instanceof CallError && error.rule === 'id-reused');
  });

  it('sends a snapshot that the older generation took as its own; a newcomer takes it, and one that says the older generation it does not', async () => {
    const world = await recovered({ snapshots: true });
    await world.create('d', null, 2);
    await world.boot('d');
    const change = { changeId: 'add-d', expectedIndex: null, deadlineMs: 5000 };
    await world.time.outcome(world.node('a-g2').changeMembership({ kind: 'add-learner', id: 'd', name: 'd', address: 'd:1' }, change));
    await world.time.until('d has it all', () => world.isEven(['a-g2', 'd']), 20_000);
    assert.equal((await world.time.outcome(world.get('d', 'k7', { kind: 'stale' }))).value, 'v7');
    const [named] = readStore(world.host('d').raft.inner).snapshots;
    assert.ok(named !== undefined, 'it came by snapshot');
    const reader = await new SnapshotFileStore(world.host('d').disk).open(named.id);
    assert.deepEqual([reader.manifest.clusterId, reader.manifest.generation], ['cluster-1', 2]);
    await reader.close();
    const old = await new SnapshotFileStore(world.host('a-g2').disk).open(named.id);
    assert.equal(old.manifest.generation, 1, 'the file itself stays as the older generation wrote it');
    await old.close();

    const host = world.host('d');
    host.refused = [];
    host.receive?.({ clusterId: 'cluster-1', generation: 2, from: 'a-g2', to: 'd', version: 1, maxFeatureLevel: 1, body: { ...chunk, from: 'a-g2', to: 'd' } });
    await world.time.run(50);
    assert.deepEqual(host.refused, ['manifest-lineage a-g2']);
    assert.equal(readMeta(host.raft.inner, 'identity', decodeIdentity).generation, 2);
  });
});
