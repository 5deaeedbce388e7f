// npm run bench:transport: messages a second between two transports on 127.0.0.1, and proposals a second through client and service.
// Plain text and mutual TLS run in one process, one after the other: trust the ratio more than the numbers.
import process from 'node:process';
import type { Envelope } from '../../src/engine/ports/transport.ts';
import { RaftClient } from '../../src/engine/client/raft-client.ts';
import { ClusterCertificates } from '../helpers/cluster-certificates.ts';
import { FakeCluster, FakeNode } from '../helpers/fake-node.ts';
import { CLUSTER, envelope } from '../helpers/transport-pair.ts';
import { GrpcTransport } from '../../src/engine/adapters/grpc-transport.ts';
import type { GrpcTransportOptions } from '../../src/engine/adapters/grpc-transport.ts';

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 2);
const PAYLOAD = new Uint8Array(256).fill(7);

interface Row {
  readonly what: string;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

function message(number: number): Envelope {
  return envelope({ kind: 'append', from: 'a', to: 'b', term: 1, number, prev: { term: 0, index: 0 }, entries: [{ index: 1, term: 1, kind: 'command', wallClockMs: 0, payload: PAYLOAD }], commit: 0 });
}

function reply(number: number): Envelope {
  return envelope({ kind: 'append-reply', from: 'b', to: 'a', term: 1, number, incarnation: 1, result: { kind: 'stored', match: 1 } });
}

/** `inFlight` messages are always on their way; each answer sends the next. */
async function pingPong(what: string, inFlight: number, security: (id: string) => Promise<Partial<GrpcTransportOptions>>): Promise<Row> {
  const make = async (memberId: string): Promise<GrpcTransport> =>
    new GrpcTransport({ clusterId: CLUSTER, generation: 1, memberId, maxFeatureLevel: 1, host: '127.0.0.1', port: 0, ...(await security(memberId)) });
  const [a, b] = [await make('a'), await make('b')];
  const startsMs: number[] = [];
  const latencies: number[] = [];
  let [sent, isMeasured] = [0, false];
  const next = (): void => {
    startsMs[sent] = performance.now();
    a.send(message(sent));
    sent += 1;
  };
  await a.start(({ body }) => {
    if (body.kind !== 'append-reply') return;
    if (isMeasured) latencies.push(performance.now() - (startsMs[body.number] ?? 0));
    next();
  });
  await b.start(({ body }) => body.kind === 'append' && b.send(reply(body.number)));
  a.setPeers([{ id: 'b', address: `127.0.0.1:${b.port}` }]);
  b.setPeers([{ id: 'a', address: `127.0.0.1:${a.port}` }]);
  await new Promise((resolve) => setTimeout(resolve, 300)); // connections
  for (let at = 0; at < inFlight; at++) next();
  await new Promise((resolve) => setTimeout(resolve, 500)); // warm
  isMeasured = true;
  const startMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000));
  const row = rowOf(what, latencies, performance.now() - startMs);
  await Promise.all([a.stop(), b.stop()]);
  return row;
}

async function proposals(what: string, inFlight: number, member: Partial<GrpcTransportOptions>, client: ConstructorParameters<typeof RaftClient>[0]): Promise<Row> {
  const cluster = new FakeCluster();
  const node = await FakeNode.open(cluster, 'a', member);
  cluster.leader = 'a';
  const raft = new RaftClient({ ...client, endpoints: [node.address] });
  const latencies: number[] = [];
  let [isMeasured, isOver] = [false, false];
  const loop = async (): Promise<void> => {
    while (!isOver) {
      const startMs = performance.now();
      await raft.propose(PAYLOAD, { timeoutMs: 5_000 });
      if (isMeasured) latencies.push(performance.now() - startMs);
      cluster.log.length = 0;
    }
  };
  const loops = Array.from({ length: inFlight }, loop);
  await new Promise((resolve) => setTimeout(resolve, 500));
  isMeasured = true;
  const startMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000));
  const row = rowOf(what, latencies, performance.now() - startMs);
  isOver = true;
  await Promise.all(loops);
  raft.close();
  await node.stop();
  return row;
}

function rowOf(what: string, latenciesMs: number[], elapsedMs: number): Row {
  const sorted = [...latenciesMs].sort((one, other) => one - other);
  const at = (share: number): number => Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 1_000);
  return { what, perSecond: Math.round(sorted.length / (elapsedMs / 1_000)), p50Us: at(0.5), p99Us: at(0.99) };
}

const certificates = await ClusterCertificates.make(CLUSTER);
const plain = (): Promise<Partial<GrpcTransportOptions>> => Promise.resolve({ insecureLoopback: true });
const secured = async (id: string): Promise<Partial<GrpcTransportOptions>> => ({ tls: await certificates.member(id) });
const rows: Row[] = [];
for (const inFlight of [1, 64, 512]) {
  const [open, closed] = [await pingPong(`messages, ${inFlight} in flight, plain`, inFlight, plain), await pingPong(`messages, ${inFlight} in flight, mTLS`, inFlight, secured)];
  rows.push(open, closed);
  console.log(`messages, ${inFlight} in flight: mTLS costs ${(open.perSecond / closed.perSecond).toFixed(2)} times plain`);
}
for (const inFlight of [1, 64]) {
  const open = await proposals(`proposals, ${inFlight} in flight, plain`, inFlight, {}, { endpoints: [''], insecureLoopback: true });
  const closed = await proposals(`proposals, ${inFlight} in flight, mTLS`, inFlight, { tls: await certificates.member('a') }, { endpoints: [''], tls: await certificates.client('bench') });
  rows.push(open, closed);
  console.log(`proposals, ${inFlight} in flight: mTLS costs ${(open.perSecond / closed.perSecond).toFixed(2)} times plain`);
}
for (const row of rows) console.log(`${row.what.padEnd(36)} ${String(row.perSecond).padStart(8)}/s   p50 ${String(row.p50Us).padStart(6)} us   p99 ${String(row.p99Us).padStart(6)} us`);
