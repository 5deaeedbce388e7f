import { UsageError } from '../../errors.ts';
import { PRESETS, presetOf } from '../presets.ts';
import type { Scenario } from '../scenario.ts';
import { confChangeKill, confChangePartition } from './conf-change.ts';
import { backupOnly, staleSnapshot, tornWal } from './disks.ts';
import { leaderKillInflight, restartStorm, rollingRestart } from './failover.ts';
import { listedFaults, presetScenario } from './faults.ts';
import { quorumLoss3, quorumLoss5 } from './quorum-loss.ts';
import { logDivergence, partition32, termTrap } from './partition.ts';

/** Every drill that has a script of its own. */
const SCENARIOS: readonly Scenario[] = [quorumLoss3, quorumLoss5, leaderKillInflight, partition32, confChangeKill, confChangePartition, staleSnapshot, tornWal, termTrap, logDivergence, restartStorm, backupOnly, rollingRestart, listedFaults];

/** All drills there are, those of named faults included: one line each of the catalogue. */
export function catalogue(): Scenario[] {
  return [...SCENARIOS, ...PRESETS.map(presetScenario)];
}

/** @throws {UsageError} For a name that no drill has. */
export function scenarioOf(name: string): Scenario {
  const own = SCENARIOS.find((one) => one.name === name);
  if (own !== undefined) return own;
  const preset = presetOf(name);
  if (preset !== undefined) return presetScenario(preset);
  throw new UsageError(`no drill is called ${name}`, 'All drills there are: raft-inspector drill init. Or name a drill file of your own');
}

/** Whether the faults of a drill file have a meaning in this scenario. */
export function takesFaults(name: string): boolean {
  return name === listedFaults.name || presetOf(name) !== undefined;
}
