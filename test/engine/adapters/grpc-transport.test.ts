import assert from 'node:assert/strict';
import net from 'node:net';
import type { AppendRequest } from '../../../src/engine/core/message.ts';
import { ClusterCertificates } from '../../helpers/cluster-certificates.ts';
import { TcpProxy } from '../../helpers/tcp-proxy.ts';
import { CLUSTER, envelope, heartbeat, openEndpoint } from '../../helpers/transport-pair.ts';
import type { Endpoint } from '../../helpers/transport-pair.ts';
import { until } from '../../helpers/until.ts';

function append(number: number, payloadBytes = 0): AppendRequest {
  const entries = payloadBytes === 0 ? [] : [{ index: 1, term: 1, kind: 'command' as const, wallClockMs: 5, payload: new Uint8Array(payloadBytes).fill(number) }];
  return { kind: 'append', from: 'a', to: 'b', term: 1, number, prev: { term: 0, index: 0 }, entries, commit: 0 };
}

describe('gRPC transport', () => {
  const open: Endpoint[] = [];
  const proxies: TcpProxy[] = [];
  let certificates: ClusterCertificates;

  before(async () => {
    certificates = await ClusterCertificates.make(CLUSTER);
  });

  afterEach(async () => {
    await Promise.all(open.splice(0).map(({ transport }) => transport.stop()));
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });

  async function member(...args: Parameters<typeof openEndpoint>): Promise<Endpoint> {
    const made = await openEndpoint(...args);
    open.push(made);
    return made;
  }

  async function proxyTo(target: () => Endpoint): Promise<TcpProxy> {
    const proxy = await TcpProxy.open(() => target().transport.port);
    proxies.push(proxy);
    return proxy;
  }

  /** Sends a heartbeat every 20 ms, as a leader does, until the returned function is called. */
  function beat(from: Endpoint, sender = 'a', to = 'b'): () => void {
    let round = 0;
    const timer = setInterval(() => from.transport.send(envelope(heartbeat(sender, to, (round += 1)))), 20);
    return () => clearInterval(timer);
  }

  it('B23 carries an envelope over mutual TLS', async () => {
    const a = await member('a', { tls: await certificates.member('a') });
    const b = await member('b', { tls: await certificates.member('b') });
    a.transport.setPeers([{ id: 'b', address: b.address }]);
    a.transport.send(envelope(heartbeat('a', 'b', 7), { maxFeatureLevel: 3 }));
    await until('b hears a', () => b.received.length > 0);
    assert.deepEqual(b.received, [envelope(heartbeat('a', 'b', 7), { maxFeatureLevel: 3 })]);
    assert.deepEqual([...a.refused, ...b.refused], []);
  });

  it('keeps the order within a lane and packs the messages of one turn', async () => {
    const [a, b] = [await member('a'), await member('b')];
    a.transport.setPeers([{ id: 'b', address: b.address }]);
    a.transport.send(envelope(append(0)));
    await until('the lane is open', () => b.received.length === 1);
    const framesBefore = a.transport.counters.framesSent;
    for (let number = 1; number <= 1_000; number++) a.transport.send(envelope(append(number)));
    await until('all are there', () => b.received.length === 1_001);
    assert.deepEqual(b.received.map(({ body }) => (body as AppendRequest).number), Array.from({ length: 1_001 }, (_, number) => number));
    assert.ok(a.transport.counters.framesSent - framesBefore <= 3, `${a.transport.counters.framesSent - framesBefore} frames for one turn`);
  });

  it('uses three connections, and bulk on one does not delay another', async () => {
    const b = await member('b');
    const proxy = await proxyTo(() => b);
    const a = await member('a', { dial: () => proxy.address });
    a.transport.setPeers([{ id: 'b', address: b.address }]);
    await until('control and append are up', () => proxy.accepted === 2);
    a.transport.send(envelope({ kind: 'snapshot-ack', from: 'a', to: 'b', term: 1, snapshotId: 's', offset: 0, status: 'go-on' }));
    a.transport.send(envelope(append(1)));
    a.transport.send(envelope(heartbeat('a', 'b', 1)));
    await until('three lanes', () => b.received.length === 3);
    assert.equal(proxy.accepted, 3);
    proxy.pairs[1]?.client.pause();
    for (let number = 2; number < 12; number++) a.transport.send(envelope(append(number, 1024 * 1024)));
    a.transport.send(envelope(heartbeat('a', 'b', 2)));
    await until('the heartbeat passes the appends', () => b.received.length === 4);
    assert.equal(b.received[3]?.body.kind, 'heartbeat');
    proxy.pairs[1]?.client.resume();
    await until('the appends follow', () => b.received.length === 14);
  });

  it('I24 drops appends that find the queue full, and counts them', async () => {
    const b = await member('b');
    const proxy = await proxyTo(() => b);
    const a = await member('a', { dial: () => proxy.address });
    a.transport.setPeers([{ id: 'b', address: b.address }]);
    a.transport.send(envelope(append(0)));
    await until('open', () => b.received.length === 1);
    proxy.hold();
    for (let number = 1; number <= 60; number++) a.transport.send(envelope(append(number, 1024 * 1024)));
    assert.ok(a.transport.counters.dropped.append >= 30, `${a.transport.counters.dropped.append} dropped`);
    proxy.resume();
    await until('what was kept arrives', () => b.received.length + a.transport.counters.dropped.append === 61);
    const numbers = b.received.map(({ body }) => (body as AppendRequest).number);
    assert.deepEqual(numbers, numbers.map((_, at) => at), 'the newest were dropped, not some in the middle');
  });

  it('is in use again soon after the peer restarts on its port', async () => {
    const a = await member('a');
    let b = await member('b');
    const { port } = b.transport;
    a.transport.setPeers([{ id: 'b', address: b.address }]);
    const stop = beat(a);
    try {
      await until('up', () => b.received.length > 0);
      await b.transport.stop();
      await new Promise((resolve) => setTimeout(resolve, 1_500)); // long enough for the backoff to have grown
      b = await member('b', { port });
      const startMs = performance.now();
      await until('up again', () => b.received.length > 0);
      assert.ok(performance.now() - startMs < 900, `${performance.now() - startMs} ms`); // 150 ms and a handshake; the rest is a busy machine
    } finally {
      stop();
    }
  });

  it('dials at once when the peer is heard, even with nothing to send', async () => {
    let b = await member('b');
    const { port } = b.transport;
    const proxy = await proxyTo(() => b);
    const a = await member('a', { dial: () => proxy.address });
    a.transport.setPeers([{ id: 'b', address: b.address }]);
    await until('connected', () => proxy.pairs.length === 2);
    await b.transport.stop();
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // the idle backoff has grown to a second
    b = await member('b', { port });
    b.transport.setPeers([{ id: 'a', address: a.address }]);
    const stop = beat(b, 'b', 'a');
    try {
      await until('a hears b', () => a.received.length > 0);
      const startMs = performance.now();
      await until('connected again', () => proxy.pairs.length === 2);
      assert.ok(performance.now() - startMs < 900, `${performance.now() - startMs} ms`);
    } finally {
      stop();
    }
  });

  it('looks for a silent peer on one connection at a time, and leaves none of them behind', async () => {
    const open = new Set<net.Socket>();
    let accepted = 0;
    const silent = net.createServer((socket) => {
      accepted += 1;
      open.add(socket.resume());
      socket.on('error', () => undefined);
      socket.on('close', () => open.delete(socket));
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const a = await member('a', { tls: await certificates.member('a'), dial: () => `127.0.0.1:${(silent.address() as net.AddressInfo).port}` });
    try {
      a.transport.setPeers([{ id: 'b', address: 'b:1' }]);
      a.transport.send(envelope(append(1)));
      a.transport.send(envelope(heartbeat('a', 'b', 1)));
      await until('an attempt', () => accepted > 0);
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal(accepted, 1);
      await until('the third attempt', () => accepted === 3);
      await until('the earlier ones are gone', () => open.size === 1, 500);
      await a.transport.stop();
      await until('all are gone', () => open.size === 0, 500);
    } finally {
      for (const socket of open) socket.destroy();
      silent.close();
    }
  });

  it('is in use soon after a link heals on which attempts hung', async () => {
    const b = await member('b', { tls: await certificates.member('b') });
    const proxy = await proxyTo(() => b);
    proxy.hold();
    const a = await member('a', { tls: await certificates.member('a'), dial: () => proxy.address });
    a.transport.setPeers([{ id: 'b', address: b.address }]);
    const stop = beat(a);
    try {
      await until('a second attempt', () => proxy.accepted >= 2, 3_000);
      const startMs = performance.now();
      proxy.resume();
      await until('in use', () => b.received.length > 0);
      assert.ok(performance.now() - startMs < 1_500, `${performance.now() - startMs} ms`);
    } finally {
      stop();
    }
  });

  it('survives cuts in the middle of traffic: what arrives stays in order', async () => {
    const b = await member('b', { tls: await certificates.member('b') });
    const proxy = await proxyTo(() => b);
    const a = await member('a', { tls: await certificates.member('a'), dial: () => proxy.address });
    a.transport.setPeers([{ id: 'b', address: b.address }]);
    let number = 0;
    const timer = setInterval(() => a.transport.send(envelope(append((number += 1), 1_000))), 2);
    try {
      for (let round = 1; round <= 4; round++) {
        const seen = b.received.length;
        await until(`traffic in round ${round}`, () => b.received.length > seen + 20);
        proxy.cut();
      }
      const numbers = b.received.map(({ body }) => (body as AppendRequest).number);
      assert.deepEqual(numbers, [...numbers].sort((one, other) => one - other));
    } finally {
      clearInterval(timer);
    }
  });

  it('answers a member that is not a peer: one that joins, one that was removed', async () => {
    const [a, b] = [await member('a', { tls: await certificates.member('a') }), await member('b', { tls: await certificates.member('b') })];
    a.transport.setPeers([{ id: 'b', address: b.address }]);
    a.transport.send(envelope(heartbeat('a', 'b', 1)));
    await until('b hears a', () => b.received.length === 1);
    b.transport.send(envelope({ kind: 'removed', from: 'b', to: 'a', term: 1, configurationIndex: 9 }));
    await until('a is answered', () => a.received.length === 1);
    assert.equal(a.received[0]?.body.kind, 'removed');
  });

  it('closes what is no longer a member, once it was told', async () => {
    const b = await member('b');
    const proxy = await proxyTo(() => b);
    const a = await member('a', { dial: () => proxy.address, guestIdleMs: 300 });
    a.transport.setPeers([{ id: 'b', address: b.address }]);
    await until('connected', () => proxy.pairs.length === 2);
    a.transport.send(envelope({ kind: 'removed', from: 'a', to: 'b', term: 1, configurationIndex: 9 }));
    a.transport.setPeers([]);
    await until('told', () => b.received.length === 1);
    await until('closed', () => proxy.pairs.length === 0);
    a.transport.send(envelope(heartbeat('a', 'b', 2)));
    assert.equal(a.transport.counters.dropped.control, 1);
  });

  it('leaves nothing running after stop', async () => {
    const a = await member('a', { tls: await certificates.member('a') });
    const b = await member('b', { tls: await certificates.member('b') });
    a.transport.setPeers([{ id: 'b', address: b.address }]);
    a.transport.send(envelope(heartbeat('a', 'b', 1)));
    await until('up', () => b.received.length === 1);
    await a.transport.stop();
    a.transport.send(envelope(heartbeat('a', 'b', 2)));
    b.transport.setPeers([{ id: 'a', address: a.address }]);
    b.transport.send(envelope(heartbeat('b', 'a', 1)));
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual([a.received.length, b.received.length], [0, 1]);
  });
});
