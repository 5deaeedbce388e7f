import type { CheckLine } from '../../model/check-line.ts';
import type { DrillStep } from '../../model/drill-record.ts';
import { showDuration } from '../../model/measure-words.ts';
import { type RecoveryPlan, shortPlanId } from '../../model/plan.ts';
import type { ReportPage, ReportTile } from '../../model/report-page.ts';
import type { CaseRecord } from './case-record.ts';
import { isTakenBack, lastRun, type Moments, momentsOf } from './moments.ts';
import { statementOf } from './statement.ts';
import { timelineOf } from './timeline.ts';

const DAY_MS = 86_400_000;

/** The report of a real recovery: everything its case directory tells, and nothing else. `tool` is the version that writes it, `undo` the way back as it is typed. */
export function pageOfRecovery(record: CaseRecord, tool: string, undo = record.plan.rollback.command, now = new Date()): ReportPage {
  const { plan } = record;
  const moments = momentsOf(record);
  const failure = failureOf(record, moments);
  return {
    kind: 'recovery',
    verdict: failure === null ? 'RECOVERED' : 'NOT RECOVERED',
    title: `${plan.source} as a cluster of one`,
    id: shortPlanId(plan),
    date: `${new Date(moments.beganMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    facts: [
      { name: 'store', value: plan.product ?? plan.store },
      { name: 'cluster', value: plan.newClusterId === null ? (plan.cluster.clusterId ?? 'no id in this store') : `${plan.cluster.clusterId ?? 'no id'} → ${plan.newClusterId}` },
      { name: 'target', value: plan.target },
      { name: 'data', value: dataDirectory(record) ?? 'an archive' },
    ],
    failure,
    tiles: tilesOf(record, moments),
    statement: statementOf(record, moments, undo),
    timeline: timelineOf(record, moments),
    objectives: [],
    decision: decisionOf(plan),
    steps: stepsOf(record, moments),
    checks: checksOf(record, moments),
    followUps: isTakenBack(moments) ? [] : followUpsOf(plan, now),
    trend: null,
    provenance: provenanceOf(record, tool),
    artefacts: record.artefacts,
    source: { name: 'Plan', text: record.planText },
    controls: [],
  };
}

function failureOf(record: CaseRecord, moments: Moments): ReportPage['failure'] {
  const { applyMs, appliedMs, verifiedMs } = moments;
  const { verification, transcript } = record;
  const step = transcript.findLastIndex((one) => one.exit !== 0);
  const at = step === -1 ? null : step + 1;
  if (applyMs === null) return { text: 'The plan has not been applied.', step: null };
  if (isTakenBack(moments)) return { text: 'The recovery was undone: the original files are in place again.', step: null };
  if (appliedMs === null) {
    const failed = lastRun(record.events).findLast((one) => one.event === 'failed');
    return { text: `The plan was begun and is not finished${failed === undefined ? '' : `: ${failed.step ?? 'a step'} failed, ${failed.detail}`}.`, step: at };
  }
  if (verification === null) return { text: 'The plan was applied; the running result has not been verified.', step: null };
  if (verification.verdict === 'failed') {
    const failed = verification.checks.find((one) => one.ok === false);
    return { text: `The running result did not pass its checks${failed === undefined ? '' : `: ${failed.name}${failed.detail === '' ? '' : `, ${failed.detail}`}`}.`, step: at };
  }
  return verifiedMs === null ? { text: 'The last good recover verify is older than the last apply: it has to be run again.', step: null } : null;
}

function tilesOf({ plan, verification }: CaseRecord, moments: Moments): ReportTile[] {
  const { beganMs, applyMs, appliedMs, verifiedMs } = moments;
  const { loss } = plan.why;
  const isBack = isTakenBack(moments);
  const tile = (name: string, measured: string, ok: boolean | null): ReportTile => ({ name, measured, limit: null, ratio: null, ok, change: null });
  const mayFail = isBack ? null : (verification?.failuresTolerated ?? null);
  return [
    tile('Recovered in', verifiedMs === null ? '–' : showDuration(verifiedMs - beganMs), null),
    tile('Data changed in', applyMs === null || appliedMs === null ? '–' : showDuration(appliedMs - applyMs), null),
    isBack ? tile('Loss', '–', null) : tile('Loss', loss.verdict, loss.verdict === 'none' ? true : loss.verdict === 'certain' ? false : null),
    tile('May fail now', mayFail === null ? '–' : mayFail === 0 ? 'none' : String(mayFail), mayFail === null ? null : mayFail > 0 ? true : null),
  ];
}

function decisionOf(plan: RecoveryPlan): string[] {
  const { loss, ranking, quorum } = plan.why;
  const width = Math.max(6, ...ranking.map((one) => one.label.length));
  const doubt = loss.inDoubt;
  const rows = ranking.map((one) => {
    const last = one.lastEntry.index > 0 ? `${one.lastEntry.term}/${one.lastEntry.index}` : '-';
    return `  ${one.label === plan.source ? '*' : one.disqualified === null ? String(one.rank) : '-'}  ${one.label.padEnd(width)}  ${last.padStart(14)}  ${one.health.padEnd(10)}  ${one.disqualified ?? one.reason}`;
  });
  return [
    `SOURCE ${plan.source}  LOSS ${loss.verdict.toUpperCase()} (${loss.proof.replaceAll('-', ' ')})  ${quorum.voters} voters, quorum ${quorum.quorum}, ${quorum.surveyed} read${quorum.needed > 0 ? `, ${quorum.needed} more would prove it` : ''}`,
    ...rows,
    `  Means     ${loss.statement}`,
    `  Why       ${loss.why}`,
    `  Kept to   ${plan.keepTo}${doubt === null ? ', nothing in doubt' : `; in doubt ${doubt.from === doubt.to ? doubt.from : `${doubt.from}-${doubt.to}`}, ${plan.keepTo >= doubt.to ? 'kept' : plan.inDoubt === 'drop' ? 'dropped' : `kept up to ${plan.keepTo}`}`}`,
    `  Said      ${plan.facts.length === 0 ? 'nothing: the disks alone decided' : plan.facts.join(' ')}`,
    `  Lifted    ${plan.overrides.length === 0 ? 'no rule' : plan.overrides.map((one) => `${one.rule} by ${one.by} at ${one.at}`).join('; ')}`,
    ...(plan.madeBy === undefined ? [] : [`  Made by   ${plan.madeBy} at ${plan.createdAt}`]),
    ...plan.notes.map((one, at) => `  ${at === 0 ? 'Notes   ' : '        '}  ${one}`),
  ];
}

function stepsOf({ transcript }: CaseRecord, { beganMs }: Moments): DrillStep[] {
  return transcript.map((one, at) => ({ n: at + 1, command: one.command, atMs: Date.parse(one.at) - beganMs, durationMs: one.durationMs, exit: one.exit, by: 'hand', ok: one.exit === 0 }));
}

function checksOf({ rehearsal, verification, events }: CaseRecord, moments: Moments): CheckLine[] {
  const prefixed = (prefix: string, checks: readonly CheckLine[]): CheckLine[] => checks.map((one) => ({ ...one, name: `${prefix}: ${one.name}` }));
  const steps = lastRun(events).filter((one) => one.event === 'done' || one.event === 'undo-done').map((one): CheckLine => ({ name: `${one.event === 'done' ? 'apply' : 'undo'}: ${one.step ?? ''}`, ok: true, detail: one.detail }));
  const rehearsed: CheckLine[] = rehearsal === null ? [{ name: 'rehearsal', ok: null, detail: 'the plan was not rehearsed' }] : [{ name: 'rehearsal', ok: rehearsal.verdict === 'unverifiable' ? null : rehearsal.verdict === 'pass', detail: [rehearsal.server, rehearsal.detail, showDuration(rehearsal.durationMs)].filter((one) => one !== null && one !== '').join(', ') }, ...prefixed('rehearsal', rehearsal.checks)];
  // What ran before the undo is no longer there: its checks say nothing of what is.
  const verified: CheckLine[] = isTakenBack(moments) ? [] : verification === null ? [{ name: 'verify', ok: null, detail: 'recover verify was not run' }] : prefixed('verify', verification.checks);
  return [...verified, ...steps, ...rehearsed];
}

/** What is left to people: nobody can see from a case that it was done. */
function followUpsOf(plan: RecoveryPlan, now: Date): ReportPage['followUps'] {
  const openedAt = plan.createdAt.slice(0, 10);
  const ageDays = Math.max(0, Math.floor((now.getTime() - Date.parse(plan.createdAt)) / DAY_MS));
  const row = (id: string, text: string): ReportPage['followUps'][number] => ({ id, text, owner: null, openedAt, due: null, state: 'open', ageDays, fate: 'to be confirmed by a person' });
  return [...plan.fences.map((one, at) => row(`fence-${at + 1}`, `${one.member}: ${one.action}`)), ...plan.joins.map((one, at) => row(`join-${at + 1}`, `${one.member} joins, empty, one at a time`))];
}

function provenanceOf(record: CaseRecord, tool: string): ReportPage['provenance'] {
  const { plan, verification, events, problems } = record;
  const run = lastRun(events);
  const backup = run.find((one) => one.event === 'begin')?.backup ?? null;
  const by = [...new Set(record.transcript.map((one) => one.by).filter((one) => one !== ''))];
  return [
    { name: 'report by', value: `raft-inspector ${tool}` },
    { name: 'plan by', value: `raft-inspector ${plan.tool}` },
    { name: 'plan id', value: plan.planId },
    { name: 'plan digest', value: plan.digest },
    ...(by.length === 0 ? [] : [{ name: 'initiator', value: by.join(', ') }]),
    ...(backup === null ? [] : [{ name: 'backup', value: backup }]),
    ...(verification === null ? [] : [{ name: 'verified at', value: verification.endpoints.join(', ') }]),
    ...plan.evidence.map((one) => ({ name: `evidence ${one.label}`, value: one.digest })),
    { name: 'clock', value: "times are this host's own, UTC" },
    { name: 'growing files', value: 'a digest over the first bytes: head -c <bytes> <file> | sha256sum' },
    ...problems.map((one) => ({ name: 'left out', value: one })),
  ];
}

function dataDirectory({ plan, events }: CaseRecord): string | null {
  return events.findLast((one) => one.dataDir !== null)?.dataDir ?? plan.dataDir;
}
