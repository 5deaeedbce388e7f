import path from 'node:path';
import type { LogPosition, MemberId } from '../core/types.ts';
import { comparePositions } from '../core/types.ts';
import { canonicalJson } from '../model/evidence.ts';
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
  const judged = standingOf(report, end, facts);
  const { standing, whyNot } = judged.standing === 'missing' ? judged : (lostTail(evidence) ?? judged);
  const role = roleOf(report, serverId);
  const snapshot = newestSnapshot(report);
  const member: SurveyedMember = {
    label: report.label,
    serverId,
    last: report.lastEntry,
    end: end ?? report.lastEntry,
    floor: report.commitFloor,
    appliedIndex: report.appliedIndex,
    runs: report.log.termRuns,
    snapshot: snapshot && { term: snapshot.term, index: snapshot.index },
    // A genuine snapshot is of committed entries; only one of a lone server, which a recovery made, lies above the floor.
    recoveredAt: snapshot !== null && snapshot.index > report.commitFloor && snapshot.confState?.voters.length === 1 ? snapshot.index : null,
    configurations,
    standing,
    role,
    barred: barredBy(evidence, serverId, role, facts, foreign),
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

/** The id by which configurations name this server: the operator's word where the store has no id, its own, or a label that is a server's id. */
function serverIdOf(evidence: Evidence, views: readonly ConfigurationView[], facts: OperatorFacts, findings: Finding[]): MemberId | null {
  const { report } = evidence;
  const known = new Set([...views.flatMap((view) => view.voters), ...(report.confState?.learners ?? [])]);
  const told = toldId(report, facts);
  if (told !== undefined) return told;
  if (report.memberId !== null && (known.has(report.memberId) || !idsAreAddresses(report))) return report.memberId;
  if (report.memberId !== null) findings.push(unusedId(report, report.memberId));
  const guess = [report.label, report.name ?? '', path.basename(report.path)].find((name) => known.has(name));
  if (guess === undefined) return null;
  const message = `${report.label} is taken for server ${guess}: the store keeps no id of its own, and the name is that of a server in its configuration`;
  findings.push(finding('server-id-by-name', 'info', message, { member: report.label, fix: `If it is another server, say so with --id ${report.label}=<server id>` }));
  return guess;
}

/** What the operator says, where the id is not in the store itself: a file beside it can be an option of the server that it does not use. */
function toldId(report: MemberReport, facts: OperatorFacts): MemberId | undefined {
  return report.memberId === null || report.clusterId === null ? facts.ids?.[report.label] : undefined;
}

function idsAreAddresses({ confState }: MemberReport): boolean {
  const members = confState?.members ?? [];
  return members.length > 0 && members.every(({ id, addresses }) => id === addresses[0]);
}

function unusedId({ label }: MemberReport, id: MemberId): Finding {
  const message = `${label} has the id ${id} in a file, but the ids of its cluster are addresses: nothing says which of them is its own`;
  return finding('server-id-unused', 'info', message, { member: label, fix: `Say which server it is with --id ${label}=<address>` });
}

/**
 * Two stores that are equal byte for byte are one disk and a copy of it. Where the servers they are of were only guessed, that disk counts
 * once; which server it is of nobody knows. The operator's word for each of them lifts this.
 */
export function countCopiesOnce(surveys: readonly Survey[], facts: OperatorFacts): Finding[] {
  const groups = new Map<string, Survey[]>();
  for (const survey of surveys) {
    const { report, storeDigest, log } = survey.evidence;
    if (storeDigest === undefined || survey.member.serverId === null || survey.member.serverId === report.memberId) continue;
    const mark = canonicalJson([storeDigest, log, report.hardState, report.snapshots]);
    groups.set(mark, [...(groups.get(mark) ?? []), survey]);
  }
  return [...groups.values()].flatMap((group) => noteCopies(group, facts));
}

function noteCopies(group: readonly Survey[], facts: OperatorFacts): Finding[] {
  const isTold = ({ evidence }: Survey): boolean => toldId(evidence.report, facts) !== undefined;
  if (group.length < 2 || group.every(isTold)) return [];
  const kept = group.find(isTold) ?? (group[0] as Survey);
  const others = group.filter((one) => one !== kept);
  for (const one of others) {
    Object.assign(one.member, { standing: 'missing', serverId: null, role: 'unknown' } satisfies Partial<SurveyedMember>);
    one.whyNot = `its store is a copy of ${kept.member.label}'s, byte for byte: one disk counts once`;
  }
  const labels = group.map((one) => one.member.label);
  const message = `${labels.join(' and ')} hold one store, byte for byte: they are copies of one disk, which counts once`;
  const fix = `Leave the copy out. If each is a server's own disk, say so: ${labels.map((label) => `--id ${label}=<server id>`).join(' ')}`;
  return [finding('copies-of-one-disk', 'warn', message, { fix })];
}

/** One past the last entry is none that a start would use: etcd may have one that its log never reached. */
function newestSnapshot(report: MemberReport): MemberReport['snapshots'][number] | null {
  const usable = report.snapshots.filter((one) => one.status !== 'bad' && comparePositions(one, report.lastEntry) <= 0);
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

/** The files fit together, and yet show that the log once went on, or that they are not of one moment. */
function lostTail({ findings }: Evidence): { standing: Standing; whyNot: string } | null {
  const has = (rule: string): boolean => findings.some((one) => one.rule === rule && one.severity === 'warn');
  if (has('wal-end-missing')) return { standing: 'missing', whyNot: 'its newest log segment is full, and the one that etcd begins then is not there' };
  if (has('wal-repaired')) return { standing: 'missing', whyNot: 'etcd cut whole entries off its log' };
  if (findings.some(({ rule }) => rule === 'term-behind-log')) return { standing: 'missing', whyNot: 'its term and vote are older than its log: its parts are not of one moment' };
  return null;
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

function barredBy(evidence: Evidence, serverId: MemberId | null, role: SurveyedMember['role'], facts: OperatorFacts, foreign: ReadonlyMap<string, string>): string | null {
  const { report } = evidence;
  const other = foreign.get(report.label);
  if (other !== undefined) return other;
  if (report.health === 'unreadable') return report.startable.ok ? 'cannot be read' : `cannot be read: ${report.startable.reason}`;
  if (report.health === 'encrypted') return 'is encrypted';
  if (!report.startable.ok) return `cannot be started: ${report.startable.reason}`;
  if (role === 'none') return 'is not in its own newest configuration: it was removed';
  if (role === 'learner' && facts.allowLearner !== true) return `is a learner${learnerSince(evidence, serverId)} (--allow-learner lifts this)`;
  return null;
}

function learnerSince({ report, configurations }: Evidence, serverId: MemberId | null): string {
  const wasVoter = configurations.some(({ effective, voters }) => effective && voters.some((id) => id === serverId));
  if (!wasVoter || report.confState === null) return ': its cluster never counted on it';
  const { index, pending } = report.confState;
  return `: the configuration at ${index} made it one${pending ? ', which may not have been committed' : ', so its cluster counts on it no longer'}`;
}
