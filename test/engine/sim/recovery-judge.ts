import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LmdbKvStore } from '../../../src/engine/adapters/lmdb-kv-store.ts';
import type { Evidence } from '../../../src/engine/model/evidence.ts';
import type { PickReport } from '../../../src/engine/model/pick-report.ts';
import type { KvOperation, KvReader } from '../../../src/engine/ports/kv-store.ts';
import { decodeNativeEntry } from '../../../src/engine/readers/native/kv-commands.ts';
import { nativeReader } from '../../../src/engine/readers/native/reader.ts';
import { collectEvidence } from '../../../src/engine/recovery/collect.ts';
import { pick } from '../../../src/engine/recovery/pick.ts';
import type { Cluster } from '../../../src/engine/sim/cluster.ts';
import type { Host } from '../../../src/engine/sim/host.ts';
import { runSecondLife } from '../../../src/engine/sim/second-life.ts';
import type { SimulationResult } from '../../../src/engine/sim/simulation.ts';
import { Prng } from '../../../src/engine/sim/prng.ts';

/** What `recover pick` said of the surviving disks of one run, and what is wrong with that; empty: nothing. */
export interface RecoveryVerdict {
  readonly seed: string;
  readonly survivors: readonly string[];
  readonly report: PickReport;
  /** Committed entries that the picked source lacks or has otherwise: the truth. */
  readonly missing: { readonly from: number; readonly to: number } | null;
  readonly complaints: readonly string[];
}

async function copyStore(content: KvReader, directory: string): Promise<void> {
  fs.mkdirSync(directory, { recursive: true });
  const store = await LmdbKvStore.open(directory);
  const operations: KvOperation[] = [];
  for (const database of content.databases()) for (const [key, value] of content.range(database)) operations.push({ kind: 'put', database, key, value });
  if (operations.length > 0) await store.transact(operations);
  await store.close();
}

/** A simulated disk as a real data directory: the shipped readers know no simulator. */
async function writeOut(host: Host, directory: string): Promise<void> {
  await copyStore(host.raft.content(), path.join(directory, 'raft'));
  await copyStore(host.state.content(), path.join(directory, 'state'));
  for (const { path: name, bytes } of host.disk.durableFiles()) {
    const file = path.join(directory, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, bytes);
  }
}

/** Which committed entries the source does not have, by the ground truth of the run. */
function missingFrom(cluster: Cluster, source: string): { from: number; to: number } | null {
  const { truth } = cluster;
  const { log } = truth.member(source).disk;
  let from = truth.commitIndex;
  if (truth.agrees(log, from)) return null;
  while (from > 1 && !truth.agrees(log, from - 1)) from -= 1;
  return { from, to: truth.commitIndex };
}

/**
 * Some of the disks survive. Whatever the pick says of them is compared with what the run knows: `proven` and verdict `none`
 * mean that nothing committed is missing, `bounded` that nothing outside its range is, `certain` that something is.
 */
export async function judgeRecovery({ seed, cluster }: { readonly seed: string; readonly cluster: Cluster }): Promise<RecoveryVerdict | null> {
  const prng = Prng.fromSeed(seed).split('survivors');
  const hosts = [...cluster.hosts.values()].filter((host) => host.raft.content().databases().length > 0);
  const members = new Set(cluster.memberIds());
  const survivors = prng.shuffled(hosts.filter((host) => members.has(host.id))).slice(0, prng.between(1, Math.max(2, hosts.length)));
  if (survivors.length === 0) return null;
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'sim-recovery-'));
  try {
    const evidence: Evidence[] = [];
    for (const host of survivors) {
      const directory = path.join(scratch, host.id);
      await writeOut(host, directory);
      evidence.push(collectEvidence(nativeReader.read(directory, {}), { label: host.id, decode: decodeNativeEntry, tool: 'sim' }));
    }
    // An old image cannot be told from an honest disk: whoever restored it says so.
    const report = pick(evidence, { restored: survivors.filter((host) => host.hasOldImage).map((host) => host.id) });
    const missing = report.source === null ? null : missingFrom(cluster, report.source);
    return { seed, survivors: survivors.map((host) => host.id), report, missing, complaints: complaintsOf(cluster, report, missing) };
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

/**
 * The run goes on with the disk that was picked, as a cluster of one. Only where nothing committed is missing on it: then the truth of the
 * earlier run is also that of the later one. Null: not such a case.
 */
export async function continueAfter(result: SimulationResult, { report, missing }: RecoveryVerdict): Promise<SimulationResult | null> {
  const host = report.source === null || missing !== null ? undefined : result.cluster.hosts.get(report.source);
  if (host === undefined || host.isDamaged || host.hasOldImage || host.truth.isLost) return null;
  return await runSecondLife(result, host.id);
}

function complaintsOf(cluster: Cluster, { source, loss }: PickReport, missing: RecoveryVerdict['missing']): string[] {
  if (source === null) return [];
  const complaints: string[] = [];
  const truth = missing === null ? 'nothing is missing' : `entries ${missing.from} to ${missing.to} are missing`;
  if (missing !== null && (loss.proof === 'proven' || loss.verdict === 'none')) complaints.push(`said ${loss.proof}, verdict ${loss.verdict}, of ${source}: ${truth}`);
  if (missing !== null && missing.from <= loss.safeTo) complaints.push(`said that ${source} is safe up to ${loss.safeTo}: ${truth}`);
  // Only `bounded` names an upper bound. `certain` names what is gone at least, and of what is in doubt the best effort says that it may
  // contradict what was committed, so what is missing can begin anywhere behind `safeTo`.
  const { from, to } = loss.missing ?? { from: 0, to: null };
  if (missing !== null && loss.proof === 'bounded' && (missing.from < from || missing.to > (to ?? Number.POSITIVE_INFINITY))) {
    complaints.push(`said that ${source} lacks at most ${from} to ${to ?? 'any'}: ${truth}`);
  }
  if (loss.verdict === 'certain' && missing !== null && (missing.from > from || missing.to < (to ?? from))) complaints.push(`said that ${source} lost ${from} to ${to ?? 'any'}: ${truth}`);
  if (missing === null && loss.verdict === 'certain') complaints.push(`said that ${source} certainly lost something (floor ${loss.floor}, committed ${cluster.truth.commitIndex}): ${truth}`);
  if (loss.floor > cluster.truth.commitIndex) complaints.push(`said that ${loss.floor} is proven committed, committed is up to ${cluster.truth.commitIndex}`);
  return complaints;
}
