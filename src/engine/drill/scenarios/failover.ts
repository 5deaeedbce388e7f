import { FAILOVER_POINTS, NOTHING_LOST, type Scenario } from '../scenario.ts';
import { gapAfter } from '../timeline.ts';
import type { DrillWorld } from '../world.ts';

/** A gap of this many milliseconds without any acknowledgement is one that a leader left. */
const GAP = { gapMs: 60, withinMs: 400 };

/** From a fault that takes the leader to the first write acknowledged by another. */
export function electionAfter(world: DrillWorld, faultMs: number): number | null {
  const took = gapAfter(world.traffic.endings, faultMs, GAP);
  return took === null ? null : Math.round(took);
}

/** Requirement rows 0-076 to 0-079: kill -9 of the leader while writes are on their way. */
export const leaderKillInflight: Scenario = {
  name: 'leader-kill-inflight',
  topic: 'leader failure',
  title: 'the leader is killed with writes in flight',
  seconds: 12,
  nodes: 3,
  scales: true,
  timing: 'fast',
  limits: { ...NOTHING_LOST, electionMs: 1000 },
  async run(world) {
    const { recorder } = world;
    const old = await world.leader();
    const others = world.members.filter((id) => id !== old);
    const hold = await recorder.phase('hold', async () => {
      // The appends of the leader are held at its own port: what clients ask for now is on its disk and on nobody else's.
      const atMs = recorder.fault(`appends of ${old} held`);
      await world.order({ kind: 'faults', id: old, faults: { messages: [{ action: 'hold', kinds: ['append'], to: others }] } });
      await world.pause(80);
      return atMs;
    });
    const inFlight = world.traffic.writes.filter((one) => one.outcome === 'open').length;
    const report = await world.member(old);
    recorder.check('writes were in flight when the leader was killed', inFlight > 0 && (report.lastIndex ?? 0) > (report.commitIndex ?? 0), `${inFlight} clients waited; its log ended at ${report.lastIndex}, committed ${report.commitIndex}`);
    const killedAt = await recorder.phase('kill', async () => {
      const atMs = await world.kill([old]);
      recorder.setZero(atMs, `${old}, the leader, killed`);
      return atMs;
    });
    const next = await recorder.phase('elect', async () => {
      await world.acknowledgedAfter(killedAt + 20);
      return world.leader();
    });
    await world.pause(1500);
    const backMs = await recorder.phase('return', async () => {
      const atMs = world.nowMs();
      await world.start(old);
      await world.until(`${old} back as a follower`, async () => (await world.member(old)).role === 'follower', 20_000);
      return world.nowMs() - atMs;
    });
    recorder.check('the old leader came back as a follower', true, `${old} follows ${next}, ${(backMs / 1000).toFixed(1)} s after it was started`);
    recorder.check('each job is assigned exactly once over retries', null, 'not run: the engine keeps no client sessions yet, so a client does not retry what ended as unknown; that nothing took effect twice is checked');
    await world.pause(500);
    const electionMs = electionAfter(world, killedAt);
    return {
      rtoMs: electionMs,
      electionMs,
      points: FAILOVER_POINTS,
      told: {
        broken: `The leader ${old} was killed with SIGKILL while ${inFlight} writes were on their way, held for ${Math.round(killedAt - hold)} ms on its disk alone.`,
        done: `Nothing was done by hand: ${next} was elected; ${old} was started again and caught up.`,
        proven: 'No acknowledged write was lost, none took effect twice, and the old leader returned as a follower.',
      },
    };
  },
};

/** Requirement row 3-034, and 2-019: members killed and started over and over. */
export const restartStorm: Scenario = {
  name: 'restart-storm',
  topic: 'crash and restart',
  title: 'members are killed and started again, over and over',
  seconds: 18,
  nodes: 3,
  scales: true,
  timing: 'fast',
  limits: NOTHING_LOST,
  async run(world) {
    const { recorder } = world;
    const before = await world.member(await world.leader());
    let kills = 0;
    const slowest: number[] = [];
    await recorder.phase('storm', async () => {
      for (let round = 0; round < 8; round += 1) {
        const id = round % 2 === 0 ? await world.leader() : await world.follower();
        const atMs = await world.kill([id]);
        if (round === 0) recorder.setZero(atMs, `${id} killed, the first of many`);
        kills += 1;
        await world.pause(120);
        await world.start(id);
        slowest.push((await world.acknowledgedAfter(atMs + 20, 20_000)) - atMs);
      }
    });
    const after = await world.member(await world.leader());
    const climbed = (after.term ?? 0) - (before.term ?? 0);
    recorder.check('terms climb no faster than leaders are killed', climbed <= kills * 3, `${climbed} terms over ${kills} kills`);
    return {
      rtoMs: null,
      electionMs: Math.round(Math.max(...slowest)),
      points: { ...FAILOVER_POINTS, election: ['a member killed', 'the next acknowledged write; the slowest of all kills'] },
      told: { broken: `Members were killed with SIGKILL ${kills} times, the leader every other time.`, done: 'Each was started again after a tenth of a second.', proven: 'No acknowledged write was lost, and the members agree in the end.' },
    };
  },
};

/** The upgrade's skeleton: every member stopped in good order and started again, the leader last. */
export const rollingRestart: Scenario = {
  name: 'rolling-restart',
  topic: 'maintenance',
  title: 'one member after the other is restarted, the leader last',
  seconds: 12,
  nodes: 3,
  scales: true,
  timing: 'fast',
  limits: { ...NOTHING_LOST, failureRatePercent: 5, electionMs: 2000 },
  async run(world) {
    const { recorder } = world;
    const leader = await world.leader();
    const order = [...world.members.filter((id) => id !== leader), leader];
    let stoppedAt = 0;
    for (const id of order) {
      await recorder.phase(`restart ${id}`, async () => {
        stoppedAt = await world.kill([id], 'SIGTERM');
        if (recorder.zero === null) recorder.setZero(stoppedAt, `${id} stopped, the first of ${order.length}`);
        await world.pause(300);
        await world.start(id);
        await world.until(`${id} caught up`, async () => {
          const { members } = await world.status();
          const one = members.find((member) => member.id === id);
          const highest = Math.max(...members.map((member) => member.commitIndex ?? 0));
          return one?.leader !== null && one?.state === 'running' && highest - (one.appliedIndex ?? 0) < 50;
        });
      });
    }
    await world.acknowledgedAfter(stoppedAt + 20);
    await world.pause(500);
    return {
      rtoMs: null,
      electionMs: electionAfter(world, stoppedAt),
      points: { ...FAILOVER_POINTS, election: ['the leader stopped, last of all', 'first write acknowledged by another leader'] },
      told: { broken: 'Every member was stopped once, the leader last.', done: 'Each was started again and had caught up before the next was stopped.', proven: 'Writes went on, and nothing acknowledged was lost.' },
    };
  },
};
