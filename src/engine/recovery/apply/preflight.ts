import path from 'node:path';
import { byPrecedence, DriftError, InspectorError, RefusedError, UsageError } from '../../errors.ts';
import { differences, fingerprintTree, listTree, type TreeFile, type TreeName } from '../../files/tree.ts';
import type { ApplyRefusal } from '../../model/apply-report.ts';
import type { CheckLine } from '../../model/check-line.ts';
import { type RecoveryPlan, shortPlanId } from '../../model/plan.ts';
import { lintPlan } from '../plan/lint.ts';
import { ownerOf } from './backup.ts';
import type { DirectoryUse } from './directory-use.ts';
import { Journal } from './journal.ts';
import type { ApplyOptions } from './options.ts';
import { lastRehearsal } from './rehearsed.ts';
import { systemFailure } from './run-steps.ts';
import { enoughSpace, type Room, roomsFor } from './space.ts';
import { otherPlan, standingOf } from './standing.ts';
import { pickWords } from './words.ts';
import { backupPlace, isArchive, refuseInside, type Workplace } from './workplace.ts';
import type { ApplyWorld } from './world.ts';

/** The names of the checks, as they stand in reports. */
export type CheckName = 'in use' | 'files' | 'member' | 'space' | 'rehearsed' | 'plan' | 'source' | 'loss' | 'other plans' | 'place' | 'result';

/** Everything that was looked at before anything is done. */
export interface Preflight {
  readonly checks: readonly (CheckLine & { name: CheckName })[];
  /** What stands in the way, strongest first. */
  readonly errors: readonly InspectorError[];
  readonly neededBytes: number;
  readonly freeBytes: number | null;
}

type Finding = { ok: boolean | null; detail: string };

/** Looks at all of it, whatever it finds; nothing is created. */
export async function preflight(plan: RecoveryPlan, at: Workplace, options: ApplyOptions, world: ApplyWorld): Promise<Preflight> {
  const checks: (CheckLine & { name: CheckName })[] = [];
  const errors: InspectorError[] = [];
  const look = async (name: CheckName, what: () => Finding | Promise<Finding>): Promise<void> => {
    try {
      checks.push({ name, ...(await what()) });
    } catch (thrown) {
      const error = systemFailure(thrown, 'before');
      if (!(error instanceof InspectorError)) throw error;
      errors.push(error);
      checks.push({ name, ok: false, detail: error.message });
    }
  };
  const lifted = new Set([...options.overrides, ...plan.overrides.map((one) => one.rule)]);
  let found: TreeFile[] | null = null;
  await look('in use', () => notInUse(at.dataDir, world));
  await look('place', () => rightPlace(plan, at, options, world));
  await look('files', async () => {
    if (world.ops.facts(at.dataDir)?.kind !== 'directory') throw new DriftError('drift', `${at.dataDir} is no directory`, 'Say where the data of this member lies: --data <directory>', [at.dataDir]);
    found = await fingerprintTree(at.dataDir, { ops: world.ops, progress: options.progress });
    return filesAsPlanned(plan, at, found);
  });
  await look('member', async () => memberAsPlanned(plan, at, found !== null && differences(plan.files, found).length === 0, world));
  let room: Omit<Room, 'directory'> = { neededBytes: 0, freeBytes: null };
  await look('space', () => {
    const rooms = roomsFor(plan, at, options, world.ops);
    [room] = rooms;
    return enoughSpace(rooms);
  });
  await look('rehearsed', () => lastRehearsal(plan, options.caseDir));
  await look('plan', () => soundPlan(plan, world));
  await look('source', () => verifiedSource(plan, at));
  await look('loss', () => acceptedLoss(plan, lifted));
  if (options.into === undefined) await look('other plans', () => noOtherPlan(plan, at, lifted, world));
  errors.sort((a, b) => byPrecedence(a.exitCode, b.exitCode));
  return { checks, errors, neededBytes: room.neededBytes, freeBytes: room.freeBytes };
}

/** An error as a report holds it. */
export function refusalOf(error: InspectorError): ApplyRefusal {
  const rule = error instanceof RefusedError || error instanceof DriftError ? error.rule : error.code.toLowerCase().replaceAll('_', '-');
  return { rule, exit: error.exitCode, message: error.message, hint: error.hint };
}

/** @throws {RefusedError} `process-running`, naming it and how to stop it. */
export function notInUse(dataDir: string, world: Pick<ApplyWorld, 'useOf'>): Finding {
  const use = world.useOf(dataDir);
  const refusal = inUse(use);
  if (refusal !== null) throw refusal;
  const unseen = use.hidden === 0 ? '' : ` (${use.hidden} processes of other users could not be looked into; no lock is held)`;
  return { ok: true, detail: `nobody has the directory open${unseen}` };
}

function inUse({ users }: DirectoryUse): RefusedError | null {
  const [user] = users;
  if (user === undefined) return null;
  const who = user.pid === null ? 'a process' : `${user.command ?? 'a process'} (pid ${user.pid})`;
  const more = users.length > 1 ? `, and ${users.length - 1} more` : '';
  return new RefusedError('process-running', `${who} has ${user.file} open${more}. Nothing changed.`, user.stop.length > 0 ? user.stop.join('\n') : 'Stop the server that works on this directory, and whatever would start it again');
}

function rightPlace(plan: RecoveryPlan, at: Workplace, options: ApplyOptions, { ops, user }: ApplyWorld): Finding {
  const facts = ops.facts(at.dataDir);
  if (facts?.kind === 'link') throw new RefusedError('symlink', `${at.dataDir} is a symbolic link`, 'Name the directory that it leads to with --data');
  if (options.into !== undefined) {
    refuseInside(path.resolve(options.into), at, { what: 'the place of the result', flag: '--into' });
    return freePlace(plan, path.resolve(options.into), ops);
  }
  const begun = standingOf(Journal.read(at.journal, ops), plan.planId);
  const place = begun.state === 'applying' && begun.backup !== null && (options.backupDir === undefined || begun.done.includes('backup')) ? begun.backup.path : backupPlace(plan, at, options.backupDir);
  const owner = ownerOf(place, ops);
  if (owner !== null && owner !== at.dataDir) throw new RefusedError('backup-taken', `${place} holds the backup of ${owner}, on which the same plan was applied`, 'Name another directory with --backup-dir: a backup is never written over');
  for (const name of [at.work, place, path.dirname(place)]) {
    if (ops.facts(name)?.kind === 'link') throw new RefusedError('symlink', `${name} is a symbolic link`, 'A backup has to lie where its name says: replace it with a directory, or name another one with --backup-dir');
  }
  const parent = ops.facts(path.dirname(at.dataDir));
  const mounted = facts === null ? [] : [{ path: '', facts }, ...(facts.kind === 'directory' ? listTree(at.dataDir, ops) : [])].filter((one) => parent !== null && one.facts.device !== parent.device);
  if (mounted[0] !== undefined) {
    throw new RefusedError('other-filesystem', `${path.join(at.dataDir, mounted[0].path)} is a mount point: what is built beside it lies on another filesystem, and could not be exchanged by a rename`, `Build the result elsewhere with --into <new directory>, then move it in while the server is stopped`);
  }
  if (facts?.kind === 'directory') refuseOwners([{ path: '', facts }, ...listTree(at.dataDir, ops)], at, user);
  return { ok: true, detail: `the backup goes to ${place}` };
}

/** A server that cannot read what was made anew does not start. */
function refuseOwners(names: readonly TreeName[], at: Workplace, user: ApplyWorld['user']): void {
  if (user === null || user === undefined) return;
  const other = names.find(({ facts }) => facts.uid !== user.uid || !user.groups.includes(facts.gid));
  if (other === undefined) return;
  const { uid, gid } = other.facts;
  throw new RefusedError('not-possible', `${path.join(at.dataDir, other.path)} belongs to user ${uid}, group ${gid}: what is made anew would belong to user ${user.uid}, since only root can give files away; nothing was changed`, 'Run it as root, or as that user');
}

/** What is there may be this very result, made before: only the run itself, which builds it once more, can tell. */
function freePlace(plan: RecoveryPlan, target: string, ops: ApplyWorld['ops']): Finding {
  const facts = ops.facts(target);
  if (facts === null) return { ok: true, detail: `the result goes to ${target}` };
  const tops = new Set([...plan.files, ...plan.changes.filter((one) => one.kind !== 'remove')].map((one) => one.path.split('/')[0] ?? ''));
  const names = facts.kind === 'directory' && !isArchive(target) ? ops.list(target) : [];
  if (names.length > 0 && names.every((one) => tops.has(one))) return { ok: null, detail: `${target} exists already: it has to be this very result` };
  throw new UsageError(`${target} exists already`, 'Name a new place with --into: nothing is ever overwritten');
}

function filesAsPlanned(plan: RecoveryPlan, at: Workplace, found: readonly TreeFile[]): Finding {
  const rows = differences(plan.files, found);
  const same = plan.files.length - rows.filter((one) => one.what !== 'is new').length;
  if (rows.length === 0) return { ok: true, detail: `${same} of ${plan.files.length} files as in the evidence` };
  const named = rows.slice(0, 4).map((one) => `${one.path} ${one.what}`);
  throw new DriftError('drift', `${at.dataDir} is not what plan ${shortPlanId(plan)} was made for: ${named.join('; ')}${rows.length > 4 ? `; and ${rows.length - 4} more` : ''}`, `A server ran on it, or it is another copy. Pick and plan again from what is there now: ${pickWords(plan, at)}`, rows.map((one) => one.path));
}

/** Equal files are the same member; only when they differ is it worth reading who it is. */
async function memberAsPlanned(plan: RecoveryPlan, at: Workplace, isEqual: boolean, world: ApplyWorld): Promise<Finding> {
  const name = `member ${plan.source}${plan.cluster.clusterId === null ? '' : ` of ${plan.cluster.clusterId}`}`;
  if (isEqual) return { ok: true, detail: name };
  const identity = await world.identify(at.dataDir);
  if (identity === null) return { ok: null, detail: `${name}: what lies there cannot be read` };
  const { clusterId, memberId } = identity;
  if (plan.cluster.clusterId !== null && clusterId !== null && clusterId !== plan.cluster.clusterId) {
    throw new RefusedError('other-cluster', `${at.dataDir} belongs to cluster ${clusterId}; the plan is for ${plan.cluster.clusterId}`, 'Name the directory that the plan was made from with --data');
  }
  const planned = plan.cluster.members.find((one) => one.name === plan.source || one.id === plan.source)?.id;
  if (planned !== undefined && memberId !== null && memberId !== planned) throw new RefusedError('other-member', `${at.dataDir} belongs to member ${memberId}; the plan is for ${planned}`, 'Name the directory that the plan was made from with --data');
  return { ok: true, detail: name };
}

function soundPlan(plan: RecoveryPlan, world: ApplyWorld): Finding {
  // A certain loss has a check of its own, which can be lifted here as well.
  const wrong = lintPlan(plan, world.now()).filter((one) => one.severity === 'error' && one.rule !== 'certain-loss');
  if (wrong[0] === undefined) return { ok: true, detail: `plan ${shortPlanId(plan)} is whole` };
  throw new RefusedError('plan-lint', `${wrong[0].message}${wrong.length > 1 ? `; and ${wrong.length - 1} more` : ''}`, 'See all of it: raft-inspector recover lint. Then make the plan again');
}

function verifiedSource(plan: RecoveryPlan, at: Workplace): Finding {
  const { why, source } = plan;
  const ranked = why.ranking.find((one) => one.label === source);
  if (ranked !== undefined && ranked.disqualified === null && ranked.health !== 'unreadable' && ranked.health !== 'encrypted') return { ok: true, detail: `source ${source}: ${ranked.health}` };
  throw new RefusedError('unverified-source', `the source ${source} ${ranked === undefined ? 'was not examined' : (ranked.disqualified ?? `is ${ranked.health}`)}`, `Pick and plan again: ${pickWords(plan, at)}`);
}

function acceptedLoss({ why }: RecoveryPlan, lifted: ReadonlySet<string>): Finding {
  if (why.loss.verdict === 'certain' && !lifted.has('certain-loss')) {
    throw new RefusedError('certain-loss', `this plan certainly loses acknowledged writes: ${why.loss.statement}`, 'Look for one more disk first. If this is the best there is: --override certain-loss, which is recorded');
  }
  return { ok: true, detail: `loss ${why.loss.verdict}` };
}

function noOtherPlan(plan: RecoveryPlan, at: Workplace, lifted: ReadonlySet<string>, { ops }: ApplyWorld): Finding {
  const other = otherPlan(Journal.read(at.journal, ops), plan.planId);
  if (other === null) return { ok: true, detail: 'no other plan is at work here' };
  const name = shortPlanId(other);
  if (other.state !== 'applied') throw new RefusedError('other-plan', `plan ${name} was begun on this directory and is not finished (${other.state})`, `Finish it or take it back first: raft-inspector recover undo ${name} --execute. This cannot be overridden`);
  if (lifted.has('other-plan')) return { ok: true, detail: `after plan ${name}, as --override other-plan says` };
  throw new RefusedError('other-plan', `plan ${name} was applied to this directory`, `Take it back first: raft-inspector recover undo ${name}; or, for a second recovery of what has grown since, --override other-plan`);
}
