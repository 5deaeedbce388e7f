// The client of the demo: `write` puts keys, each once, until it is told to stop, and notes what was acknowledged; `check` reads all of that back.
// Run with `node --import tsx`.
import fs from 'node:fs';
import process from 'node:process';
import { readLab } from '../src/engine/lab/lab-file.ts';
import { openLiveCluster } from '../src/engine/live/registry.ts';

const [mode, lab, notes] = process.argv.slice(2);
const { endpoints, clusterId, tls } = readLab(lab);
const cluster = await openLiveCluster('native', { endpoints, clusterId, tls });
const kv = cluster.kv();

if (mode === 'write') await write();
else await check();
await cluster.close();

async function write() {
  const acked = [];
  let [isStopped, unknown, failed, number, lastAck, gap] = [false, 0, 0, 0, performance.now(), 0];
  process.on('SIGTERM', () => (isStopped = true));
  const task = async () => {
    while (!isStopped) {
      const key = `demo/${(number += 1)}`;
      try {
        const { revision } = await kv.put(Buffer.from(key), Buffer.from(`value ${key}`), { timeoutMs: 1500 });
        acked.push({ key, revision });
        gap = Math.max(gap, performance.now() - lastAck);
        lastAck = performance.now();
      } catch (error) {
        if (error.code === 'OUTCOME_UNKNOWN') unknown += 1;
        else failed += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: 4 }, task));
  fs.writeFileSync(notes, JSON.stringify(acked));
  process.stdout.write(`writer: ${acked.length} writes acknowledged, ${unknown} with unknown outcome, ${failed} provably not done; longest wait for an acknowledgement ${Math.round(gap)} ms\n`);
}

async function check() {
  const acked = JSON.parse(fs.readFileSync(notes, 'utf8'));
  let there = 0;
  for (let at = 0; at < acked.length; at += 64) {
    const reads = acked.slice(at, at + 64).map(async ({ key, revision }) => {
      const { found } = await kv.get(Buffer.from(key), { kind: 'linearizable' }, { timeoutMs: 10_000 });
      if (found?.revision === revision && Buffer.from(found.value).toString() === `value ${key}`) there += 1;
    });
    await Promise.all(reads);
  }
  process.stdout.write(`reader: ${there} of ${acked.length} acknowledged writes are there, each with its own revision\n`);
  process.exitCode = there === acked.length ? 0 : 1;
}
