import assert from 'node:assert/strict';
import { CallError } from '../../../src/engine/ports/node-api.ts';
import { RaftClient } from '../../../src/engine/client/raft-client.ts';
import type { RaftClientOptions } from '../../../src/engine/client/raft-client.ts';
import { ClusterCertificates } from '../../helpers/cluster-certificates.ts';
import { FakeCluster, FakeNode, indexOfEvent } from '../../helpers/fake-node.ts';
import { TcpProxy } from '../../helpers/tcp-proxy.ts';
import { CLUSTER } from '../../helpers/transport-pair.ts';
import { until } from '../../helpers/until.ts';

const X = Buffer.from('x');

function refusal(rule: CallError['rule'], outcome: CallError['outcome'] = 'failed'): CallError {
  return new CallError(outcome, rule, `told ${rule}`);
}

function isCallError(outcome: string, rule: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof CallError, String(error));
    assert.deepEqual([error.outcome, error.rule], [outcome, rule], error.message);
    return true;
  };
}

describe('client', () => {
  let cluster: FakeCluster;
  let a: FakeNode;
  let b: FakeNode;
  let c: FakeNode;
  const clients: RaftClient[] = [];
  const proxies: TcpProxy[] = [];

  beforeEach(async () => {
    cluster = new FakeCluster();
    [a, b, c] = [await FakeNode.open(cluster, 'a'), await FakeNode.open(cluster, 'b'), await FakeNode.open(cluster, 'c')];
    cluster.leader = 'a';
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await Promise.all(cluster.nodes.map((node) => node.stop()));
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });

  function clientOf(nodes: readonly { address: string }[], options: Partial<RaftClientOptions> = {}): RaftClient {
    const client = new RaftClient({ endpoints: nodes.map(({ address }) => address), ...(options.tls === undefined ? { insecureLoopback: true } : {}), ...options });
    clients.push(client);
    return client;
  }

  async function proxyTo(node: FakeNode): Promise<TcpProxy> {
    const proxy = await TcpProxy.open(() => node.transport.port);
    proxies.push(proxy);
    return proxy;
  }

  it('finds the leader from any member', async () => {
    const client = clientOf([c]);
    assert.deepEqual(await client.propose(X, { timeoutMs: 2_000 }), { index: 1, term: 1, result: Uint8Array.from(X) });
    assert.deepEqual([a.calls, b.calls, c.calls], [['propose'], [], []]);
  });

  it('follows the hint when the leader has moved, without a wait', async () => {
    const client = clientOf([a, b, c]);
    await client.propose(X, { timeoutMs: 2_000 });
    cluster.leader = 'b';
    const startMs = performance.now();
    await client.propose(X, { timeoutMs: 2_000 });
    assert.ok(performance.now() - startMs < 1_500, `${performance.now() - startMs} ms`);
    assert.deepEqual([a.calls, b.calls], [['propose', 'propose'], ['propose']]);
  });

  it('keeps many proposals in flight on one stream', async () => {
    const client = clientOf([a, b, c]);
    const done = await Promise.all(Array.from({ length: 500 }, (_, at) => client.propose(Buffer.from(String(at)), { timeoutMs: 5_000 })));
    assert.deepEqual(done.map(({ result }) => Buffer.from(result).toString()), Array.from({ length: 500 }, (_, at) => String(at)));
    assert.equal(cluster.log.length, 500);
  });

  it('refuses a command that no message can hold, before it is sent', async () => {
    await assert.rejects(clientOf([a]).propose(new Uint8Array(9 * 1024 * 1024), { timeoutMs: 1_000 }), isCallError('failed', 'too-large'));
    assert.deepEqual(a.calls, []);
  });

  // B20: only what provably did not happen is made again, and only where another attempt can end otherwise.
  const rules: { error: CallError; proposes: 'again' | 'gives-up'; queries: 'again' | 'gives-up' }[] = [
    { error: refusal('not-leader'), proposes: 'again', queries: 'again' },
    { error: refusal('overloaded'), proposes: 'again', queries: 'again' },
    { error: refusal('transferring'), proposes: 'again', queries: 'again' },
    { error: refusal('no-commit-in-term'), proposes: 'again', queries: 'again' },
    { error: refusal('leadership-lost'), proposes: 'again', queries: 'again' },
    { error: refusal('stopping'), proposes: 'again', queries: 'again' },
    { error: refusal('timeout'), proposes: 'again', queries: 'again' },
    { error: refusal('too-stale'), proposes: 'gives-up', queries: 'again' },
    { error: refusal('behind-token'), proposes: 'gives-up', queries: 'again' },
    { error: refusal('too-large'), proposes: 'gives-up', queries: 'gives-up' },
    { error: refusal('bad-request'), proposes: 'gives-up', queries: 'gives-up' },
    { error: refusal('wrong-lineage'), proposes: 'gives-up', queries: 'gives-up' },
    { error: refusal('storage-failed'), proposes: 'gives-up', queries: 'gives-up' },
    { error: refusal('leadership-lost', 'unknown'), proposes: 'gives-up', queries: 'gives-up' },
    { error: refusal('timeout', 'unknown'), proposes: 'gives-up', queries: 'gives-up' },
    { error: refusal('overloaded', 'unknown'), proposes: 'gives-up', queries: 'gives-up' },
    { error: refusal('not-leader', 'unknown'), proposes: 'gives-up', queries: 'gives-up' },
  ];
  for (const { error, proposes, queries } of rules) {
    it(`B20 ${error.outcome} ${error.rule}: a write ${proposes}, a read ${queries}`, async () => {
      const client = clientOf([a, b, c]);
      await client.status({ timeoutMs: 2_000 });
      a.outcomes = [error];
      const write = client.propose(X, { timeoutMs: 3_000 });
      if (proposes === 'again') assert.equal((await write).index, 1);
      else await assert.rejects(write, isCallError(error.outcome, error.rule));
      assert.equal(cluster.log.length, proposes === 'again' ? 1 : 0);
      for (const node of cluster.nodes) node.outcomes = [error];
      const read = client.query(X, { level: { kind: 'linearizable' }, timeoutMs: 3_000 });
      if (queries === 'again') assert.deepEqual((await read).result, Uint8Array.from(X));
      else await assert.rejects(read, isCallError(error.outcome, error.rule));
    });
  }

  it('B20 a write whose answer is lost is unknown, and is not sent again', async () => {
    const proxy = await proxyTo(a);
    const client = clientOf([{ address: proxy.address }], { dial: (id, address) => (id === 'a' ? proxy.address : address) });
    await client.status({ timeoutMs: 2_000 });
    a.outcomes = ['applied-then-silent'];
    const write = client.propose(X, { timeoutMs: 5_000 });
    await until('appended', () => cluster.log.length === 1);
    proxy.cut();
    await assert.rejects(write, isCallError('unknown', 'unreachable'));
    assert.equal(cluster.log.length, 1);
  });

  it('B20 a write that is not answered in time is unknown', async () => {
    const client = clientOf([a]);
    a.outcomes = ['never'];
    const startMs = performance.now();
    await assert.rejects(client.propose(X, { timeoutMs: 300 }), isCallError('unknown', 'timeout'));
    assert.ok(performance.now() - startMs < 3_000, `${performance.now() - startMs} ms`);
  });

  it('B20 a failure is told with its reason when time is up, not as a bare timeout', async () => {
    const client = clientOf([a, b, c]);
    cluster.leader = null;
    const startMs = performance.now();
    await assert.rejects(client.propose(X, { timeoutMs: 500 }), isCallError('failed', 'not-leader'));
    assert.ok(performance.now() - startMs < 3_000);
  });

  it('works while an endpoint is down', async () => {
    await b.stop();
    const client = clientOf([b, a]);
    assert.equal((await client.propose(X, { timeoutMs: 3_000 })).index, 1);
    assert.equal((await client.query(X, { level: { kind: 'linearizable' }, timeoutMs: 3_000 })).index, 1);
  });

  it('works while a member is behind a stalled link, and finds the new leader', async () => {
    const proxy = await proxyTo(a);
    const client = clientOf([{ address: proxy.address }, b, c], { dial: (id, address) => (id === 'a' ? proxy.address : address), attemptMs: 300 });
    await client.propose(X, { timeoutMs: 3_000 });
    await new Promise((resolve) => setTimeout(resolve, 450)); // the last answer no longer vouches for the connection
    proxy.hold();
    cluster.leader = 'b';
    const startMs = performance.now();
    assert.equal((await client.propose(X, { timeoutMs: 5_000 })).index, 2);
    assert.ok(performance.now() - startMs < 4_500, `${performance.now() - startMs} ms`);
    assert.equal((await client.query(X, { level: { kind: 'linearizable' }, timeoutMs: 3_000 })).index, 2);
  });

  it('ends by its timeout when nobody answers', async () => {
    const proxy = await proxyTo(a);
    proxy.hold();
    const client = clientOf([{ address: proxy.address }]);
    for (const call of [() => client.propose(X, { timeoutMs: 400 }), () => client.query(X, { level: { kind: 'stale' }, timeoutMs: 400 }), () => client.status({ timeoutMs: 400 })]) {
      const startMs = performance.now();
      await assert.rejects(call(), (error: unknown) => error instanceof CallError && error.outcome === 'failed');
      assert.ok(performance.now() - startMs < 3_000, `${performance.now() - startMs} ms`);
    }
  });

  it('I16 follower reads carry the session token; an answer from before it is asked for elsewhere', async () => {
    const client = clientOf([a, b, c]);
    await client.propose(X, { timeoutMs: 2_000 });
    await client.propose(X, { timeoutMs: 2_000 });
    assert.deepEqual(client.sessionToken, { generation: 1, index: 2 });
    [b.appliedTo, c.appliedTo] = [1, 1];
    for (let read = 0; read < 4; read++) assert.equal((await client.query(X, { level: { kind: 'follower', maxStalenessMs: 100 }, timeoutMs: 2_000 })).index, 2);
    for (let read = 0; read < 4; read++) assert.equal((await client.query(X, { level: { kind: 'stale' }, timeoutMs: 2_000 })).index, 2);
    const follower = cluster.nodes.flatMap(({ levels }) => levels).find(({ kind }) => kind === 'follower');
    assert.deepEqual(follower, { kind: 'follower', maxStalenessMs: 100, token: { generation: 1, index: 2 } });
    a.appliedTo = 1;
    await assert.rejects(client.query(X, { level: { kind: 'stale' }, timeoutMs: 300 }), isCallError('failed', 'behind-token'));
  });

  it('a membership change with an unknown outcome is asked for again under its id', async () => {
    const client = clientOf([a, b, c]);
    await client.status({ timeoutMs: 2_000 });
    a.outcomes = [refusal('leadership-lost', 'unknown'), refusal('change-pending')];
    const change = { kind: 'add-learner', id: 'd', name: 'd', address: '127.0.0.1:9' } as const;
    assert.deepEqual(await client.changeMembership(change, { changeId: 'ch-1', expectedIndex: 3, timeoutMs: 3_000 }), { index: 9, term: 4 });
    assert.deepEqual(a.calls, Array.from({ length: 3 }, () => 'change add-learner d ch-1 3'));
  });

  it('a membership change that stays in doubt is unknown; one that was refused is failed', async () => {
    const client = clientOf([a, b, c]);
    await client.status({ timeoutMs: 2_000 });
    a.outcomes = [refusal('leadership-lost', 'unknown'), ...Array.from({ length: 100 }, () => refusal('change-pending'))];
    await assert.rejects(client.changeMembership({ kind: 'remove', id: 'b' }, { changeId: 'ch-2', expectedIndex: null, timeoutMs: 400 }), (error) => error instanceof CallError && error.outcome === 'unknown');
    // More than one: a last attempt of the call above may still be on its way and take one.
    a.outcomes = Array.from({ length: 100 }, () => refusal('change-pending'));
    await assert.rejects(client.changeMembership({ kind: 'remove', id: 'b' }, { changeId: 'ch-3', expectedIndex: null, timeoutMs: 400 }), isCallError('failed', 'change-pending'));
  });

  it('moves leadership', async () => {
    const client = clientOf([b]);
    assert.deepEqual(await client.transfer('c', { timeoutMs: 2_000 }), { leader: 'c', term: 5 });
    assert.equal((await client.propose(X, { timeoutMs: 2_000 })).index, 1);
    assert.ok(c.calls.includes('propose'));
  });

  it('tells the status whole, of the leader or of each', async () => {
    const client = clientOf([b]);
    assert.deepEqual(await client.status({ timeoutMs: 2_000 }), a.status());
    await c.stop();
    const all = await client.statuses({ timeoutMs: 1_000 });
    const said = Object.fromEntries(all.map(({ address, status, error }) => [address, status?.memberId ?? error?.rule]));
    assert.deepEqual(said, { [a.address]: 'a', [b.address]: 'b', [c.address]: 'unreachable' });
  });

  it('takes a snapshot and downloads it, piece by piece', async () => {
    b.snapshot = Uint8Array.from({ length: 700_001 }, (_, at) => at % 251);
    const client = clientOf([a]);
    const taken = await client.takeSnapshot({ member: 'b', timeoutMs: 2_000 });
    assert.deepEqual(taken, { id: '4-7-abc', index: 7, term: 4, member: 'b', address: b.address });
    const pieces: Uint8Array[] = [];
    for await (const piece of client.downloadSnapshot(taken.id, { member: 'b', timeoutMs: 5_000 })) pieces.push(piece);
    assert.deepEqual(pieces.map(({ length }) => length), [262_144, 262_144, 175_713]);
    assert.ok(Buffer.concat(pieces).equals(Buffer.from(b.snapshot)));
    assert.ok(b.calls.includes('readSnapshot 4-7-abc'));
    assert.deepEqual(await client.compact({ member: 'b', timeoutMs: 2_000 }), { firstIndex: 3 });
  });

  it('a download that is broken off frees the member', async () => {
    a.snapshot = new Uint8Array(30_000_000);
    const client = clientOf([a]);
    for await (const piece of client.downloadSnapshot(null, { timeoutMs: 5_000 })) if (piece.length > 0) break;
    await until('the member stopped reading', () => a.downloadsStopped === 1);
  });

  it('a watch goes on at another member after the last event, each once', async () => {
    const client = clientOf([a, b, c]);
    const stop = new AbortController();
    const seen: number[] = [];
    const resumed: string[] = [];
    const watching = (async () => {
      for await (const event of client.watch({ request: (from) => Buffer.from(from === null ? '' : String(from)), indexOf: indexOfEvent, from: null, signal: stop.signal, onResume: (reason) => void resumed.push(reason) })) seen.push(indexOfEvent(event));
    })();
    const watcher = (): FakeNode | undefined => cluster.nodes.find(({ watchers }) => watchers.size > 0);
    await until('the watch stands', () => watcher() !== undefined);
    cluster.append(X);
    cluster.append(X);
    await until('two events', () => seen.length === 2);
    const first = watcher();
    assert.ok(first !== undefined);
    cluster.leader = cluster.nodes.find((node) => node !== first)?.id ?? null;
    await first.stop();
    first.watchers.clear();
    cluster.append(X);
    await until('it goes on', () => seen.length === 3);
    await until('it stands elsewhere', () => watcher() !== undefined);
    cluster.append(X);
    await until('four events', () => seen.length === 4);
    stop.abort();
    await watching;
    assert.deepEqual(seen, [1, 2, 3, 4]);
    assert.ok(resumed.length >= 1);
    await until('the member let go of it', () => watcher() === undefined);
  });

  it('a watch that breaks before its first event loses nothing', async () => {
    cluster.append(X);
    const client = clientOf([a, b, c]);
    const stop = new AbortController();
    const seen: number[] = [];
    const watching = (async () => {
      for await (const event of client.watch({ request: (from) => Buffer.from(from === null ? '' : String(from)), indexOf: indexOfEvent, from: null, signal: stop.signal })) seen.push(indexOfEvent(event));
    })();
    const watcher = (): FakeNode | undefined => cluster.nodes.find(({ watchers }) => watchers.size > 0);
    await until('the watch stands', () => watcher() !== undefined);
    const first = watcher();
    first?.watchers.clear(); // what happens now is not told by this member any more
    cluster.append(X);
    await first?.stop();
    await until('told by another', () => seen.length === 1);
    stop.abort();
    await watching;
    assert.deepEqual(seen, [2]);
  });

  it('a watch tells nothing twice, even when a member starts over', async () => {
    const client = clientOf([a, b, c]);
    const stop = new AbortController();
    const seen: number[] = [];
    for (let at = 0; at < 3; at++) cluster.append(X);
    const watching = (async () => {
      for await (const event of client.watch({ request: () => Buffer.from('1'), indexOf: indexOfEvent, from: 1, signal: stop.signal })) seen.push(indexOfEvent(event));
    })();
    await until('three events', () => seen.length === 3);
    const first = cluster.nodes.find(({ watchers }) => watchers.size > 0);
    first?.watchers.clear();
    await first?.stop();
    cluster.append(X);
    await until('the fourth', () => seen.length >= 4);
    stop.abort();
    await watching;
    assert.deepEqual(seen, [1, 2, 3, 4]);
  });

  it('a watch that cannot be served says so', async () => {
    const client = clientOf([a]);
    const watching = client.watch({ request: () => Buffer.from('compacted'), indexOf: () => null, from: 1, signal: new AbortController().signal });
    await assert.rejects(watching.next(), isCallError('failed', 'compacted'));
  });

  it('a slow watcher is told to come back, and misses nothing', async () => {
    const client = clientOf([a]);
    const stop = new AbortController();
    const watching = client.watch({ request: (from) => Buffer.from(from === null ? '' : String(from)), indexOf: indexOfEvent, from: 1, signal: stop.signal });
    const first = watching.next();
    await until('the watch stands', () => a.watchers.size > 0);
    for (let at = 0; at < 4_000; at++) cluster.append(X);
    assert.equal(indexOfEvent((await first).value as Uint8Array), 1);
    for (let expected = 2; expected <= 4_000; expected++) assert.equal(indexOfEvent((await watching.next()).value as Uint8Array), expected);
    stop.abort();
    await watching.return(undefined);
  });

  it('B23 refuses a cluster that is not the one asked for', async () => {
    const client = clientOf([a], { clusterId: 'c-9' });
    await assert.rejects(client.propose(X, { timeoutMs: 500 }), isCallError('failed', 'wrong-lineage'));
    assert.equal(cluster.log.length, 0);
  });

  describe('with certificates', () => {
    let ours: ClusterCertificates;

    before(async () => {
      ours = await ClusterCertificates.make(CLUSTER);
    });

    it('clients and members may call, others may not', async () => {
      const secured = await FakeNode.open(new FakeCluster(), 's', { tls: await ours.member('s') });
      secured.cluster.leader = 's';
      try {
        for (const tls of [await ours.client('ops'), await ours.member('a')]) assert.equal(typeof (await clientOf([secured], { tls }).propose(X, { timeoutMs: 2_000 })).index, 'number');
        const foreign = await ClusterCertificates.make(CLUSTER);
        const other = await ours.client('ops', { clusterId: 'c-2' });
        await assert.rejects(clientOf([secured], { tls: other }).propose(X, { timeoutMs: 10_000 }), isCallError('failed', 'wrong-lineage'));
        await assert.rejects(clientOf([secured], { tls: await foreign.client('ops') }).propose(X, { timeoutMs: 10_000 }), isCallError('failed', 'not-authorized'));
        const mixed = { ...(await foreign.client('ops')), ca: (await ours.client('ops')).ca };
        await assert.rejects(clientOf([secured], { tls: mixed }).propose(X, { timeoutMs: 600 }), isCallError('failed', 'unreachable'));
        assert.equal(secured.cluster.log.length, 2);
      } finally {
        await secured.stop();
      }
    });

    it('a server with a client certificate, or of another cluster, is not spoken to', async () => {
      const other = await FakeNode.open(new FakeCluster(), 's', { clusterId: 'c-2', tls: await ours.member('s', { clusterId: 'c-2' }) });
      try {
        await assert.rejects(clientOf([other], { tls: await ours.client('ops'), clusterId: CLUSTER }).status({ timeoutMs: 600 }), isCallError('failed', 'not-authorized'));
        assert.deepEqual(other.calls, []);
      } finally {
        await other.stop();
      }
    });
  });
});
