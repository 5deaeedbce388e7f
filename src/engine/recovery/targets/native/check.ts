import type { CheckLine } from '../../../model/check-line.ts';
import type { PlannedOutcome } from '../../../model/plan.ts';
import { recoveryOf } from '../../../native/recovery-record.ts';
import { nativeReader } from '../../../readers/native/reader.ts';
import { readParameters } from './parameters.ts';

/** Reads the finished directory back, by the same rules as a start, and compares it with the plan. */
export function checkNative(directory: string, outcome: PlannedOutcome, raw: Readonly<Record<string, unknown>>): CheckLine[] {
  const parameters = readParameters(raw);
  const reading = nativeReader.read(directory, { depth: 'full' });
  const { report } = reading;
  const lines: CheckLine[] = [];
  const same = (name: string, is: string, wanted: string): void => void lines.push({ name, ok: is === wanted, detail: is === wanted ? is : `${is}, planned ${wanted}` });
  const { startable } = report;
  lines.push({ name: 'can be started', ok: startable?.ok === true, detail: startable?.ok === false ? startable.reason : 'every record, the chain of hashes and the snapshots hold' });
  same('lineage', `${report.clusterId ?? '?'}, generation ${report.generation ?? '?'}`, `${outcome.clusterId ?? '?'}, generation ${outcome.generation ?? '?'}`);
  same('member', report.memberId ?? '?', outcome.memberId ?? '?');
  same('voters', report.confState?.voters.join(' ') ?? '?', outcome.voters.join(' '));
  same('last entry', `${report.lastEntry.term}/${report.lastEntry.index}`, `${outcome.lastEntry.term}/${outcome.lastEntry.index}`);
  same('commit index', String(report.hardState.commitIndex), String(outcome.commitIndex));
  same('term', `${report.hardState.currentTerm}, vote ${report.hardState.votedFor ?? 'none'}`, `${parameters.term}, vote none`);
  let [chain, mark]: [string | null, string | null] = [null, null];
  for (const record of reading.records({ from: parameters.keepTo, to: parameters.keepTo + 1 })) {
    if (record.type !== 'entry') continue;
    if (record.index === parameters.keepTo) chain = record.extensions === undefined ? null : Buffer.from(record.extensions).toString('hex');
    else mark = recoveryOf(record.data)?.planId ?? null;
  }
  if (parameters.keptChain !== null) lines.push({ name: 'kept entries', ok: chain === parameters.keptChain, detail: chain === parameters.keptChain ? `entries up to ${parameters.keepTo} are those of the source, by their chain of hashes` : `the chain of hashes at ${parameters.keepTo} is ${chain ?? 'gone'}, planned ${parameters.keptChain}` });
  same('recovery entry', mark ?? 'none', parameters.why.planId);
  return lines;
}
