import type { DrillObjective, DrillRecord } from '../model/drill-record.ts';
import type { Audit } from './audit.ts';
import type { ScenarioResult } from './scenario.ts';
import type { DrillWorld } from './world.ts';

interface Told {
  readonly result: ScenarioResult | null;
  readonly judged: Pick<DrillRecord, 'verdict' | 'problem'>;
  readonly objectives: readonly DrillObjective[];
  readonly audit: Audit | null;
  readonly file: DrillWorld['file'];
  readonly acknowledged: number;
}

/** Five sentences for somebody who reads nothing else: broken, done, proven, not tested, and whether the objectives held. */
export function statementOf({ result, judged, objectives, audit, file, acknowledged }: Told): string[] {
  const notTested = `Your network, disks, data size and version were not part of it: ${file.nodes} processes of the ${file.engine} engine ran on one machine over loopback with ${acknowledged} acknowledged writes of ${file.load.valueBytes} bytes${file.backup === undefined ? '' : ', on a copy of your own backup'}.`;
  if (judged.verdict === 'could-not-run') return ['Nothing can be said: the drill could not run.', `The reason: ${judged.problem ?? 'unknown'}.`, 'Nothing was proven.', notTested, 'No objective was measured.'];
  const missed = objectives.filter((one) => !one.ok).map((one) => one.name);
  const held = missed.length === 0 ? `All ${objectives.length} objectives held.` : `Missed: ${missed.join(', ')}; the other ${objectives.length - missed.length} objectives held.`;
  if (result === null) return ['The drill broke off.', `The reason: ${judged.problem ?? 'unknown'}.`, 'What it was to prove is not proven.', notTested, held];
  const proven = judged.verdict === 'pass' ? result.told.proven : `Not all of it was proven: ${judged.problem ?? 'unknown'}.`;
  const doubt = audit === null ? '' : ` ${audit.doubtful.there + audit.doubtful.absent} writes of unknown outcome are all explained.`;
  return [result.told.broken, result.told.done, `${proven}${judged.verdict === 'pass' ? doubt : ''}`, notTested, held];
}
