import type { DrillLimits, DrillLoad } from './drill-file.ts';
import type { MeasuringPoints } from './judge.ts';
import type { DrillWorld } from './world.ts';

/** What a scenario tells the frame when it is through; the frame settles the cluster, audits every write and judges. */
export interface ScenarioResult {
  /** From the loss of service to the first acknowledged write; null where the scenario loses none. */
  readonly rtoMs: number | null;
  /** From the leader's end to the first write acknowledged by another; null where no leader was lost. */
  readonly electionMs: number | null;
  readonly points: MeasuringPoints;
  /** Limits that have no meaning in this run, by what it happened to hit. */
  readonly meaningless?: readonly (keyof DrillLimits)[];
  /** The pick of the run, as lines. */
  readonly decision?: readonly string[];
  /** What was broken, done, proven: sentences of the statement. */
  readonly told: { readonly broken: string; readonly done: string; readonly proven: string };
  /** Acknowledged writes that were on none of the disks recovery had: lost by the disaster, not by the recovery. Marks with their keys. */
  readonly beyondReach?: ReadonlySet<string>;
}

/** One drill: what it breaks, and what has to hold while it does. */
export interface Scenario {
  readonly name: string;
  /** The subject of the catalogue that it covers. */
  readonly topic: string;
  readonly title: string;
  /** Time it takes on an idle machine, in seconds, for the catalogue. */
  readonly seconds: number;
  readonly nodes: 3 | 5;
  /** Whether more members may take part than it needs. */
  readonly scales?: boolean;
  readonly timing: 'fast' | 'calm';
  readonly limits: DrillLimits;
  readonly load?: Partial<DrillLoad>;
  readonly snapshotEntries?: number;
  /** Whether it can start from a copy of the operator's own backup. */
  readonly takesBackup?: boolean;
  /** Also there for real etcd servers. */
  readonly onEtcd?: boolean;
  /** Runs with traffic on; throws a CouldNotRunError where it says nothing, any other error fails the run. */
  run(world: DrillWorld): Promise<ScenarioResult>;
}

/** Limits of a scenario in which nothing may be lost. */
export const NOTHING_LOST: DrillLimits = { rpoLost: 0, rpoDuplicated: 0, replicaLag: 10_000 };

/** The usual measuring points of scenarios that lose a leader. */
export const FAILOVER_POINTS: MeasuringPoints = {
  rto: ['leader killed', 'first acknowledged write'],
  election: ['leader killed', 'first write acknowledged by another leader'],
};
