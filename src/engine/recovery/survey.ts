import path from 'node:path';
import type { LogPosition, MemberId } from '../core/types.ts';
import { comparePositions } from '../core/types.ts';
import type { Evidence } from '../model/evidence.ts';
import { finding } from '../model/finding.ts';
import type { Finding } from '../model/finding.ts';
import type { MemberReport } from '../model/member-report.ts';
import type { OperatorFacts } from './facts.ts';
import type { ConfigurationView, Standing, SurveyedMember } from './surveyed-member.ts';

/** A disk as surveyed, with the words for why it counts or not. */
export interface Survey {
  evidence: Evidence;
  member: SurveyedMember;
  /** Completes "does not count: ..."; null when it counts in full. */
  whyNot: string | null;
}

/** Turns evidence into what ranking and proof need. `foreign` holds members of other clusters. */
export function surveyOf(evidence: Evidence, facts: OperatorFacts, foreign: ReadonlyMap<string, string>): { survey: Survey; findings: Finding[] } {
  const { report } = evidence;
  const findings: Finding[] = [];
  const configurations = viewsOf(evidence);
  const serverId = serverIdOf(evidence, configurations, facts, findings);
  const end = endOf(evidence);
  const { standing, whyNot } = standingOf(report, end, facts);
  const role = roleOf(report, serverId);
  const member: SurveyedMember = {
    label: report.label,
    serverId,
    last: report.lastEntry,
    end: end ?? report.lastEntry,
    floor: report.commitFloor,
    appliedIndex: report.appliedIndex,
    runs: report.log.termRuns,
    snapshot: newestSnapshot(report),
    configurations,
    standing,
    role,
    barred: barredBy(report, role, facts, foreign),
    findings: evidence.findings.filter((one) => one.severity !== 'info').length,
  };
  return { survey: { evidence, member, whyNot }, findings };
}

function viewsOf(evidence: Evidence): ConfigurationView[] {
  const views = evidence.configurations.filter((one) => one.effective && one.voters.length > 0).map(({ index, voters }) => ({ index, voters }));
  const newest = evidence.report.confState;
  if (views.length === 0 && newest && newest.voters.length > 0) views.push({ index: newest.index, voters: newest.voters });
  return views.sort((a, b) => a.index - b.index);
}

/** The id by which configurations name this server: its own, the operator's word, or a label that is a server's id. */
function serverIdOf(evidence: Evidence, views: readonly ConfigurationView[], facts: OperatorFacts, findings: Finding[]): MemberId | null {
  const { report } = evidence;
  const told = facts.ids?.[report.label];
  if (report.memberId !== null) return report.memberId;
  if (told !== undefined) return told;
  const known = new Set([...views.flatMap((view) => view.voters), ...(report.confState?.learners ?? [])]);
  const guess = [report.label, report.name ?? '', path.basename(report.path)].find((name) => known.has(name));
  if (guess === undefined) return null;
  const message = `${report.label} is taken for server ${guess}: the store keeps no id of its own, and the name is that of a server in its configuration`;
  findings.push(finding('server-id-by-name', 'info', message, { member: report.label, fix: `If it is another server, say so with --id ${report.label}=<server id>` }));
  return guess;
}

function newestSnapshot(report: MemberReport): LogPosition | null {
  const usable = report.snapshots.filter((one) => one.status !== 'bad').map(({ term, index }) => ({ term, index }));
  return usable.sort((a, b) => comparePositions(b, a))[0] ?? null;
}

/** Damage in a snapshot or state file says nothing about where the log ended. */
function isLogFile(file: string): boolean {
  return !/(^|\/)(snap|snapshots)\//.test(file);
}

/** Where the log is known to have ended; null when damage hides it. */
function endOf({ report }: Evidence): LogPosition | null {
  let end = report.lastEntry;
  const inLog = report.damage.filter((one) => isLogFile(one.file));
  if (inLog.some((one) => one.tail === null)) return null;
  for (const { tail } of inLog) if (tail && comparePositions(tail, end) > 0) end = tail;
  return end;
}

function standingOf(report: MemberReport, end: LogPosition | null, facts: OperatorFacts): { standing: Standing; whyNot: string | null } {
  const missing = (whyNot: string) => ({ standing: 'missing' as const, whyNot });
  if (report.running) return missing('it is running, so its files change under us');
  if (facts.restored?.includes(report.label)) return missing('it is a restored copy: what it acknowledged later is not on it');
  if (report.health === 'unreadable' || report.health === 'encrypted') return missing(`it is ${report.health}`);
  // Behind damage the descriptors tell where the log ended: what cannot be read there was not cut off.
  const last = (end ?? report.lastEntry).index;
  if (report.commitFloor > last) return missing(`it knows ${report.commitFloor} committed, but its log ends at ${last}: it lost its tail`);
  const whole = report.startable.ok && report.health === 'ok' && report.damage.length === 0;
  if (whole) return { standing: 'intact', whyNot: null };
  if (report.startable.ok && report.health === 'torn-tail') return { standing: 'torn', whyNot: 'its last record is unfinished' };
  if (end === null || end.index === 0) return missing('damage hides where its log ended');
  return { standing: 'descriptor', whyNot: 'it is damaged; only where its log ended is known' };
}

function roleOf(report: MemberReport, serverId: MemberId | null): SurveyedMember['role'] {
  const { confState } = report;
  if (!confState || serverId === null) return 'unknown';
  if (confState.voters.includes(serverId)) return 'voter';
  return confState.learners.includes(serverId) ? 'learner' : 'none';
}

function barredBy(report: MemberReport, role: SurveyedMember['role'], facts: OperatorFacts, foreign: ReadonlyMap<string, string>): string | null {
  const other = foreign.get(report.label);
  if (other !== undefined) return other;
  if (report.health === 'unreadable') return report.startable.ok ? 'cannot be read' : `cannot be read: ${report.startable.reason}`;
  if (report.health === 'encrypted') return 'is encrypted';
  if (!report.startable.ok) return `cannot be started: ${report.startable.reason}`;
  if (role === 'none') return 'is not in its own newest configuration: it was removed';
  if (role === 'learner' && facts.allowLearner !== true) return 'is a learner: its cluster never counted on it (--allow-learner lifts this)';
  return null;
}
