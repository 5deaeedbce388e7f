import type { MemberId } from '../core/types.ts';
import { decodeIdentity } from '../native/named-records.ts';
import { type NativeBootstrap, planNativeBootstrap, recoveredId } from '../storage/bootstrap.ts';
import { readMeta } from '../storage/meta.ts';
import { readStore } from '../storage/stored-state.ts';
import { Cluster } from './cluster.ts';
import type { Host } from './host.ts';
import { KvEnvironment } from './kv.ts';
import type { Prng } from './prng.ts';
import { Simulation, type Past, type SimulationResult } from './simulation.ts';
import { SimProcess } from './sim-process.ts';

const TERM_STEP = 1000;
const MAX_CRASHES = 3;
const TROUBLE_US = 5_000_000;
/** What an earlier run's seed becomes: other numbers, and none that ends in a power cut again. */
const SEED_FACTOR = 1000n;
const SEED_STEP = 7n;

/**
 * Goes on with the disks that a power cut left: one of them becomes a cluster of one, by the shipped edit and through crashes; it
 * grows back to three under all kinds of trouble while old members come back on the same network. Each generation is judged by its own
 * truth: the new one's begins with what was committed, which its disk must hold.
 */
export async function runSecondLife(result: SimulationResult, source: MemberId): Promise<SimulationResult> {
  const old = result.cluster.hosts.get(source);
  if (old === undefined) throw new Error(`no host ${source}`);
  const generation = result.cluster.common.generation + 1;
  const past: Past = {
    cluster: result.cluster,
    generation,
    begin: async (cluster, { prng, prepare, settle }) => {
      const id = recoveredId(source, generation, new Set());
      const host = cluster.addHost(id);
      prepare(host);
      // The address is the old one: whoever dials that finds the new member.
      for (const { index, configuration } of old.truth.disk.configurations) {
        const address = configuration.members.find((one) => one.id === source)?.address;
        if (index >= 0 && address !== undefined) cluster.addAddress(id, address);
      }
      const store = new KvEnvironment(cluster.world, id, 'bootstrap', () => undefined);
      store.restore(old.raft.image());
      await settle(bootstrapped(store, host, bootstrapOf(old, id, generation), prng));
      host.adopt({ raft: store.image(), state: old.state.image(), files: old.disk.image() });
      const { log } = host.truth.disk;
      for (let index = log.base + 1; index <= log.last; index += 1) cluster.truth.learn(host.truth, index, log.term(index) ?? 0, log.hash(index) ?? 0);
      inviteGuests(cluster, result.cluster, source, prng.split('guests'));
    },
  };
  const seed = String(BigInt(result.seed) * SEED_FACTOR + SEED_STEP);
  return await new Simulation({ seed, past, plan: { voters: 3, troubleUs: TROUBLE_US, isDisaster: false, isBulky: false, endsInQuorumLoss: false } }).run();
}

function bootstrapOf(old: Host, id: MemberId, generation: number): NativeBootstrap {
  const { identity, hardState, extent } = readStore(old.raft.content());
  return {
    from: { clusterId: identity.clusterId, generation: identity.generation, memberId: identity.memberId },
    to: { clusterId: identity.clusterId, generation, memberId: id, name: id },
    address: null,
    term: hardState.term + TERM_STEP,
    keepTo: extent.tail.index,
    wallClockMs: 0,
    why: { planId: 'second-life', at: '1970-01-01T00:00:00Z', source: old.id, floor: hardState.commit, verdict: 'unknown', proof: 'best-effort', statement: '', facts: [] },
  };
}

/** Runs the edit as often as it takes: a crash in the middle of it leaves the old lineage untouched or the new one complete, and nothing else. */
async function bootstrapped(store: KvEnvironment, host: Host, bootstrap: NativeBootstrap, prng: Prng): Promise<void> {
  const { world } = host;
  const before = readStore(store.content());
  for (let attempt = 1; ; attempt += 1) {
    const mayCrash = attempt <= MAX_CRASHES && prng.chance(0.6);
    const isCrashed = await tryOnce(store, host, bootstrap, prng.split(`bootstrap ${attempt}`), mayCrash);
    const { identity, extent, hardState } = readStore(store.content());
    if (identity.memberId === bootstrap.to.memberId) {
      if (extent.tail.index !== bootstrap.keepTo + 1 || hardState.term !== bootstrap.term) world.violate('bootstrap', host.id, `the new lineage is there in part: log to ${extent.tail.index}, term ${hardState.term}`);
      return;
    }
    const isUntouched = identity.memberId === before.identity.memberId && extent.tail.index === before.extent.tail.index && hardState.term === before.hardState.term;
    if (!isCrashed || !isUntouched) return world.violate('bootstrap', host.id, `after ${isCrashed ? 'a crash' : 'the edit'} the store is of ${identity.memberId}, log to ${extent.tail.index}, term ${hardState.term}`);
  }
}

/** Whether the process died in it. */
async function tryOnce(store: KvEnvironment, host: Host, bootstrap: NativeBootstrap, prng: Prng, mayCrash: boolean): Promise<boolean> {
  const { world } = host;
  return await new Promise((resolve, reject) => {
    const process = new SimProcess(world, host.id, host, prng, null, () => {
      world.counters.hit('crash-in-bootstrap');
      store.crash();
      resolve(true);
    });
    if (mayCrash) world.after(prng.between(0, 700), process, () => process.kill('crash in the bootstrap'));
    const kv = store.open(process);
    kv.transact(planNativeBootstrap(kv, bootstrap)).then(() => {
      if (process.isAlive) resolve(false);
      process.isAlive = false;
    }, reject);
  });
}

/** Old members that still can run do: under their old identities, judged by the truth of their own generation. */
function inviteGuests(cluster: Cluster, past: Cluster, source: MemberId, prng: Prng): void {
  const { world } = cluster;
  const guests = new Cluster(world, { ...cluster.common, generation: past.common.generation }, (host) => void world.after(prng.between(0, 2_000_000), null, () => host.boot()), { cluster: past, network: cluster.network });
  cluster.guests = guests;
  for (const old of past.hosts.values()) {
    const isWhole = old.status !== 'gone' && !old.isDamaged && !old.hasOldImage && !old.truth.isLost && old.id !== source;
    if (!isWhole || old.raft.content().databases().length === 0) continue;
    if (readMeta(old.raft.content(), 'identity', decodeIdentity).generation !== past.common.generation) continue;
    const guest = guests.addHost(old.id);
    guest.adopt({ raft: old.raft.image(), state: old.state.image(), files: old.disk.image() });
    cluster.addAddress(old.id, guest.address);
    world.after(prng.between(0, 3_000_000), null, () => guest.boot());
  }
}
