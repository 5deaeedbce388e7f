import crypto from 'node:crypto';
import path from 'node:path';
import { CorruptDataError, PartialError } from '../../errors.ts';
import { copyFile } from '../../files/copy.ts';
import { makeDirectories, readSmallFile, removeTree, replaceDurably, syncPath } from '../../files/durable.ts';
import type { FileOps } from '../../files/file-ops.ts';
import { hashFile, listTree, type TreeFile } from '../../files/tree.ts';
import type { RecoveryPlan } from '../../model/plan.ts';

const FORMAT = 'raft-inspector/backup';
const MANIFEST = 'manifest.json';
const MAX_MANIFEST_BYTES = 64 * 1024 ** 2;

/** A file or directory as it was; the root is the entry with an empty path. */
export interface BackupEntry {
  readonly path: string;
  readonly kind: 'file' | 'directory';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970, as digits: they do not fit a JSON number. */
  readonly mtimeNs: string;
  readonly bytes: number | null;
  readonly sha256: string | null;
}

export interface BackupManifest {
  readonly format: typeof FORMAT;
  readonly version: 1;
  readonly planId: string;
  readonly dataDir: string;
  readonly entries: readonly BackupEntry[];
}

/** A whole, verified backup. */
export interface Backup {
  readonly path: string;
  readonly manifest: BackupManifest;
  /** Of the manifest, which names the digest of every file. */
  readonly sha256: string;
}

/**
 * Whether the backup may hold a second name of a file instead of a copy of it: only where no server can ever write to it again once
 * the plan has begun to exchange. With one file to exchange, or one directory, it is out of reach in the very step that counts. With
 * several files a run that is cut off leaves some of the old ones in use, and a server that is started then would write into the backup.
 */
export function mayLink(plan: Pick<RecoveryPlan, 'changes' | 'swap'>, file: string): boolean {
  return (plan.swap.kind === 'directory' || plan.changes.length === 1) && plan.changes.some((one) => one.path === file && one.kind !== 'create');
}

/**
 * Copies the data directory into `place`: files named by their digest, verified after they were written, then the manifest. What is
 * there already and whole is kept, so a run that was cut off goes on; nothing of it is ever removed.
 * @throws {PartialError} When a copy is not what was read: the source changed meanwhile, or the disk lies.
 */
export async function makeBackup(request: { plan: RecoveryPlan; dataDir: string; place: string; ops: FileOps; onBytes?: (bytes: number) => void }): Promise<Backup> {
  const { plan, dataDir, place, ops } = request;
  makeDirectories(ops, place, 0o700);
  for (const name of ops.list(place)) if (name.endsWith('.part')) removeTree(ops, path.join(place, name));
  const digests = new Map(plan.files.map((one) => [one.path, one]));
  const entries: BackupEntry[] = [entryOf('', dataDir, ops)];
  for (const { path: below, facts } of listTree(dataDir, ops)) {
    if (facts.kind === 'directory') {
      entries.push(entryOf(below, dataDir, ops));
      continue;
    }
    const wanted = digests.get(below);
    if (wanted === undefined) throw new PartialError(`${path.join(dataDir, below)} appeared while the backup was made`, 'Somebody writes to the directory: stop that, and make a new plan');
    await keepFile(path.join(dataDir, below), wanted, mayLink(plan, below) ? 'link' : 'copy', place, ops);
    request.onBytes?.(wanted.bytes);
    entries.push({ ...entryOf(below, dataDir, ops), bytes: wanted.bytes, sha256: wanted.sha256 });
  }
  syncPath(ops, place);
  const manifest: BackupManifest = { format: FORMAT, version: 1, planId: plan.planId, dataDir, entries };
  const text = `${JSON.stringify(manifest, null, 1)}\n`;
  // Whoever has only the backup can undo with it: the plan lies in it.
  replaceDurably(ops, path.join(place, 'plan.json'), `${JSON.stringify(plan, null, 2)}\n`, 0o600);
  replaceDurably(ops, path.join(place, MANIFEST), text, 0o600);
  return { path: place, manifest, sha256: sha256Of(text) };
}

/** Reads a backup and every file in it. @throws {CorruptDataError} When one is not what the manifest says. */
export async function verifyBackup(place: string, expected: { planId: string; sha256: string | null }, ops: FileOps): Promise<Backup> {
  const file = path.join(place, MANIFEST);
  const broken = (problem: string): CorruptDataError => new CorruptDataError(file, 0, problem, 'Nothing was changed. If the backup was moved, bring it back to this place; a copy elsewhere restores as well');
  const bytes = readSmallFile(ops, file, MAX_MANIFEST_BYTES);
  if (bytes === null) throw broken('the backup has no manifest');
  const sha256 = sha256Of(bytes);
  if (expected.sha256 !== null && sha256 !== expected.sha256) throw broken('the manifest of the backup is not the one that the journal names');
  const manifest = parseManifest(bytes);
  if (manifest === null || manifest.planId !== expected.planId) throw broken('this is not the manifest of that backup');
  for (const sum of new Set(manifest.entries.flatMap((one) => (one.sha256 === null ? [] : [one.sha256])))) {
    const kept = path.join(place, sum);
    if (ops.facts(kept)?.kind !== 'file') throw broken(`file ${sum} is missing in the backup`);
    if ((await hashFile(kept, ops)).sha256 !== sum) throw new CorruptDataError(kept, 0, 'this file of the backup has other content than its name says', 'Was a server started on the old files? Nothing was changed now');
  }
  return { path: place, manifest, sha256 };
}

/** Of which directory the backup is that lies there; null when there is none that is whole. */
export function ownerOf(place: string, ops: FileOps): string | null {
  const bytes = ops.facts(path.join(place, MANIFEST))?.kind === 'file' ? readSmallFile(ops, path.join(place, MANIFEST), MAX_MANIFEST_BYTES) : null;
  return bytes === null ? null : (parseManifest(bytes)?.dataDir ?? null);
}

async function keepFile(file: string, wanted: TreeFile, how: 'copy' | 'link', place: string, ops: FileOps): Promise<void> {
  const kept = path.join(place, wanted.sha256);
  const isKept = ops.facts(kept)?.kind === 'file';
  // Equal content under two names: when one of them stays in use, the copy serves both.
  const isShared = isKept && ops.facts(kept)?.inode === ops.facts(file)?.inode;
  if (isKept && !(isShared && how === 'copy') && (await hashFile(kept, ops)).sha256 === wanted.sha256) return;
  const aside = `${kept}.part`;
  removeTree(ops, aside);
  if (how === 'copy' || !linked(file, aside, ops)) await copyFile(file, aside, ops);
  const found = await hashFile(aside, ops);
  if (found.sha256 !== wanted.sha256) throw new PartialError(`${file} has other content than a moment ago`, 'Somebody writes to it: stop that, and make a new plan. The backup so far is kept');
  ops.rename(aside, kept);
}

/** False where the backup lies on another filesystem, or this user may not link the file. */
function linked(file: string, to: string, ops: FileOps): boolean {
  try {
    ops.link(file, to);
    return true;
  } catch (error) {
    if (['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

function entryOf(below: string, root: string, ops: FileOps): BackupEntry {
  const facts = ops.facts(path.join(root, below));
  if (facts === null) throw new PartialError(`${path.join(root, below)} went away while the backup was made`, 'Somebody writes to the directory: stop that, and make a new plan');
  const { mode, uid, gid, mtimeNs } = facts;
  return { path: below, kind: facts.kind === 'directory' ? 'directory' : 'file', mode, uid, gid, mtimeNs: String(mtimeNs), bytes: null, sha256: null };
}

function parseManifest(bytes: Buffer): BackupManifest | null {
  try {
    const value = JSON.parse(bytes.toString('utf8')) as BackupManifest | null;
    return value?.format === FORMAT && value.version === 1 && Array.isArray(value.entries) && value.entries.every(isSafe) ? value : null;
  } catch {
    return null;
  }
}

/** Paths in it are joined to a directory and written to: none may lead out of it. */
function isSafe(entry: BackupEntry): boolean {
  const parts = entry.path.split('/');
  const isBelow = entry.path === '' || parts.every((part) => part !== '' && part !== '.' && part !== '..');
  return isBelow && (entry.kind === 'directory' || (typeof entry.sha256 === 'string' && /^[0-9a-f]{64}$/.test(entry.sha256))) && /^-?\d+$/.test(entry.mtimeNs);
}

function sha256Of(content: string | Buffer): string {
  return crypto.createHash('sha256').update(content).digest('hex');
}
