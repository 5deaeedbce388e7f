import { finding, type Finding } from '../../model/finding.ts';
import { configurationProblem, type PlacedConfiguration } from './configuration.ts';
import type { LogStore } from './log-store.ts';
import type { Hole, ScannedLog } from './log-scan.ts';

const MAX_PER_RULE = 20;
const OTHER_MEMBER = 'Take these entries from another member: recover compare shows who holds them';

/** What the pass over the log found wrong, as findings. `told` names the files whose loss is a finding already. */
export function logFindings(scan: ScannedLog, log: LogStore, base: number, told: ReadonlySet<string | null>): Finding[] {
  const file = log.newestFile;
  return [
    ...damageFindings(scan, told),
    ...holeFindings(scan, file, base),
    ...scan.termDrops.slice(0, MAX_PER_RULE).map((d) =>
      finding('term-falls', 'error', `the term falls from ${d.before} to ${d.term} at entry ${d.index}: a term was lost and counted anew, or the log is corrupt`, {
        file,
        fix: 'Do not recover from this member; compare it with the others first',
      }),
    ),
    ...scan.badConfigurations.slice(0, MAX_PER_RULE).map((c) =>
      finding('configuration-undecodable', 'error', `the configuration entry ${c.index} does not decode`, { ...c, fix: OTHER_MEMBER }),
    ),
    ...[...scan.unknownKinds].map((kind) => finding('unknown-log-type', 'warn', `the log holds entries of type ${kind}, which raft refuses`, { file })),
    ...historyFinding(scan, file),
  ];
}

function damageFindings(scan: ScannedLog, told: ReadonlySet<string | null>): Finding[] {
  const untold = scan.damage.filter((d) => !told.has(d.file));
  const shown = untold.slice(0, MAX_PER_RULE).map((d) => {
    const which = d.fromIndex === null ? 'entries' : `entries ${d.fromIndex}..${d.toIndex ?? '?'}`;
    return finding('log-damage', 'error', `${which} cannot be read: ${d.reason}`, { file: d.file, byteOffset: d.byteOffset, fix: OTHER_MEMBER });
  });
  const more = scan.damagedPlaces - (scan.damage.length - untold.length) - shown.length;
  return more > 0 ? [...shown, finding('log-damage', 'error', `${more} more damaged places`, { fix: OTHER_MEMBER })] : shown;
}

/** Legal up to the newest snapshot: raft installs or restores a snapshot and goes on behind it. */
function holeFindings(scan: ScannedLog, file: string, base: number): Finding[] {
  return [...gapBeforeLog(scan, base), ...scan.holes].slice(0, MAX_PER_RULE).map((hole) => {
    const message = `the log does not hold entries ${hole.from}..${hole.to}`;
    if (hole.to <= base) return finding('log-hole', 'info', `${message}: they lie in the snapshot at ${base}`, { file });
    return finding('log-gap', 'error', `${message}, and no usable snapshot covers them`, { file, fix: OTHER_MEMBER });
  });
}

/** Entries between the newest usable snapshot, or the beginning, and a log that starts too late; damage there has said so already. */
function gapBeforeLog({ first, last, damage }: ScannedLog, base: number): Hole[] {
  if (first === null || last === null || last.index <= base || first.index <= base + 1) return [];
  if (damage.some((d) => d.fromIndex === null || d.fromIndex < first.index)) return [];
  return [{ from: base + 1, to: first.index - 1 }];
}

function historyFinding(scan: ScannedLog, file: string): Finding[] {
  const { first, log } = scan;
  if (first === null || first.index >= log.firstIndex) return [];
  return [finding('log-history', 'info', `entries ${first.index}..${log.firstIndex - 1} lie before the run that ends the log and are not counted in it`, { file })];
}

/** What is wrong, or worth a look, in the configuration raft would use. */
export function configurationFindings(configuration: PlacedConfiguration | null): Finding[] {
  if (configuration === null) return [];
  const problem = configurationProblem(configuration.servers);
  const found: Finding[] = [];
  if (problem !== null) found.push(finding('configuration-invalid', 'error', `the configuration at ${configuration.index} is refused by raft: ${problem}`));
  if (configuration.servers.length > 0 && configuration.servers.every((s) => s.id === s.address)) {
    found.push(finding('ids-are-addresses', 'info', 'server ids equal their addresses: raft protocol 2 or older'));
  }
  if (configuration.servers.some((s) => s.suffrage === 2)) found.push(finding('staging-server', 'info', 'a server is marked Staging, which counts as a learner'));
  return found;
}
