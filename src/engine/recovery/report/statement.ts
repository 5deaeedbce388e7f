import type { CheckLine } from '../../model/check-line.ts';
import { showDuration } from '../../model/measure-words.ts';
import { type RecoveryPlan, shortPlanId } from '../../model/plan.ts';
import type { CaseRecord } from './case-record.ts';
import { isTakenBack, type Moments } from './moments.ts';

/** What broke, what was done, what is proven, what is not, and what remains: one sentence each, from the case alone. */
export function statementOf(record: CaseRecord, moments: Moments, undo: string): string[] {
  return [broke(record.plan), done(record, moments), proven(record, moments), notProven(record, moments), remains(record, moments, undo)];
}

function broke({ cluster, dead, source }: RecoveryPlan): string {
  const voters = cluster.members.filter((one) => one.role === 'voter').length;
  if (voters === 0) return `The cluster had lost its majority; ${source} was the disk to go on with.`;
  if (dead.length === 0) return `The ${voters === 1 ? 'only voter' : `cluster of ${voters} voters`} could not go on by itself; ${source} was the disk to go on with.`;
  return `Of ${voters} voters ${listed(dead)} ${dead.length === 1 ? 'was' : 'were'} given up, so no majority was left; ${source} was the disk to go on with.`;
}

function done(record: CaseRecord, moments: Moments): string {
  const { applyMs, appliedMs } = moments;
  const { plan } = record;
  const short = shortPlanId(plan);
  if (applyMs === null) return `Plan ${short} was made and not applied: no data was changed.`;
  if (isTakenBack(moments)) return `Plan ${short} was applied and taken back: the original files are in place again.`;
  if (appliedMs === null) return `Plan ${short} was begun and is not finished: it is resumed with recover apply --execute, or taken back with recover undo.`;
  const id = plan.newClusterId === null ? 'the cluster id stays the same' : `the new cluster id is ${plan.newClusterId}`;
  return `${plan.source} was made a cluster of one by plan ${short} in ${showDuration(appliedMs - applyMs)}, after a verified backup; ${id}.`;
}

function proven({ plan, verification, rehearsal }: CaseRecord, moments: Moments): string {
  const rehearsed = rehearsal === null ? '' : ` The plan was rehearsed on a copy: ${rehearsal.verdict}.`;
  if (isTakenBack(moments)) return `The original files were compared with the backup by their digests when they came back.${rehearsed}`;
  const loss = `Loss ${plan.why.loss.verdict} (${plan.why.loss.proof.replaceAll('-', ' ')}): ${sentence(plan.why.loss.statement)}`;
  const checked = verification === null ? 'The running result was not verified.' : `The running result ${verification.verdict === 'verified' ? 'passed' : 'did not pass'} its checks, ${passed(verification.checks)}.`;
  return `${loss} ${checked}${rehearsed}`;
}

function notProven({ plan, verification, rehearsal }: CaseRecord, moments: Moments): string {
  if (isTakenBack(moments)) return 'What the recovered server accepted between apply and undo, if it ran, is not in these files: undo says where it keeps what it takes away.';
  const { quorum, loss } = plan.why;
  const parts: string[] = [];
  if (loss.verdict !== 'none') parts.push(loss.missing === null ? sentence(loss.why) : `What the ${quorum.voters - quorum.surveyed} voters that were not read had agreed on alone, from entry ${loss.missing.from} on, is unknown.`);
  if (loss.inDoubt !== null) parts.push(`${loss.inDoubt.entries === 1 ? 'One entry was' : `${loss.inDoubt.entries} entries were`} in doubt (${loss.inDoubt.from === loss.inDoubt.to ? loss.inDoubt.from : `${loss.inDoubt.from} to ${loss.inDoubt.to}`}), and ${plan.inDoubt === 'keep' ? 'kept' : 'dropped'}.`);
  if (rehearsal === null) parts.push('The plan was not rehearsed.');
  const open = (verification?.checks ?? []).filter((one) => one.ok === null).length;
  if (open > 0) parts.push(`${open === 1 ? 'One check' : `${open} checks`} could not be made.`);
  parts.push('What applications make of the data is for their owners to say.');
  return parts.join(' ');
}

function remains(record: CaseRecord, moments: Moments, undo: string): string {
  const { plan, verification } = record;
  if (isTakenBack(moments)) return `The cluster is without a majority, as it was before: start what can run again of ${listed(votersOf(plan))}, or find more disks and plan anew with recover pick and recover plan. There is nothing to verify and nothing to take back.`;
  if (moments.appliedMs === null) return 'The recovery itself.';
  const parts: string[] = [];
  if (verification === null) parts.push('recover verify has to be run before traffic comes back.');
  else if (verification.failuresTolerated === 0) parts.push(`${verification.voters === 1 ? 'One voter, none may fail' : `${verification.voters ?? '?'} voters, none may fail`}: members are added one at a time, up to ${plan.targetMembers}.`);
  if (plan.fences.length > 0) parts.push(`${listed(plan.fences.map((one) => one.member))} ${plan.fences.length === 1 ? 'has' : 'have'} to stay away with ${plan.fences.length === 1 ? 'its' : 'their'} old data.`);
  parts.push(`The way back: ${undo}, until ${plan.rollback.until}.`);
  return parts.join(' ');
}

function votersOf({ cluster, source }: RecoveryPlan): string[] {
  const voters = cluster.members.filter((one) => one.role === 'voter').map((one) => one.name ?? one.id).sort();
  return voters.length === 0 ? [source] : voters;
}

/** `8 of 8`, `7 of 8, 1 not made`. */
export function passed(checks: readonly CheckLine[]): string {
  const open = checks.filter((one) => one.ok === null).length;
  return `${checks.filter((one) => one.ok === true).length} of ${checks.length}${open === 0 ? '' : `, ${open} not made`}`;
}

export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
