import path from 'node:path';
import { PartialError, RefusedError } from '../../errors.ts';
import { copyFile, keepFacts, keepOwner } from '../../files/copy.ts';
import { makeDirectories, removeTree, syncPath } from '../../files/durable.ts';
import type { FileFacts, FileOps } from '../../files/file-ops.ts';
import { differences, fingerprintTree, hashFile, listTree, type TreeFile } from '../../files/tree.ts';
import type { Progress } from '../../model/reading.ts';
import type { RecoveryPlan } from '../../model/plan.ts';
import type { RecoveryTarget } from '../targets/target.ts';
import type { BackupEntry, BackupManifest } from './backup.ts';

interface BuildRequest {
  readonly plan: RecoveryPlan;
  readonly target: RecoveryTarget;
  readonly dataDir: string;
  /** Made anew; what is there is removed. */
  readonly into: string;
  /** `links`: unchanged files get a second name; `copies`: the result shares nothing with the original. */
  readonly unchanged: 'links' | 'copies';
  readonly ops: FileOps;
  readonly progress?: Progress | undefined;
}

/**
 * Builds the result of a plan as a complete directory beside the original, which is only read. New files get the owner and mode of those
 * they replace, or of their neighbours. All of it is durable when this returns.
 * @throws {PartialError} When the target made other files than the plan says, or wrote into one that it must not.
 */
export async function buildResult(request: BuildRequest): Promise<TreeFile[]> {
  const { plan, target, dataDir, into, ops } = request;
  removeTree(ops, into);
  const changed = new Set(plan.changes.map((one) => one.path));
  const names = listTree(dataDir, ops);
  ops.makeDirectory(into, 0o700);
  for (const { path: below } of names.filter((one) => one.facts.kind === 'directory')) ops.makeDirectory(path.join(into, below), 0o700);
  const known = new Map(plan.files.map((one) => [one.path, one]));
  for (const { path: below } of names.filter((one) => one.facts.kind === 'file' && !changed.has(one.path))) {
    if (request.unchanged === 'links') ops.link(path.join(dataDir, below), path.join(into, below));
    else await copyVerified(path.join(dataDir, below), path.join(into, below), known.get(below)?.sha256 ?? null, ops);
  }
  for (const one of plan.changes) if (one.kind === 'create') makeDirectories(ops, path.join(into, path.dirname(one.path)), 0o700);
  await target.build({ dataDir, into, parameters: plan.parameters, ...(request.progress === undefined ? {} : { progress: request.progress }) }).catch((cause: unknown) => {
    // Only a plan that a program made can be sealed with parameters that its target does not take.
    if (cause instanceof Error && cause.name.endsWith('ZodError')) throw new RefusedError('plan-lint', `the parameters of this plan are none of an ${plan.target} plan`, 'Nothing was exchanged. Make the plan again: raft-inspector recover plan', { cause });
    throw cause;
  });
  const result = await finished(request, changed, known);
  dress(into, dataDir, ops);
  syncTree(into, ops);
  return result;
}

/** Every file of the result, checked against what the plan says there should be. */
async function finished(request: BuildRequest, changed: ReadonlySet<string>, known: ReadonlyMap<string, TreeFile>): Promise<TreeFile[]> {
  const { plan, into, ops } = request;
  const result = await fingerprintTree(into, { ops, progress: request.progress });
  const wanted = [...plan.files.filter((one) => !changed.has(one.path)).map((one) => one.path), ...plan.changes.filter((one) => one.kind !== 'remove').map((one) => one.path)].sort();
  const made = result.map((one) => one.path);
  const odd = [...wanted.filter((one) => !made.includes(one)).map((one) => `${one} is missing`), ...made.filter((one) => !wanted.includes(one)).map((one) => `${one} was not planned`)];
  if (odd.length > 0) throw new PartialError(`the build is not what the plan says: ${odd.slice(0, 3).join(', ')}`, 'Nothing was exchanged. This is a defect of the tool: report it with the plan');
  const touched = result.filter((one) => !changed.has(one.path) && known.get(one.path)?.sha256 !== one.sha256);
  if (touched.length > 0) throw new PartialError(`${touched[0]?.path} is not as it was when the plan was made`, 'Somebody writes to the directory: stop that. The backup holds what was there');
  return result;
}

/** Owner and mode: as the original where there is one, else as its neighbours, else as the directory it lies in. */
function dress(into: string, dataDir: string, ops: FileOps): void {
  const root = ops.facts(dataDir);
  if (root === null) return;
  const sample = listTree(dataDir, ops).find((one) => one.facts.kind === 'file')?.facts;
  const factsFor = (below: string, kind: FileFacts['kind']): Pick<FileFacts, 'mode' | 'uid' | 'gid'> => {
    const original = ops.facts(path.join(dataDir, below));
    if (original?.kind === kind) return original;
    const parent = path.dirname(below) === '.' ? '' : path.dirname(below);
    const directory = parent === '' ? root : factsFor(parent, 'directory');
    if (kind === 'directory') return directory;
    const place = path.join(dataDir, parent);
    const neighbour = ops.facts(place) === null ? undefined : ops.list(place).map((name) => ops.facts(path.join(place, name))).find((one) => one?.kind === 'file');
    return { uid: directory.uid, gid: directory.gid, mode: (neighbour ?? sample)?.mode ?? 0o600 };
  };
  for (const { path: below, facts } of listTree(into, ops)) keepOwner(path.join(into, below), factsFor(below, facts.kind), ops);
  keepOwner(into, root, ops);
}

/** Makes every directory below durable, and every file. */
function syncTree(root: string, ops: FileOps): void {
  for (const { path: below } of listTree(root, ops)) syncPath(ops, path.join(root, below));
  syncPath(ops, root);
  syncPath(ops, path.dirname(root));
}

/**
 * Puts files of a backup into `into`, made anew, each verified: all that lie below `part` (empty: the whole tree, with its
 * directories), or the named ones. Owner, mode and time of change are the original ones.
 */
export async function restoreFrom(backup: { path: string; manifest: BackupManifest }, into: string, what: { part: string } | { files: readonly string[] }, ops: FileOps): Promise<void> {
  removeTree(ops, into);
  ops.makeDirectory(into, 0o700);
  const chosen = backup.manifest.entries.filter((one) => one.path !== '' && ('part' in what ? isPart(one.path, what.part) || isPart(what.part, one.path) : one.kind === 'file' && what.files.includes(one.path)));
  const directories = chosen.filter((one) => one.kind === 'directory');
  for (const one of directories) makeDirectories(ops, path.join(into, one.path), 0o700);
  for (const one of chosen) {
    if (one.kind !== 'file' || one.sha256 === null) continue;
    const to = path.join(into, one.path);
    makeDirectories(ops, path.dirname(to), 0o700);
    await copyVerified(path.join(backup.path, one.sha256), to, one.sha256, ops);
    keepFacts(to, factsOf(one), ops);
    syncPath(ops, to);
  }
  if ('part' in what) {
    const root = backup.manifest.entries.find((one) => one.path === '');
    dressTree(into, [...directories, ...(root === undefined ? [] : [root])], ops);
  }
  syncTree(into, ops);
}

/** Gives files and directories their owner, mode and time of change back, the innermost first: what happens in a directory changes its time. */
export function dressTree(root: string, entries: readonly BackupEntry[], ops: FileOps): void {
  for (const one of [...entries].sort((a, b) => b.path.length - a.path.length)) {
    const place = path.join(root, one.path);
    const now = ops.facts(place);
    if (now?.kind !== one.kind) continue;
    const facts = factsOf(one);
    if (now.mode === facts.mode && now.uid === facts.uid && now.gid === facts.gid && now.mtimeNs === facts.mtimeNs) continue;
    keepFacts(place, facts, ops);
    syncPath(ops, place);
  }
}

function factsOf(entry: BackupEntry): Pick<FileFacts, 'mode' | 'uid' | 'gid' | 'mtimeNs'> {
  return { mode: entry.mode, uid: entry.uid, gid: entry.gid, mtimeNs: BigInt(entry.mtimeNs) };
}

function isPart(file: string, directory: string): boolean {
  return directory === '' || file === directory || file.startsWith(`${directory}/`);
}

async function copyVerified(from: string, to: string, sha256: string | null, ops: FileOps): Promise<void> {
  await copyFile(from, to, ops);
  if (sha256 !== null && (await hashFile(to, ops)).sha256 !== sha256) throw new PartialError(`the copy of ${from} has other content than was planned with`, 'Somebody writes to it, or the disk is failing: nothing was exchanged');
}

/** Whether a directory holds exactly these files. */
export async function holds(directory: string, files: readonly TreeFile[], ops: FileOps): Promise<boolean> {
  return ops.facts(directory)?.kind === 'directory' && differences(files, await fingerprintTree(directory, { ops })).length === 0;
}
