import { FAULT_CLASSES, type FaultClass } from './faults.ts';
import type { Prng } from './prng.ts';

/** What one seed runs: drawn from the seed, and narrowed by the shrinker. */
export interface Plan {
  readonly voters: number;
  readonly learners: number;
  readonly clients: number;
  readonly keys: number;
  readonly faults: readonly FaultClass[];
  /** More may be lost than a quorum can bear: then the cluster may stop, and must not lie. */
  readonly isDisaster: boolean;
  /** Values of many kilobytes, so that a snapshot has several chunks. */
  readonly isBulky: boolean;
  readonly snapshotEntries: number;
  readonly compactionMargin: number;
  /** Length of the first phase, in microseconds. */
  readonly troubleUs: number;
  /** Mean time between planned faults. */
  readonly meanFaultGapUs: number;
  /** Mean pause of a client between operations. */
  readonly meanThinkUs: number;
  /** Some leaders are cut off the moment they are elected. */
  readonly cutsAtElection: boolean;
  readonly endsInQuorumLoss: boolean;
}

/** Swarm testing (Groce et al. 2012): every seed has a random half of the fault classes off, for one may hide another's bugs. */
export function drawPlan(prng: Prng, seed: string): Plan {
  const swarm = prng.split('swarm');
  const world = prng.split('plan');
  const isDisaster = world.chance(0.08);
  const isBulky = world.chance(0.1);
  const faults = FAULT_CLASSES.filter(() => swarm.chance(0.5));
  // Long snapshots are there to be interrupted.
  const needed: readonly FaultClass[] = isBulky ? ['delay', 'isolate', 'churn'] : [];
  return {
    voters: world.pick([1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7]),
    learners: world.pick([0, 0, 1, 2]),
    clients: Math.round(world.magnitude(1, 16.99)),
    keys: world.between(1, 11),
    faults: [...new Set([...faults, ...needed])],
    isDisaster,
    isBulky,
    snapshotEntries: Math.round(isBulky ? world.magnitude(5, 15) : world.magnitude(10, 200)),
    compactionMargin: isBulky ? 0 : world.between(0, 51),
    troubleUs: world.between(4_000, 12_000) * 1000,
    meanFaultGapUs: world.magnitude(120_000, 1_500_000),
    meanThinkUs: world.magnitude(8_000, 150_000),
    cutsAtElection: world.chance(0.6),
    endsInQuorumLoss: BigInt(seed) % 10n === 9n,
  };
}
