import path from 'node:path';
import { type Finding, finding } from '../../model/finding.ts';
import type { FileChange, RecoveryPlan, TargetKind } from '../../model/plan.ts';
import type { StoreName } from '../../model/member-report.ts';
import { PLAN_OVERRIDES } from './refusals.ts';

/** Stores that each kind of target writes. */
const STORES: Readonly<Record<TargetKind, readonly StoreName[]>> = {
  native: ['native'],
  'etcd-append': ['etcd'],
  'etcd-rebuild': ['etcd'],
  'peers-json': ['raft-boltdb', 'raft-wal'],
  'raft-append': ['raft-boltdb', 'raft-wal'],
  'raft-snapshot': ['raft-boltdb', 'raft-wal'],
};

/** Clocks of the machine that plans and the one that applies may differ by so much. */
const CLOCK_SKEW_MS = 5 * 60_000;
/** After this long the world has probably moved on; apply looks for itself. */
const OLD_MS = 24 * 3_600_000;

/**
 * What is wrong with a plan taken for itself: a sealed plan can still be nonsense, when a program made it. Nothing on a disk is looked at;
 * whether the data is still as planned is for apply.
 */
export function lintPlan(plan: RecoveryPlan, now = new Date()): Finding[] {
  const found: Finding[] = [];
  const bad = (rule: string, message: string, file: string | null = null): void => {
    found.push(finding(rule, 'error', message, { member: plan.source, file, fix: 'Make the plan again: raft-inspector recover plan' }));
  };
  checkRange(plan, bad);
  checkMembers(plan, bad);
  checkFiles(plan, bad);
  checkChanges(plan, bad);
  checkDecisions(plan, bad);
  const age = now.getTime() - Date.parse(plan.createdAt);
  if (age < -CLOCK_SKEW_MS) bad('made-in-future', `made at ${plan.createdAt}, which is ahead of this machine's clock (${now.toISOString()})`);
  else if (age > OLD_MS) found.push(finding('plan-old', 'info', `made ${Math.floor(age / 3_600_000)} hours ago: apply compares every file with it first`, { member: plan.source }));
  return found;
}

type Bad = (rule: string, message: string, file?: string | null) => void;

function checkRange({ keepTo, why, source, outcome, target }: RecoveryPlan, bad: Bad): void {
  const ranked = why.ranking.find((one) => one.label === source);
  if (ranked === undefined) {
    bad('source-unranked', `the ranking does not name the source ${source}`);
    return;
  }
  if (ranked.disqualified !== null) bad('source-disqualified', `the source ${source} ${ranked.disqualified}`);
  // A state machine that is durable on its own may be ahead of its log; a log made anew around it begins there.
  const last = target === 'etcd-rebuild' ? Math.max(ranked.lastEntry.index, why.loss.safeTo) : ranked.lastEntry.index;
  const floor = Math.min(last, Math.max(why.loss.floor, ranked.commitFloor));
  if (keepTo < floor) bad('below-floor', `keeps entries up to ${keepTo}, and ${floor} is known committed`);
  if (keepTo > last) bad('above-last', `keeps entries up to ${keepTo}, and the log ends at ${last}`);
  // A snapshot in place of a log begins anew where it likes; all others go on from what they keep.
  if (target !== 'raft-snapshot' && outcome.lastEntry.index < keepTo) bad('outcome-behind', `would end at ${outcome.lastEntry.index}, before the ${keepTo} it keeps`);
  if (outcome.commitIndex !== null && outcome.commitIndex > outcome.lastEntry.index) bad('outcome-commit', `would call ${outcome.commitIndex} committed, past its own end ${outcome.lastEntry.index}`);
  if (outcome.lastEntry.term < ranked.lastEntry.term) bad('outcome-term', `would end in term ${outcome.lastEntry.term}, before term ${ranked.lastEntry.term} of the source`);
}

function checkMembers({ source, evidence, dead, fences, joins, outcome, cluster, target, store }: RecoveryPlan, bad: Bad): void {
  const labels = evidence.map((one) => one.label);
  if (!labels.includes(source)) bad('source-unknown', `the source ${source} is not among the evidence (${labels.join(', ')})`);
  const twice = labels.filter((one, at) => labels.indexOf(one) !== at);
  if (twice.length > 0) bad('evidence-twice', `the evidence names ${twice.join(', ')} twice`);
  const own = ownNames({ outcome, cluster, target });
  // The label of a disk is what the operator called it: it means the source only where no other member is called so.
  if (!cluster.members.some((one) => (one.name === source || one.id === source) && !own.has(one.id))) own.add(source);
  for (const one of dead) if (own.has(one)) bad('source-dead', `${one} is the source and called dead`);
  for (const one of fences) if (own.has(one.id ?? one.member)) bad('source-fenced', `the source ${one.member} would be fenced`);
  for (const one of joins) if (own.has(one.member)) bad('source-joins', `the source ${one.member} would join itself`);
  if (outcome.voters.length !== 1) bad('voters', `a recovery ends with one voter, this one with ${outcome.voters.length}`);
  else if (outcome.memberId !== null && outcome.voters[0] !== outcome.memberId) bad('voters', `the voter would be ${outcome.voters[0]}, the member ${outcome.memberId}`);
  if (!STORES[target].includes(store)) bad('wrong-target', `a ${target} plan does not fit a ${store} store`);
}

/** Names and ids that mean the source; a new lineage gives it a new id, made of its old one. */
function ownNames({ outcome, cluster, target }: Pick<RecoveryPlan, 'outcome' | 'cluster' | 'target'>): Set<string> {
  const own = new Set(outcome.voters);
  if (target === 'native') for (const id of outcome.voters) own.add(id.replace(/-g\d+$/, ''));
  for (const one of cluster.members) if (own.has(one.id) && one.name !== null) own.add(one.name);
  return own;
}

function checkFiles({ files, dataDir, dead, cluster, source }: RecoveryPlan, bad: Bad): void {
  if (files.length === 0) bad('no-files', 'it names no file of the source: nothing could be compared before it is applied');
  const seen = new Set<string>();
  for (const one of files) {
    if (!isBelow(one.path)) bad('path', `${one.path} does not lie below the data directory`, one.path);
    if (seen.has(one.path)) bad('file-twice', `${one.path} is named twice`, one.path);
    seen.add(one.path);
  }
  if (dataDir !== null && !path.posix.isAbsolute(dataDir)) bad('data-dir', `the data directory ${dataDir} is no absolute path`);
  if (dataDir !== null && dataDir !== path.posix.normalize(dataDir).replace(/(?<=.)\/$/, '')) bad('data-dir', `the data directory ${dataDir} is not spelled plainly`);
  if (dataDir === '/') bad('data-dir', 'the data directory is the root of the file system');
  const known = new Set([source, ...cluster.members.flatMap((one) => [one.id, one.name ?? one.id])]);
  const strangers = dead.filter((one) => !known.has(one));
  if (strangers.length > 0 && cluster.members.length > 0) bad('dead-unknown', `${strangers.join(', ')} are called dead and are no members`);
}

function checkChanges({ changes, files, swap }: RecoveryPlan, bad: Bad): void {
  if (changes.length === 0) bad('no-changes', 'it changes nothing');
  const names = new Map(files.map((one) => [one.path, one]));
  const seen = new Set<string>();
  for (const one of changes) {
    if (!isBelow(one.path)) bad('path', `${one.path} does not lie below the data directory`, one.path);
    if (seen.has(one.path)) bad('change-twice', `${one.path} is changed twice`, one.path);
    seen.add(one.path);
    checkChange(one, names.get(one.path), bad);
  }
  if (swap.kind === 'directory') {
    if (swap.path !== '' && !isBelow(swap.path)) bad('swap', `the directory to exchange, ${swap.path}, does not lie below the data directory`);
    const outside = swap.path === '' ? [] : changes.filter((one) => !one.path.startsWith(`${swap.path}/`));
    for (const one of outside) bad('swap', `${one.path} is changed and lies outside ${swap.path}, which is what is exchanged`, one.path);
  }
}

function checkChange({ path: file, kind, bytesBefore }: FileChange, known: { bytes: number } | undefined, bad: Bad): void {
  if (kind === 'create' && known !== undefined) bad('change-exists', `${file} would be created, and is there already`, file);
  if (kind !== 'create' && known === undefined) bad('change-unknown', `${file} would be ${kind === 'remove' ? 'removed' : 'replaced'}, and is not among the source's files`, file);
  if (known !== undefined && bytesBefore !== null && bytesBefore !== known.bytes) bad('change-size', `${file} has ${known.bytes} bytes among the files and ${bytesBefore} among the changes`, file);
}

function checkDecisions({ targetMembers, overrides, why, steps, rollback }: RecoveryPlan, bad: Bad): void {
  if (targetMembers < 1 || targetMembers > 9 || targetMembers % 2 === 0) bad('target-members', `a cluster of ${targetMembers} is none to grow to: 3 or 5`);
  for (const { rule } of overrides) if (!PLAN_OVERRIDES.some((one) => one === rule)) bad('override', `${rule} is no rule that a plan can lift`);
  if (why.loss.verdict === 'certain' && !overrides.some((one) => one.rule === 'certain-loss')) bad('certain-loss', 'committed data would be lost for certain, and nobody accepted that');
  const kinds = steps.map((one) => one.kind).join(' ');
  if (kinds !== 'backup build check swap') bad('steps', `its steps are "${kinds}": they have to be backup, build, check, swap`);
  if (!/^raft-inspector recover undo [0-9a-f]{6}$/.test(rollback.command)) bad('rollback', 'its way back is no recover undo');
}

/** A plain path below a directory: relative, no empty parts, no `.` or `..`, nothing that only another system would take apart. */
function isBelow(file: string): boolean {
  return file !== '' && !file.startsWith('/') && !/[\\\0]/.test(file) && file.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}
