// Proposals per second of a cluster of three in one process: shipped runtime, storage and LMDB, a network that only hands over. The base
// of the ratio is what the same disk does in the same run: 256 bytes and fdatasync, one after another.
// Usage: node --import tsx test/bench/runtime.ts [--seconds 3] [--in-flight 1,64,512] [--dir <empty directory on the disk in question>]
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { LmdbKvStore } from '../../src/engine/adapters/lmdb-kv-store.ts';
import { NodeDisk } from '../../src/engine/adapters/node-disk.ts';
import { systemClock, systemRng } from '../../src/engine/adapters/system-clock.ts';
import { FAST } from '../../src/engine/core/settings.ts';
import { KvMachine } from '../../src/engine/machines/kv/kv-machine.ts';
import { encodeKvCommand } from '../../src/engine/native/kv-command.ts';
import type { Envelope, Transport } from '../../src/engine/ports/transport.ts';
import { RaftNode } from '../../src/engine/runtime/node.ts';
import { initialise } from '../../src/engine/storage/initialise.ts';
import { LogStorage } from '../../src/engine/storage/log-storage.ts';
import { SnapshotFileStore } from '../../src/engine/storage/snapshot-files.ts';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '3' }, dir: { type: 'string', default: os.tmpdir() }, 'in-flight': { type: 'string', default: '1,64,512' } } });
const seconds = Number(values.seconds);
const place = fs.mkdtempSync(path.join(values.dir, 'raft-inspector-bench-'));
process.on('exit', () => fs.rmSync(place, { recursive: true, force: true }));

const VALUE = Buffer.alloc(200, 'v');
const ids = ['a', 'b', 'c'];
const receivers = new Map<string, (envelope: Envelope) => void>();

/** How often a second this disk makes 256 bytes durable. */
function rawSyncRate(): number {
  const fd = fs.openSync(path.join(place, 'raw'), 'w');
  const bytes = Buffer.alloc(256, 1);
  const started = performance.now();
  let count = 0;
  for (; performance.now() - started < 1000; count++) {
    fs.writeSync(fd, bytes);
    fs.fdatasyncSync(fd);
  }
  fs.closeSync(fd);
  return (count * 1000) / (performance.now() - started);
}

function transport(id: string): Transport {
  return {
    start: async (receive) => {
      receivers.set(id, receive);
      await Promise.resolve();
    },
    send: (envelope) => void setImmediate(() => receivers.get(envelope.to)?.(envelope)),
    setPeers: () => undefined,
    stop: async () => {
      receivers.delete(id);
      await Promise.resolve();
    },
  };
}

async function startMember(id: string): Promise<{ node: RaftNode; close: () => Promise<void> }> {
  const directory = path.join(place, id);
  for (const name of ['raft', 'state', 'snapshots']) fs.mkdirSync(path.join(directory, name), { recursive: true });
  const raft = await LmdbKvStore.open(path.join(directory, 'raft'));
  const members = ids.map((one) => ({ id: one, name: one, address: `${one}:1`, role: 'voter' as const }));
  await initialise(raft, { clusterId: 'bench', generation: 1, memberId: id, name: id, machine: 'kv' }, { members, tombstones: [], changes: [] });
  const state = await LmdbKvStore.open(path.join(directory, 'state'));
  const node = await RaftNode.start(
    {
      clock: systemClock,
      rng: systemRng,
      proc: {
        fatal: (error) => {
          throw error;
        },
      },
      storage: new LogStorage(raft),
      snapshots: new SnapshotFileStore(new NodeDisk(directory)),
      machine: new KvMachine(state),
      transport: transport(id),
    },
    { settings: FAST, version: 'bench', maxFeatureLevel: 1, snapshotEntries: 1_000_000, snapshotBytes: 1024 ** 3, compactionMargin: 10_000, maxCommandBytes: 1024 * 1024 },
  );
  const close = async (): Promise<void> => {
    await node.stop();
    await state.close();
    await raft.close();
  };
  return { node, close };
}

async function measure(node: RaftNode, inFlight: number): Promise<{ rate: number; p50: number; p99: number }> {
  const latencies: number[] = [];
  const end = performance.now() + seconds * 1000;
  const started = performance.now();
  const client = async (n: number): Promise<void> => {
    for (let at = 0; performance.now() < end; at++) {
      const began = performance.now();
      await node.propose(encodeKvCommand({ op: 'put', key: Buffer.from(`key-${n}-${at % 1000}`), value: VALUE }), { deadlineMs: 10_000 });
      latencies.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, (_, n) => client(n)));
  const took = performance.now() - started;
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
  return { rate: (latencies.length * 1000) / took, p50: at(0.5), p99: at(0.99) };
}

const raw = rawSyncRate();
const members = await Promise.all(ids.map(startMember));
let leader = members.find(({ node }) => node.status().role === 'leader');
while (leader === undefined) {
  await new Promise((resolve) => void setTimeout(resolve, 20));
  leader = members.find(({ node }) => node.status().role === 'leader' && node.status().appliedIndex > 1);
}
process.stdout.write(`raw: ${raw.toFixed(0)} times 256 bytes and fdatasync a second\n\n| in flight | proposals/s | of raw | p50 ms | p99 ms |\n|---|---|---|---|---|\n`);
await measure(leader.node, 16);
for (const inFlight of values['in-flight'].split(',').map(Number)) {
  const { rate, p50, p99 } = await measure(leader.node, inFlight);
  process.stdout.write(`| ${inFlight} | ${rate.toFixed(0)} | ${(rate / raw).toFixed(2)} | ${p50.toFixed(2)} | ${p99.toFixed(2)} |\n`);
}
for (const { close } of members) await close();
