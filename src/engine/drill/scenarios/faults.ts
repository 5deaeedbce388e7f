import { faultsOf, type Preset } from '../presets.ts';
import { FaultBoard } from '../fault-board.ts';
import { NOTHING_LOST, type Scenario, type ScenarioResult } from '../scenario.ts';
import { showFault, type Fault } from '../fault.ts';
import { checkLeadership } from '../leadership.ts';
import { longestPause } from '../timeline.ts';
import type { DrillWorld } from '../world.ts';
import { electionAfter } from './failover.ts';

const AFTERWARDS_MS = 1500;

async function runFaults(world: DrillWorld, faults: readonly Fault[]): Promise<ScenarioResult> {
  const { recorder } = world;
  const leader = await world.leader();
  const before = await world.member(leader);
  const begunMs = world.nowMs();
  const begun = await recorder.phase('faults', async () => {
    recorder.setZero(world.nowMs(), faults[0] === undefined ? 'no fault' : showFault(faults[0]));
    return new FaultBoard(world).carryOut(faults);
  });
  await recorder.phase('catch up', async () => {
    const endedAt = world.nowMs();
    await world.leader(60_000);
    await world.acknowledgedAfter(endedAt, 60_000);
    await world.pause(AFTERWARDS_MS);
    checkLeadership(recorder, begun, before, await world.member(await world.leader()));
  });
  const first = begun.find((one) => one.members.includes(leader) && takesLeader(one.fault));
  const electionMs = first === undefined ? null : electionAfter(world, first.atMs);
  return {
    rtoMs: longestPause(world.traffic.endings, begunMs),
    electionMs,
    points: { rto: ['last acknowledged write before the longest pause', 'first acknowledged write after it'], election: ['the fault hits the leader', 'first write acknowledged after the gap it tears'] },
    told: { broken: `${faults.map(showFault).join('; ')}.`, done: 'The faults were ended; nothing else was done.', proven: 'The cluster serves again, no acknowledged write was lost, and the members agree.' },
  };
}

/** Whether the others have to elect when it hits the leader. */
function takesLeader(fault: Fault): boolean {
  return ['kill', 'stop', 'pause', 'disconnect', 'one-way', 'split', 'flapping', 'restart-storm'].includes(fault.kind) || (fault.kind === 'disk' && fault.fails !== null);
}

/** Whatever the drill file lists under `faults`. */
export const listedFaults: Scenario = {
  name: 'faults',
  topic: 'faults of your own',
  title: 'the faults of the drill file',
  seconds: 20,
  nodes: 3,
  scales: true,
  timing: 'fast',
  limits: { rtoMs: 60_000, ...NOTHING_LOST },
  run: (world) => runFaults(world, faultsOf(world.file)),
};

/** A named fault as a drill of its own. */
export function presetScenario({ name, topic, title, timing, nodes, faults, limits, load }: Preset): Scenario {
  const lastsMs = Math.max(...faults.map((one) => one.atMs + one.forMs));
  return { name, topic, title, seconds: Math.ceil(lastsMs / 1000) + 8, nodes, scales: true, timing, limits, load, run: (world) => runFaults(world, world.file.faults.length > 0 ? faultsOf(world.file) : faults) };
}
