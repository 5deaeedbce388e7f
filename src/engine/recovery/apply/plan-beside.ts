import path from 'node:path';
import { RefusedError } from '../../errors.ts';
import { readSmallFile } from '../../files/durable.ts';
import { type FileOps, REAL_FILES } from '../../files/file-ops.ts';
import { MAX_PLAN_BYTES, parsePlan } from '../../model/plan-schema.ts';
import type { RecoveryPlan } from '../../model/plan.ts';
import { Journal } from './journal.ts';
import { workplaceAt } from './workplace.ts';

/**
 * The plan that was last begun on a data directory, from its backup beside it: an undo needs nothing else.
 * @throws {RefusedError} `nothing-to-undo` when none was, or its backup is not there.
 */
export async function planBeside(dataDir: string, ops: FileOps = REAL_FILES): Promise<{ plan: RecoveryPlan; file: string }> {
  const at = workplaceAt(dataDir);
  const begun = Journal.read(at.journal, ops).lines.findLast((one) => one.event === 'begin');
  if (begun?.event !== 'begin') throw new RefusedError('nothing-to-undo', `no plan was begun on ${at.dataDir}`, 'Name the directory as it was given to recover apply');
  const file = path.join(begun.backup, 'plan.json');
  const bytes = readSmallFile(ops, file, MAX_PLAN_BYTES);
  if (bytes === null) throw new RefusedError('nothing-to-undo', `the backup of plan ${begun.plan.slice(0, 6)} holds no plan: it was cut off before it was whole, and nothing was exchanged`, 'Name the plan file: raft-inspector recover undo <plan.json>');
  return { plan: await parsePlan(bytes.toString('utf8'), file), file };
}
