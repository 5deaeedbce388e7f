import type { Evidence } from '../model/evidence.ts';
import { finding } from '../model/finding.ts';
import type { Finding } from '../model/finding.ts';
import type { LossReport, PickReport, RankedMember } from '../model/pick-report.ts';
import { adviceFor } from './advice.ts';
import { comparePairs } from './divergence.ts';
import type { PairComparison } from './divergence.ts';
import type { OperatorFacts } from './facts.ts';
import { type ClusterGroup, lineageOf } from './lineage.ts';
import { assessLoss } from './loss.ts';
import { clusterName, ofOneCluster, rankApart } from './pick-clusters.ts';
import { factFindings } from './pick-facts.ts';
import { prove } from './proof.ts';
import type { ProofReport } from './proof.ts';
import { rankMembers } from './rank.ts';
import type { Ranking, SeenPosition } from './rank.ts';
import { reasonFor } from './reason.ts';
import { countCopiesOnce, surveyOf } from './survey.ts';
import type { Survey } from './survey.ts';

export interface PickOptions {
  /** Pairs compared beforehand with the readings at hand; default: from the evidence alone. */
  pairs?: readonly PairComparison[];
  /** How a key from the data may be shown in sentences. Default: as it is. */
  showKey?: (key: string) => string;
}

/** The answer with everything a screen wants to know of how it was found. */
export interface PickOutcome {
  report: PickReport;
  findings: Finding[];
  /** Why no source is named, as a sentence; null when one is. */
  refused: string | null;
  surveys: Survey[];
  pairs: readonly PairComparison[];
  ranking: Ranking;
  proof: ProofReport;
  clusterId: string | null;
  /** Every cluster that was read. */
  clusters: readonly ClusterGroup[];
  /** Nobody knows which cluster is meant: nothing of one says anything of another. */
  isMixed: boolean;
  /** Voters of the source's configuration that no surveyed disk belongs to. */
  unread: { id: string; name: string; dead: boolean }[];
}

/** Chooses the recovery source and says what would be lost. Pure: evidence and the operator's word in, report out. */
export function pick(evidences: readonly Evidence[], facts: OperatorFacts = {}, options: PickOptions = {}): PickReport {
  return examine(evidences, facts, options).report;
}

/** As `pick`, with the findings and the working. */
export function examine(evidences: readonly Evidence[], facts: OperatorFacts = {}, options: PickOptions = {}): PickOutcome {
  const lineage = lineageOf(evidences, facts);
  const findings: Finding[] = [...evidences.flatMap((one) => one.findings), ...lineage.findings];
  const surveyed = evidences.map((one) => surveyOf(one, facts, lineage.foreign));
  findings.push(...surveyed.flatMap((one) => one.findings));
  const surveys = surveyed.map((one) => one.survey);
  findings.push(...countCopiesOnce(surveys, facts));
  // Logs of two clusters have nothing to agree on: where they part means nothing.
  const pairs = (options.pairs ?? comparePairs(evidences)).filter((one) => ofOneCluster(one, lineage.clusters));

  const kin = surveys.filter((one) => !lineage.foreign.has(one.member.label));
  const seen = seenBy(facts);
  const isMixed = lineage.conflict !== null;
  const ranking = isMixed ? rankApart(kin.map((one) => one.member), lineage.clusters, seen) : rankMembers(kin.map((one) => one.member), seen);
  const source = surveys.find((one) => one.member === ranking.source);
  if (source) weighLineage(kin, source, pairs);
  const proof = source ? prove(kin.map((one) => one.member), source.member, ranking.floor, attestationOf(facts)) : NO_PROOF;
  const refused = lineage.conflict ?? refusalOf(kin, pairs, ranking, source, facts, findings);
  const unread = source ? unreadVoters(source, surveys, facts) : [];
  const running = kin.filter((one) => one.evidence.report.running !== null).map((one) => one.member.label);
  for (const group of isMixed ? lineage.clusters : [null]) describeMembers(group === null ? kin : kin.filter((one) => group.labels.includes(one.member.label)), running, pairs, findings);

  const shown = refused === null ? source : undefined;
  const showKey = options.showKey ?? ((key: string) => key);
  const loss = shown ? assessLoss({ source: shown, ranking, proof, facts, running, unread: unread.map((one) => one.name), nameless: kin.filter((one) => one.member.serverId === null && one.member.barred === null).length, showKey }) : noLoss(refused, ranking);
  if (shown && loss.verdict === 'certain') findings.push(finding('certain-loss', 'error', `Recovering from ${shown.member.label} loses committed data. ${loss.statement}`, { member: shown.member.label, fix: 'Look for another disk before anything else' }));
  if (shown && facts.seenRevision !== undefined && shown.evidence.report.revisionAtEnd === null) {
    findings.push(finding('revision-unknown', 'warn', `--seen-revision cannot be compared: ${shown.member.label} shows no revision`, { member: shown.member.label, fix: 'Use --seen-commit or --acked' }));
  }
  findings.push(...factFindings(kin, shown, facts));
  const outcome: Omit<PickOutcome, 'report'> = { findings, refused, surveys, pairs, ranking, proof, clusterId: lineage.clusterId, clusters: lineage.clusters, isMixed, unread };
  const report: PickReport = {
    ranking: rankingOf(outcome),
    source: shown?.member.label ?? null,
    decidedBy: ranking.decidedBy,
    quorum: quorumOf(proof, facts),
    loss,
    preliminary: running.length > 0,
    advice: adviceFor(outcome, shown, loss, facts),
    divergence: pairs.flatMap(({ a, b, divergesAt, aTerm, bTerm, onlyInA, onlyInB }) => (divergesAt === null ? [] : [{ a, b, index: divergesAt, aTerm: aTerm ?? 0, bTerm: bTerm ?? 0, onlyInA, onlyInB }])),
  };
  return { ...outcome, report };
}

const NO_PROOF: ProofReport = { proof: 'best-effort', weakest: null, attestable: false, counted: [], missing: null };

function seenBy(facts: OperatorFacts): SeenPosition[] {
  const seen: SeenPosition[] = (facts.acked ?? []).map(({ term, index }) => ({ term, index }));
  if (facts.seenCommit !== undefined) seen.push({ index: facts.seenCommit, term: null });
  return seen;
}

function attestationOf(facts: OperatorFacts): { noMembershipChange: boolean; voters: number | null } {
  return { noMembershipChange: facts.noMembershipChange === true, voters: facts.voters ?? null };
}

/** Without a cluster id in the store, only equal entries at a common index show that two disks are of one cluster. */
function weighLineage(kin: readonly Survey[], source: Survey, pairs: readonly PairComparison[]): void {
  if (source.evidence.report.clusterId !== null) return;
  for (const survey of kin) {
    if (survey === source || survey.evidence.report.clusterId !== null) continue;
    const pair = pairs.find((one) => [one.a, one.b].includes(survey.member.label) && [one.a, one.b].includes(source.member.label));
    const related = pair !== undefined && pair.commonPrefixEnd !== null;
    // Consul's servers may order their first configuration differently; entries after it still show kinship.
    const reordered = pair !== undefined && pair.reordered.length > 0 && pair.conflict === null && pair.common > pair.reordered.length;
    if (related || reordered) continue;
    survey.member.standing = 'missing';
    survey.whyNot = `nothing shows that it is of ${source.member.label}'s cluster: the store has no cluster id, and their logs share no entry`;
  }
}

function refusalOf(kin: readonly Survey[], pairs: readonly PairComparison[], ranking: Ranking, source: Survey | undefined, facts: OperatorFacts, findings: Finding[]): string | null {
  const labels = new Set(kin.map((one) => one.member.label));
  for (const { a, b, conflict } of pairs) {
    if (!conflict || !labels.has(a) || !labels.has(b)) continue;
    const where = conflict.upTo === conflict.index ? `entry ${conflict.index}` : `an entry within ${conflict.index}-${conflict.upTo}`;
    const message = `${a} and ${b} hold different content in ${where} of term ${conflict.term}: one of them is corrupt, or they are of two clusters`;
    findings.push(finding('same-position-other-content', 'error', message, { fix: 'Compare the entry: raft-inspector inspect log <place> --around <index>; leave the wrong disk out' }));
    return message;
  }
  if (ranking.floorConflict) return `two disks prove different entries committed at ${ranking.floor.index}: they are not of one cluster, or one is corrupt`;
  if (!source) return kin.length === 0 ? 'no disk was read' : 'no disk can be the source: see why for each';
  if (source.member.configurations.length === 0 && facts.voters === undefined) return 'no configuration can be read, so nobody knows how many voters there were (--voters <n>)';
  return null;
}

function describeMembers(kin: readonly Survey[], running: readonly string[], pairs: readonly PairComparison[], findings: Finding[]): void {
  const labels = new Set(kin.map((one) => one.member.label));
  for (const label of running.filter((one) => labels.has(one))) findings.push(finding('member-running', 'warn', `${label} is running: the answer is preliminary`, { member: label, fix: 'Stop it and ask again' }));
  for (const { a, b, reordered } of pairs) {
    if (reordered.length === 0 || !labels.has(a) || !labels.has(b)) continue;
    const at = reordered.map((one) => one.index).join(', ');
    findings.push(finding('configuration-order', 'info', `${a} and ${b} list the same servers in another order in the configuration at ${at}: harmless, each server wrote its own`));
  }
  const byId = new Map<string, string[]>();
  for (const { member } of kin) if (member.serverId !== null) byId.set(member.serverId, [...(byId.get(member.serverId) ?? []), member.label]);
  for (const [id, labels] of byId) {
    if (labels.length > 1) findings.push(finding('duplicate-member', 'warn', `${labels.join(' and ')} are both disks of member ${id}: one is an old copy, so none of them counts for the proof`, { fix: 'Leave the older copy out' }));
  }
  for (const { member, evidence } of kin) {
    const { currentTerm } = evidence.report.hardState;
    if (currentTerm > member.last.term) {
      findings.push(finding('later-term-seen', 'info', `${member.label} has seen term ${currentTerm}, its last entry is of term ${member.last.term}: it campaigned or heard of a later leader; this never ranks`, { member: member.label }));
    }
  }
}

function unreadVoters(source: Survey, surveys: readonly Survey[], facts: OperatorFacts): PickOutcome['unread'] {
  const newest = source.member.configurations.at(-1);
  // While a disk's server is not known, any voter may be the one.
  if (surveys.some((one) => one.member.serverId === null && one.member.barred === null)) return [];
  const read = new Set(surveys.map((one) => one.member.serverId));
  const infos = new Map((source.evidence.report.confState?.members ?? []).map((one) => [one.id, one.name]));
  return (newest?.voters ?? []).filter((id) => !read.has(id)).map((id) => {
    const name = infos.get(id) ?? id;
    return { id, name, dead: (facts.dead ?? []).some((one) => one === id || one === name) };
  }).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function quorumOf(proof: ProofReport, facts: OperatorFacts): PickReport['quorum'] {
  const weakest = proof.weakest;
  if (!weakest) return { voters: facts.voters ?? 0, quorum: facts.voters ? Math.floor(facts.voters / 2) + 1 : 0, surveyed: 0, needed: 0 };
  return { voters: weakest.voters, quorum: weakest.quorum, surveyed: weakest.counted, needed: Math.max(0, weakest.quorum - weakest.counted) };
}

function noLoss(refused: string | null, ranking: Ranking): LossReport {
  const floor = ranking.floor.index;
  return { verdict: 'unknown', proof: 'best-effort', statement: `No source can be named: ${refused ?? 'no disk qualifies'}.`, why: refused ?? '', floor, safeTo: 0, inDoubt: null, missing: null };
}

/** Candidates in their order, then the disqualified, then members of other clusters. */
function rankingOf({ surveys, ranking, refused, pairs, clusters, isMixed }: Omit<PickOutcome, 'report'>): RankedMember[] {
  const kin = ranking.order.map((one) => surveys.find((survey) => survey.member === one.member) as Survey);
  const order = [...kin, ...surveys.filter((one) => !kin.includes(one))];
  return order.map((survey, at) => {
    const { member, evidence } = survey;
    const candidate = ranking.order.find((one) => one.member === member);
    const disqualified = candidate ? candidate.disqualified : member.barred;
    return {
      rank: at + 1,
      label: member.label,
      path: evidence.report.path,
      role: member.role,
      lastEntry: member.last,
      currentTerm: evidence.report.hardState.currentTerm,
      commitFloor: member.floor,
      health: evidence.report.health,
      disqualified,
      reason: disqualified ?? (refused === null ? reasonFor(survey, kin, ranking, pairs) : `a candidate, ${(isMixed ? clusterName(member.label, clusters) : null) ?? 'but no source can be named'}`),
    };
  });
}
