import { UsageError } from '../../errors.ts';
import type { AppliedStep } from '../../model/apply-report.ts';
import type { Progress } from '../../model/reading.ts';

/** Rules that an apply can lift. */
export const APPLY_OVERRIDES = ['certain-loss', 'other-plan'] as const;

/** How a plan is applied or undone. */
export interface ApplyOptions {
  /** Where the source lies on this machine; default the plan's own. */
  readonly dataDir?: string | undefined;
  /** Builds the result there and leaves the source untouched: a directory that does not exist, or a `.tgz`. */
  readonly into?: string | undefined;
  /** Default: `<data directory>.ri`, on the same filesystem. */
  readonly backupDir?: string | undefined;
  /** The case directory: events go there too; null: none. */
  readonly caseDir: string | null;
  /** Rules that were lifted. */
  readonly overrides: readonly string[];
  /** Ends before anything is written, whatever is found: for whoever was refused and has not been asked for his consent. */
  readonly refuseOnly?: boolean | undefined;
  readonly progress?: Progress | undefined;
  /** Told of each step as it begins, and as it ends with what came of it. */
  readonly onStep?: ((id: string, status: 'started' | 'done' | 'failed', step?: AppliedStep) => void) | undefined;
}

/** @throws {UsageError} When only a refusal was wanted, and what stood in the way is gone. */
export function endIfRefuseOnly({ refuseOnly }: ApplyOptions): void {
  if (refuseOnly === true) throw new UsageError('what stood in the way a moment ago is gone; nothing was changed', 'Run it again, and look at the preview first');
}
