import assert from 'node:assert/strict';
import { KvClient } from '../../../src/engine/client/kv-client.ts';
import { RaftClient } from '../../../src/engine/client/raft-client.ts';
import { KvMachine } from '../../../src/engine/machines/kv/kv-machine.ts';
import { KV_MAX_KEY_BYTES } from '../../../src/engine/native/kv-command.ts';
import { encodeKvAnswer } from '../../../src/engine/native/kv-query.ts';
import type { KvEvent } from '../../../src/engine/native/kv-query.ts';
import { CallError } from '../../../src/engine/ports/node-api.ts';
import { FakeCluster, FakeNode } from '../../helpers/fake-node.ts';
import { MemoryKvStore } from '../../helpers/memory-kv-store.ts';
import { until } from '../../helpers/until.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const time = { timeoutMs: 2_000 };
const level = { kind: 'linearizable' } as const;

/** A node that runs the shipped kv machine, alone and without a log. */
async function openKvNode(cluster: FakeCluster, id: string): Promise<FakeNode> {
  const node = await FakeNode.open(cluster, id);
  const machine = new KvMachine(new MemoryKvStore());
  await machine.open();
  node.propose = async (payload) => {
    const index = (cluster.lastIndex += 1);
    const [result] = await machine.apply([{ index, term: 1, wallClockMs: 0, payload }], index);
    if (result === undefined) throw new Error('no result');
    return { index, term: 1, result };
  };
  node.query = (request) => Promise.resolve({ index: machine.appliedIndex(), leaderContactMs: null, result: machine.query(request) });
  node.watch = (request, emit) => {
    node.watchers.add(emit);
    const stop = machine.watch(request, emit);
    return () => {
      node.watchers.delete(emit);
      stop();
    };
  };
  return node;
}

describe('kv client', () => {
  let node: FakeNode;
  let client: RaftClient;
  let kv: KvClient;

  beforeEach(async () => {
    const cluster = new FakeCluster();
    node = await openKvNode(cluster, 'a');
    cluster.leader = 'a';
    client = new RaftClient({ endpoints: [node.address], insecureLoopback: true });
    kv = new KvClient(client);
  });

  afterEach(async () => {
    client.close();
    await node.stop();
  });

  it('puts, gets, appends, deletes', async () => {
    assert.deepEqual(await kv.put(bytes('a'), bytes('1'), time), { revision: 1, existed: false });
    assert.deepEqual(await kv.put(bytes('a'), bytes('2'), time), { revision: 2, existed: true });
    assert.deepEqual(await kv.append(bytes('a'), bytes('3'), time), { revision: 3, existed: true });
    const read = await kv.get(bytes('a'), { level, ...time });
    assert.deepEqual({ ...read, found: { ...read.found, value: Buffer.from(read.found?.value ?? []).toString() } }, { found: { value: '23', revision: 3 }, index: 3, leaderContactMs: null });
    assert.deepEqual(await kv.delete(bytes('a'), time), { revision: 4, existed: true });
    assert.equal((await kv.get(bytes('a'), { level, ...time })).found, null);
  });

  it('swaps only what is as expected, and says what is there instead', async () => {
    assert.deepEqual(await kv.cas(bytes('a'), { kind: 'absent' }, bytes('1'), time), { swapped: true, revision: 1 });
    const conflict = await kv.cas(bytes('a'), { kind: 'absent' }, bytes('2'), time);
    assert.ok(!conflict.swapped);
    assert.equal(conflict.found?.revision, 1);
    assert.deepEqual(await kv.cas(bytes('a'), { kind: 'revision', revision: 1 }, bytes('2'), time), { swapped: true, revision: 3 });
  });

  it('walks a range page by page', async () => {
    for (let at = 0; at < 25; at++) await kv.put(bytes(`k${String(at).padStart(2, '0')}`), bytes('v'), time);
    await kv.put(bytes('other'), bytes('v'), time);
    const keys: string[] = [];
    for await (const { key } of kv.range(bytes('k'), { level, ...time, pageItems: 4 })) keys.push(Buffer.from(key).toString());
    assert.deepEqual(keys, Array.from({ length: 25 }, (_, at) => `k${String(at).padStart(2, '0')}`));
  });

  it('watches a prefix', async () => {
    const stop = new AbortController();
    const seen: KvEvent[] = [];
    const watching = (async () => {
      for await (const event of kv.watch({ prefix: bytes('k'), fromRevision: null, signal: stop.signal })) seen.push(event);
    })();
    await until('the watch stands', () => node.watchers.size > 0);
    await kv.put(bytes('k1'), bytes('v'), time);
    await kv.put(bytes('x'), bytes('v'), time);
    await kv.delete(bytes('k1'), time);
    await until('both events', () => seen.length === 2);
    stop.abort();
    await watching;
    assert.deepEqual(seen.map(({ kind, revision }) => [kind, revision]), [['put', 1], ['delete', 3]]);
  });

  it('a key past its limit is refused before it is sent; what the machine refuses is a failed call', async () => {
    await assert.rejects(kv.put(new Uint8Array(KV_MAX_KEY_BYTES + 1), bytes('v'), time), RangeError);
    assert.equal(node.cluster.lastIndex, 0);
    node.query = () => Promise.resolve({ index: 1, leaderContactMs: null, result: encodeKvAnswer({ kind: 'bad', reason: 'no such query' }) });
    await assert.rejects(kv.get(bytes('k'), { level, ...time }), (error) => error instanceof CallError && error.outcome === 'failed' && error.message === 'no such query');
  });
});
