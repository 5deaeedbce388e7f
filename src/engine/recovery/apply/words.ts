import type { RecoveryPlan } from '../../model/plan.ts';
import type { Workplace } from './workplace.ts';

/** `1 file`, `4 files`. */
export function filesOf(count: number): string {
  return `${count} ${count === 1 ? 'file' : 'files'}`;
}

/** The places a plan was made from, as they are typed: the source is where it lies now. */
export function placesOf({ why, source }: Pick<RecoveryPlan, 'why' | 'source'>, dataDir: string): string[] {
  const others = why.ranking.filter((one) => one.label !== source && one.path !== '');
  return [`${source}=${dataDir}`, ...others.map((one) => `${one.label}=${one.path}`)];
}

/** `recover pick` over the same places, to be typed as it stands. */
export function pickWords(plan: Pick<RecoveryPlan, 'why' | 'source'>, at: Pick<Workplace, 'dataDir'>): string {
  return ['raft-inspector recover pick', ...placesOf(plan, at.dataDir).map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))].join(' ');
}
