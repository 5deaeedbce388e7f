import assert from 'node:assert/strict';
import net from 'node:net';
import tls from 'node:tls';
import { Client, Metadata } from '@grpc/grpc-js';
import type { TlsMaterial } from '../../../src/engine/adapters/grpc-transport.ts';
import { GrpcTransport } from '../../../src/engine/adapters/grpc-transport.ts';
import { DialCredentials, isLoopback } from '../../../src/engine/adapters/grpc/credentials.ts';
import { encodeFrame } from '../../../src/engine/adapters/grpc/peer-codec.ts';
import type { FrameHead } from '../../../src/engine/adapters/grpc/peer-codec.ts';
import { DeliverRequest, EntryKind, Lane } from '../../../src/engine/adapters/generated/raft_inspector/v1/peer.ts';
import { ClusterCertificates } from '../../helpers/cluster-certificates.ts';
import { sendRaw } from '../../helpers/raw-peer.ts';
import { CLUSTER, envelope, heartbeat, openEndpoint } from '../../helpers/transport-pair.ts';
import type { Endpoint } from '../../helpers/transport-pair.ts';
import { until } from '../../helpers/until.ts';

const DAY_MS = 86_400_000;

function frame(overrides: Partial<FrameHead> = {}): Buffer {
  const head = { clusterId: CLUSTER, generation: 1, from: 'a', to: 'b', version: 1, maxFeatureLevel: 1, ...overrides };
  return encodeFrame({ head, lane: 'control', address: '', bodies: [heartbeat(head.from, head.to, 1)] });
}

function wireFrame(messages: DeliverRequest['messages']): Buffer {
  return Buffer.from(DeliverRequest.encode({ clusterId: CLUSTER, generation: 1, from: 'a', to: 'b', version: 1, maxFeatureLevel: 1, lane: Lane.LANE_APPEND, address: '', messages }).finish());
}

function wireAppend(indexes: readonly number[], terms: readonly number[] = indexes.map(() => 1)): Buffer {
  const entries = indexes.map((index, at) => ({ index, term: terms[at] ?? 1, kind: EntryKind.ENTRY_KIND_COMMAND, wallClockMs: 0, payload: new Uint8Array(0) }));
  return wireFrame([{ term: 2, body: { $case: 'append', value: { number: 1, prev: { index: 0, term: 0 }, entries, commit: 0 } } }]);
}

describe('who may speak to a member', () => {
  const open: Endpoint[] = [];
  let ours: ClusterCertificates;
  let foreign: ClusterCertificates;
  let b: Endpoint;

  before(async () => {
    [ours, foreign] = await Promise.all([ClusterCertificates.make(CLUSTER), ClusterCertificates.make(CLUSTER)]);
  });

  beforeEach(async () => {
    b = await member('b', { tls: await ours.member('b') });
  });

  afterEach(async () => {
    await Promise.all(open.splice(0).map(({ transport }) => transport.stop()));
  });

  async function member(...args: Parameters<typeof openEndpoint>): Promise<Endpoint> {
    const made = await openEndpoint(...args);
    open.push(made);
    return made;
  }

  const refusals: { name: string; material: () => Promise<Partial<TlsMaterial>>; head?: Partial<FrameHead>; rule: string; seen: string; options?: { maxVersion: 'TLSv1.2' } }[] = [
    { name: 'a certificate of a foreign authority', material: () => foreign.member('a'), rule: 'unreachable', seen: 'certificate-unknown' },
    { name: 'an expired certificate', material: () => ours.member('a', { nowMs: Date.now() - 10 * DAY_MS, days: 5 }), rule: 'unreachable', seen: 'certificate-expired' },
    { name: 'a certificate that is not valid yet', material: () => ours.member('a', { nowMs: Date.now() + 10 * DAY_MS }), rule: 'unreachable', seen: 'certificate-expired' },
    { name: 'no certificate', material: async () => ({ ca: (await ours.member('a')).ca }), rule: 'unreachable', seen: 'certificate-missing' },
    { name: 'TLS 1.2', material: () => ours.member('a'), rule: 'unreachable', seen: 'tls-handshake', options: { maxVersion: 'TLSv1.2' } },
    { name: 'a member of another cluster under the same authority', material: () => ours.member('a', { clusterId: 'c-2' }), head: { clusterId: 'c-2' }, rule: 'wrong-lineage', seen: 'certificate-cluster' },
    { name: 'a member of another cluster that claims to be of this one', material: () => ours.member('a', { clusterId: 'c-2' }), rule: 'wrong-lineage', seen: 'certificate-cluster' },
    { name: "another member's id", material: () => ours.member('c'), rule: 'not-authorized', seen: 'sender c' },
    { name: 'a client certificate', material: () => ours.client('a'), rule: 'not-authorized', seen: 'client-on-peer-service a' },
    { name: 'a message of another cluster', material: () => ours.member('a'), head: { clusterId: 'c-2' }, rule: 'wrong-lineage', seen: 'cluster a' },
    { name: 'a message for another member', material: () => ours.member('a'), head: { to: 'c' }, rule: 'wrong-lineage', seen: 'addressee a' },
    { name: 'a message of another version', material: () => ours.member('a'), head: { version: 2 }, rule: 'bad-request', seen: 'version a' },
  ];
  for (const c of refusals) {
    it(`B23 I17 refuses ${c.name}: nothing is delivered, the refusal is counted`, async () => {
      const outcome = await sendRaw(b.address, await c.material(), [frame(c.head)], { waitMs: 2_000, ...c.options });
      await until('counted', () => b.refused.length > 0);
      assert.deepEqual(outcome, { greetings: 0, rule: c.rule });
      assert.ok(b.refused.includes(c.seen) || b.refused.includes(`${c.seen} a`), `${b.refused.join(', ')} instead of ${c.seen}`);
      assert.deepEqual(b.received, []);
      assert.equal(b.transport.counters.received, 0);
    });
  }

  it('takes the right one', async () => {
    const outcome = await sendRaw(b.address, await ours.member('a'), [frame()]);
    assert.deepEqual(outcome, { greetings: 1, rule: null });
    assert.equal(b.received.length, 1);
  });

  it('B23 checks every frame, not only the first', async () => {
    const outcome = await sendRaw(b.address, await ours.member('a'), [frame(), frame({ from: 'c' })], { waitMs: 2_000 });
    assert.deepEqual(outcome, { greetings: 1, rule: 'not-authorized' });
    assert.equal(b.received.length, 1);
  });

  it('does not speak to a server that is another member than the one dialled', async () => {
    const a = await member('a', { tls: await ours.member('a') });
    a.transport.setPeers([{ id: 'c', address: b.address }]);
    a.transport.send(envelope(heartbeat('a', 'c', 1)));
    await until('refused', () => a.refused.length > 0);
    assert.equal(a.refused[0], 'server-identity c');
    assert.equal(b.transport.counters.received, 0);
  });

  it('does not speak to a server of a foreign authority', async () => {
    const a = await member('a', { tls: await foreign.member('a') });
    a.transport.setPeers([{ id: 'b', address: b.address }]);
    await until('refused', () => a.refused.length > 0);
    assert.equal(a.refused[0], 'tls-handshake');
    assert.equal(b.transport.counters.received, 0);
  });

  it('a refused member does not disturb another one', async () => {
    const a = await member('a', { tls: await ours.member('a') });
    const stranger = await member('x', { tls: await ours.member('x', { clusterId: 'c-2' }), clusterId: 'c-2' });
    a.transport.setPeers([{ id: 'b', address: b.address }]);
    stranger.transport.setPeers([{ id: 'b', address: b.address }]);
    for (let round = 1; round <= 20; round++) {
      a.transport.send(envelope(heartbeat('a', 'b', round)));
      stranger.transport.send(envelope(heartbeat('x', 'b', round), { clusterId: 'c-2' }));
    }
    await until('all of a', () => b.received.length === 20);
    assert.ok(b.received.every(({ from }) => from === 'a'));
    assert.equal(stranger.refused[0], 'server-identity b');
  });

  const malformed: [string, () => Buffer][] = [
    ['random bytes', () => Buffer.from('this is no frame, whatever it may look like')],
    ['a counter past 2^53', () => {
      const good = wireFrame([{ term: 1, body: { $case: 'heartbeat', value: { commit: Number.MAX_SAFE_INTEGER, round: 1 } } }]);
      const at = good.indexOf(Buffer.from([0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]));
      good[at + 8] = 0x7f;
      return good;
    }],
    ['a gap between entries', () => wireAppend([1, 3])],
    ['an entry that does not follow prev', () => wireAppend([2])],
    ['falling terms', () => wireAppend([1, 2], [2, 1])],
    ['an entry of a later term than the sender', () => wireAppend([1], [9])],
    ['too many entries', () => wireAppend(Array.from({ length: 1_025 }, (_, at) => at + 1))],
    ['too many messages', () => wireFrame(Array.from({ length: 1_025 }, () => ({ term: 1, body: { $case: 'timeoutNow' as const, value: {} } })))],
    ['a message of no kind', () => wireFrame([{ term: 1, body: undefined }])],
    ['an unknown kind of entry', () => wireFrame([{ term: 1, body: { $case: 'append', value: { number: 1, prev: undefined, commit: 0, entries: [{ index: 1, term: 1, kind: 9 as EntryKind, wallClockMs: 0, payload: new Uint8Array(0) }] } } }])],
    ['a chunk past 1 MiB', () => wireFrame([{ term: 1, body: { $case: 'snapshotChunk', value: { snapshotId: 's', manifest: undefined, offset: 0, content: new Uint8Array(1024 * 1024 + 1), crc32c: 0, isLast: true } } }])],
    ['an empty sender', () => frame({ from: '' })],
  ];
  for (const [name, bytes] of malformed) {
    it(`ends a stream that carries ${name}, and only that stream`, async () => {
      const a = await member('a', { tls: await ours.member('a') });
      a.transport.setPeers([{ id: 'b', address: b.address }]);
      a.transport.send(envelope(heartbeat('a', 'b', 1)));
      await until('a is heard', () => b.received.length === 1);
      const outcome = await sendRaw(b.address, await ours.member('a'), [bytes()], { waitMs: 2_000 });
      assert.equal(outcome.rule, 'bad-request');
      assert.ok(b.refused.includes('malformed a'), b.refused.join(', '));
      a.transport.send(envelope(heartbeat('a', 'b', 2)));
      await until('a is still heard', () => b.received.length === 2);
    });
  }

  it('ends a stream with a frame past the limit before it is decoded', async () => {
    const outcome = await sendRaw(b.address, await ours.member('a'), [Buffer.alloc(10 * 1024 * 1024)], { waitMs: 5_000 });
    assert.notEqual(outcome.rule, null);
    assert.deepEqual(b.received, []);
    assert.equal((await sendRaw(b.address, await ours.member('a'), [frame()])).greetings, 1);
  });

  it('garbage on the port closes that connection and is counted', async () => {
    const socket = net.connect(b.transport.port, '127.0.0.1');
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(Buffer.alloc(4_096, 0xa5));
    socket.resume();
    await closed;
    assert.ok(b.refused.includes('tls-handshake'), b.refused.join(', '));
    assert.equal((await sendRaw(b.address, await ours.member('a'), [frame()])).greetings, 1);
  });

  it('garbage inside a verified connection closes that connection', async () => {
    const material = await ours.member('a');
    const socket = tls.connect({ port: b.transport.port, host: '127.0.0.1', ca: material.ca, cert: material.certificate, key: material.key, ALPNProtocols: ['h2'], checkServerIdentity: () => undefined });
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.once('secureConnect', () => socket.write(Buffer.alloc(4_096, 0xa5)));
    socket.resume();
    await closed;
    assert.equal((await sendRaw(b.address, material, [frame()])).greetings, 1);
  });

  it('plain text is never a default, and never leaves the machine', async () => {
    const options = { clusterId: CLUSTER, generation: 1, memberId: 'p', maxFeatureLevel: 1, host: '127.0.0.1', port: 0 };
    assert.throws(() => new GrpcTransport(options), RangeError);
    const material = await ours.member('p');
    assert.throws(() => new GrpcTransport({ ...options, tls: material, insecureLoopback: true }), RangeError);
    const everywhere = new GrpcTransport({ ...options, host: '0.0.0.0', insecureLoopback: true });
    await assert.rejects(everywhere.start(() => undefined), /loopback/);
    await everywhere.stop();
    for (const [address, is] of [['127.0.0.1', true], ['127.9.9.9', true], ['::1', true], ['::ffff:127.0.0.1', true], ['127.example.org', false], ['10.0.0.1', false], ['::', false], ['', false], [undefined, false]] as const) {
      assert.equal(isLoopback(address), is, address);
    }
    const refused: string[] = [];
    const dial = new DialCredentials({ kind: 'insecure-loopback' }, null, { accepts: () => null, refused: (rule) => void refused.push(rule) });
    const socket = new net.Socket();
    Object.defineProperty(socket, 'remoteAddress', { value: '192.0.2.7' });
    await assert.rejects(dial._createSecureConnector().connect(socket), /192\.0\.2\.7 is not a loopback address/);
    assert.deepEqual([refused, socket.destroyed], [['loopback-only'], true]);
  });

  it('plain text is not accepted on a port with certificates', async () => {
    assert.equal((await sendRaw(b.address, null, [frame()], { waitMs: 2_000 })).rule, 'unreachable');
    assert.deepEqual(b.received, []);
  });

  it('an unknown method is refused', async () => {
    const material = await ours.member('a');
    const watch = { accepts: () => null, refused: () => undefined };
    const client = new Client(b.address, new DialCredentials({ kind: 'mtls', material }, tls.createSecureContext({ ca: material.ca, cert: material.certificate, key: material.key }), watch));
    const code = await new Promise((resolve) => client.makeUnaryRequest('/raft_inspector.v1.PeerService/Nope', (one: Buffer) => one, (one) => one, Buffer.alloc(0), new Metadata(), (error) => resolve(error?.code)));
    client.close();
    assert.equal(code, 12);
  });
});
