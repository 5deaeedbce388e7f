import { KvClient } from '../../client/kv-client.ts';
import { RaftClient } from '../../client/raft-client.ts';
import type { LogReport } from '../../model/member-report.ts';
import { CallError } from '../../ports/node-api.ts';
import { nativeReader } from '../../readers/native/reader.ts';
import { padded } from '../traffic.ts';
import { FAILOVER_POINTS, NOTHING_LOST, type Scenario } from '../scenario.ts';
import type { DrillWorld } from '../world.ts';
import { electionAfter } from './failover.ts';

const CALL_MS = 700;
const PARTED_MS = 5000;

/** A client on one side of a partition: it reaches the members named and no others. */
async function knock(world: DrillWorld, ids: readonly string[], isOver: () => boolean): Promise<{ acked: number; read: number; calls: number; late: number }> {
  const { members, tls, clusterId } = world.connection();
  const near = members.filter((one) => ids.includes(one.id)).map((one) => one.address);
  const client = new RaftClient({ endpoints: near, tls, clusterId, attemptMs: 200, dial: (_id, address) => (near.includes(address) ? address : '127.0.0.1:1') });
  const kv = new KvClient(client);
  const seen = { acked: 0, read: 0, calls: 0, late: 0 };
  try {
    while (!isOver()) {
      for (const [kind, call] of [
        ['acked', () => kv.put(Buffer.from('minority/knock'), Buffer.from(padded(String(seen.calls), 16)), { timeoutMs: CALL_MS })],
        ['read', () => kv.get(Buffer.from('minority/knock'), { level: { kind: 'linearizable' }, timeoutMs: CALL_MS })],
      ] as const) {
        const beganMs = world.nowMs();
        seen.calls += 1;
        try {
          await call();
          seen[kind] += 1;
        } catch (error) {
          if (!(error instanceof CallError)) throw error;
        }
        if (world.nowMs() - beganMs > CALL_MS + 500) seen.late += 1;
      }
    }
    return seen;
  } finally {
    client.close();
  }
}

async function cut(world: DrillWorld, apart: readonly string[], label: string): Promise<number> {
  const links = world.members.flatMap((from) => world.members.filter((to) => to !== from && apart.includes(from) !== apart.includes(to)).map((to) => ({ from, to })));
  const atMs = world.recorder.fault(label);
  world.options.history.fault('partition', label, 'start');
  await world.order({ kind: 'links', links, fault: { mode: 'cut' } });
  return atMs;
}

async function heal(world: DrillWorld): Promise<void> {
  world.recorder.fault('links healed');
  world.options.history.fault('partition', 'healed', 'end');
  await world.recorder.step('raft-inspector lab heal --dir lab', () => world.order({ kind: 'heal' }));
}

const termsOf = async (world: DrillWorld, ids: readonly string[]): Promise<(number | null)[]> => (await world.status()).members.filter((one) => ids.includes(one.id)).map((one) => one.term);

/** Requirement rows 0-080 to 0-083: five members fall into three and two, the leader among the two. */
export const partition32: Scenario = {
  name: 'partition-3-2',
  topic: 'network partition',
  title: 'five members part into three and two, the leader on the smaller side',
  seconds: 16,
  nodes: 5,
  timing: 'fast',
  limits: { ...NOTHING_LOST, electionMs: 1000 },
  async run(world) {
    const { recorder } = world;
    const leader = await world.leader();
    const minority = [leader, await world.follower()];
    const majority = world.members.filter((id) => !minority.includes(id));
    const cutAt = await recorder.phase('part', async () => {
      const atMs = await cut(world, minority, `${majority.join(' ')} | ${minority.join(' ')}`);
      recorder.setZero(atMs, `the cluster parts: ${majority.join(' ')} | ${minority.join(' ')}`);
      return atMs;
    });
    let isOver = false;
    const seen = await recorder.phase('parted', async () => {
      await world.pause(300);
      const knocking = knock(world, minority, () => isOver);
      try {
        await world.until('no leader on the smaller side', async () => (await world.status()).members.every((one) => !minority.includes(one.id) || one.role !== 'leader'), 10_000);
        const steppedDown = world.nowMs() - cutAt;
        const before = await termsOf(world, minority);
        await world.pause(Math.max(0, PARTED_MS - (world.nowMs() - cutAt)));
        const after = await termsOf(world, minority);
        recorder.check('the leader on the smaller side steps down', true, `${Math.round(steppedDown)} ms after the cut`);
        recorder.check('terms do not grow on the smaller side', String(before) === String(after), `${before.join(' ')} -> ${after.join(' ')}`);
      } finally {
        isOver = true;
      }
      return knocking;
    });
    recorder.check('the smaller side acknowledges no write', seen.acked === 0, `${seen.acked} of ${seen.calls} calls`);
    recorder.check('the smaller side answers no linearizable read', seen.read === 0 && seen.calls > 2, `${seen.read} of ${seen.calls} calls; ${seen.late} ended past their deadline`);
    const whileParted = world.traffic.writes.filter((one) => one.outcome === 'ok' && one.endedAt > cutAt + 1000).length;
    recorder.check('the larger side goes on writing', whileParted > 50, `${whileParted} writes acknowledged`);
    await recorder.phase('heal', async () => {
      const [ruling] = await termsOf(world, [await leaderOf(world, majority)]);
      await heal(world);
      await world.until('one leader for all five', async () => (await world.status()).members.every((one) => one.leader !== null), 5000);
      const [now] = await termsOf(world, [await world.leader()]);
      recorder.check('healing unseats nobody', now === ruling, `term ${ruling} before, ${now} after`);
    });
    await world.pause(500);
    const electionMs = electionAfter(world, cutAt);
    return {
      rtoMs: electionMs,
      electionMs,
      points: { rto: ['the cluster parts', 'first write acknowledged by the larger side'], election: ['the cluster parts', 'first write acknowledged by the larger side'] },
      told: {
        broken: `All links between ${majority.join(', ')} and ${minority.join(', ')} were cut, the leader ${leader} on the smaller side.`,
        done: 'Nothing was done by hand; the links were healed after five seconds.',
        proven: 'The larger side went on, the smaller one acknowledged nothing, and all five agree afterwards.',
      },
    };
  },
};

async function leaderOf(world: DrillWorld, ids: readonly string[]): Promise<string> {
  const found = (await world.status()).members.find((one) => ids.includes(one.id) && one.role === 'leader');
  return found?.id ?? world.leader();
}

/** What is on the disk of a member, running or not. */
function logOf(world: DrillWorld, id: string): LogReport {
  return nativeReader.read(world.dataOf(id), { depth: 'log' }).report.log;
}

/** Requirement rows 3-039 to 3-041: the old leader keeps writing alone, the others go on, and the logs part. */
export const logDivergence: Scenario = {
  name: 'log-divergence',
  topic: 'log conflict',
  title: 'the leader writes on alone, the others elect another: the logs part and meet again',
  seconds: 12,
  nodes: 3,
  timing: 'fast',
  limits: { ...NOTHING_LOST, electionMs: 1000 },
  async run(world) {
    const { recorder } = world;
    const old = await world.leader();
    const others = world.members.filter((id) => id !== old);
    const cutAt = await recorder.phase('isolate', async () => {
      const atMs = await cut(world, [old], `${old}, the leader, cut off under load`);
      recorder.setZero(atMs, `${old}, the leader, cut off`);
      return atMs;
    });
    await recorder.phase('diverge', async () => {
      await world.acknowledgedAfter(cutAt + 100);
      await world.pause(1500);
    });
    const status = await world.status();
    const own = status.members.find((one) => one.id === old);
    const beyond = (own?.lastIndex ?? 0) - (own?.commitIndex ?? 0);
    recorder.check('the old leader holds entries that nobody else has', beyond > 0, `${beyond} entries after ${own?.commitIndex}`);
    const { lastIndex: alone, lastTerm } = logOf(world, old);
    const kept = status.members.filter((one) => others.includes(one.id)).map((one) => one.commitIndex ?? 0);
    await recorder.phase('heal', async () => {
      await heal(world);
      await world.until(`${old} follows`, async () => (await world.member(old)).role === 'follower' && ((await world.member(old)).appliedIndex ?? 0) >= Math.max(...kept), 10_000);
    });
    await world.pause(500);
    const now = logOf(world, old).termRuns.find((run) => run.first <= alone && alone <= run.last)?.term ?? null;
    recorder.check('its own entries were overwritten', now !== lastTerm, `entry ${alone} on its disk was of term ${lastTerm}, and is ${now === null ? 'gone' : `of term ${now}`}`);
    const electionMs = electionAfter(world, cutAt);
    return {
      rtoMs: electionMs,
      electionMs,
      points: { rto: ['the leader cut off', 'first acknowledged write'], election: ['the leader cut off', 'first write acknowledged by another leader'] },
      told: { broken: `The leader ${old} was cut off while clients wrote, and kept ${beyond} entries of its own.`, done: 'The links were healed; nothing else was done.', proven: 'Its entries were never acknowledged and gave way; all members hold the same log.' },
    };
  },
};

/** Requirement rows 3-034, 3-035: a member alone for a while must not come back with a term that unseats the leader. */
export const termTrap: Scenario = {
  name: 'term-trap',
  topic: 'election disturbance',
  title: 'a member that was alone comes back and must not unseat the leader',
  seconds: 14,
  nodes: 3,
  timing: 'fast',
  limits: { ...NOTHING_LOST, failureRatePercent: 1 },
  async run(world) {
    const { recorder } = world;
    const leader = await world.leader();
    const alone = await world.follower();
    const [before] = await termsOf(world, [leader]);
    await recorder.phase('isolate', async () => recorder.setZero(await cut(world, [alone], `${alone} cut off`), `${alone} cut off`));
    await recorder.phase('alone', async () => {
      await world.pause(2000);
      // A process that starts alone has even less to hold it back.
      await world.kill([alone]);
      await world.start(alone);
      await world.pause(2000);
    });
    const [own] = await termsOf(world, [alone]);
    recorder.check('a member without a majority raises no term', own === before, `term ${before} before, ${own} after four seconds alone (pre-vote)`);
    await recorder.phase('heal', async () => {
      await heal(world);
      await world.until(`${alone} follows ${leader}`, async () => (await world.member(alone)).leader === leader, 5000);
      await world.pause(1000);
    });
    const [after] = await termsOf(world, [leader]);
    recorder.check('the leader stays', (await world.leader()) === leader && after === before, `${leader}, term ${before} -> ${after}`);
    return {
      rtoMs: null,
      electionMs: null,
      points: FAILOVER_POINTS,
      told: { broken: `${alone} was cut off for four seconds and killed and started meanwhile.`, done: 'The links were healed.', proven: `It came back without raising the term, and ${leader} led all the time.` },
    };
  },
};
