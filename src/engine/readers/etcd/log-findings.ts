import { finding, type Finding } from '../../model/finding.ts';
import type { DamageReport } from '../../model/member-report.ts';
import type { LogSurvey } from './log-survey.ts';
import type { WalDamage } from './wal-scan.ts';

/** Findings listed one by one; a thoroughly damaged log would bury everything else. */
const LISTED = 20;
const NOT_A_TEAR = 'Take the source from members without damage; do not let etcd repair this directory, it may cut whole records off';

/** What is wrong with the log, in the operator's words. */
export function logFindings(survey: LogSurvey, isRunning: boolean): Finding[] {
  const findings = survey.damages.slice(0, LISTED).map((damage) => damageFinding(damage, survey, isRunning));
  const more = survey.damages.length - LISTED;
  if (more > 0) findings.push(finding('wal-damage', 'error', `${more} more damaged places in the write-ahead log`, { fix: NOT_A_TEAR }));
  for (const { first, last, endedBy } of survey.run.history.slice(0, LISTED)) {
    const why = endedBy === 'snapshot' ? 'the log then jumps to a snapshot from the leader' : 'what follows does not join it';
    findings.push(finding('log-history', 'info', `entries ${first}-${last} are history: ${why}`));
  }
  if (survey.metadataConflict) {
    const fix = 'Segments of two members are mixed here: sort them apart before anything else';
    findings.push(finding('wal-metadata-conflict', 'error', 'a segment belongs to another member or cluster than the segments before it', { ...survey.metadataConflict, fix }));
  }
  if (survey.termFall) {
    const { index, term, before, ...place } = survey.termFall;
    findings.push(finding('term-falls', 'error', `entry ${index} has term ${term} behind an entry of term ${before}`, { ...place, fix: 'Do not use this member as the source' }));
  }
  return findings;
}

function damageFinding(damage: WalDamage, survey: LogSurvey, isRunning: boolean): Finding {
  const where = { file: damage.segment.name, byteOffset: damage.byteOffset };
  if (damage.kind === 'torn') {
    const fix = isRunning ? '' : 'Nothing to do: etcd cuts the unfinished record off at its next start (before 3.5.7 it may refuse, then run its repair)';
    return finding('wal-torn-tail', isRunning ? 'info' : 'warn', `unfinished last write: ${damage.reason}`, { ...where, fix });
  }
  if (damage.kind === 'missing-segment') {
    return finding('wal-segment-missing', 'error', `${damage.reason}; etcd will not start from it`, { ...where, fix: 'Find the missing file, or take the source from a member whose log is whole' });
  }
  const report = survey.reports.find(({ file, byteOffset }) => file === where.file && byteOffset === where.byteOffset);
  return finding('wal-damage', 'error', `${damage.reason}${lost(report)}`, { ...where, fix: NOT_A_TEAR });
}

/** `: entry 2172 is lost; what lies behind it is whole, up to 2/3563`. */
function lost(report: DamageReport | undefined): string {
  if (!report) return '';
  const { fromIndex: from, toIndex: to, tail } = report;
  let entries = ': no entry is lost';
  if (from !== null) entries = to === null ? `: entries from ${from} on cannot be read` : from === to ? `: entry ${from} is lost` : `: entries ${from}-${to} are lost`;
  if (from === null && to !== null) entries = `: entries up to ${to} are lost`;
  if (from === null && to === null && !tail) entries = '';
  return entries + (tail ? `; what lies behind it is whole, up to ${tail.term}/${tail.index}: damage inside, not an unfinished write` : '');
}
