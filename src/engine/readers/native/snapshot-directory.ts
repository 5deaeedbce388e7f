import path from 'node:path';
import { learnersOf, votersOf } from '../../core/configuration.ts';
import { InspectorError, UnreadableError } from '../../errors.ts';
import type { LogPosition } from '../../core/types.ts';
import { finding } from '../../model/finding.ts';
import type { Finding } from '../../model/finding.ts';
import type { SnapshotReport } from '../../model/member-report.ts';
import type { Progress } from '../../model/reading.ts';
import { SNAPSHOT_DIRECTORY } from '../../native/layout.ts';
import { PART_SUFFIX, SNAPSHOT_SUFFIX } from '../../native/snapshot-layout.ts';
import type { SnapshotManifest } from '../../ports/snapshot-files.ts';
import type { NamedSnapshot } from '../../ports/storage.ts';
import { FileSource, listDirectory } from '../file-source.ts';
import { checkSnapshotFile } from './snapshot-check.ts';
import type { NativeDir } from './data-dir.ts';

/** A snapshot file, or one that is named and gone. */
export interface MemberSnapshot {
  readonly file: string;
  readonly id: string;
  readonly position: LogPosition;
  readonly bytes: number;
  readonly mtimeMs: number;
  readonly manifest: SnapshotManifest | null;
  readonly named: NamedSnapshot | null;
  readonly problem: { readonly byteOffset: number; readonly problem: string } | null;
}

const MAX_FILES = 1000;
/** End of the year 9999: the last that RFC 3339 can write. */
const MAX_DATE_MS = 253_402_300_799_999;
const NAME = /^(\d{1,16})-(\d{1,16})-[0-9a-f]{16}$/;

/** Sound, and named by the log's environment: what a start would build on. Where the names are lost, every sound file counts. */
export function isUsable(snapshot: MemberSnapshot, areNamesKnown: boolean): boolean {
  return snapshot.problem === null && snapshot.manifest !== null && (snapshot.named !== null || !areNamesKnown);
}

/** All snapshot files, newest first, each verified to its last byte. */
export function readSnapshots(directory: NativeDir, names: readonly NamedSnapshot[], progress?: Progress): MemberSnapshot[] {
  if (directory.snapshots === null) return names.map((named) => elsewhere(named));
  const folder = path.join(directory.root, directory.snapshots);
  const ids = listDirectory(folder)
    .filter((name) => name.endsWith(SNAPSHOT_SUFFIX))
    .slice(0, MAX_FILES)
    .map((name) => name.slice(0, -SNAPSHOT_SUFFIX.length));
  const all = [...ids, ...names.map(({ id }) => id).filter((id) => !ids.includes(id))];
  const read = all.map((id) => readOne(directory, id, names.find((one) => one.id === id) ?? null, progress));
  return read.sort((a, b) => b.position.index - a.position.index || b.position.term - a.position.term);
}

/** Only the Raft directory is at hand: what it names may well be sound. */
function elsewhere(named: NamedSnapshot): MemberSnapshot {
  const { id, term, index } = named;
  return { file: `${SNAPSHOT_DIRECTORY}/${id}${SNAPSHOT_SUFFIX}`, id, position: { term, index }, bytes: 0, mtimeMs: 0, manifest: null, named, problem: null };
}

function readOne({ root, snapshots }: NativeDir, id: string, named: NamedSnapshot | null, progress?: Progress): MemberSnapshot {
  const file = `${snapshots}/${id}${SNAPSHOT_SUFFIX}`;
  const [, term = 0, index = 0] = (NAME.exec(id) ?? []).map(Number);
  const blank = { file, id, position: { term, index }, bytes: 0, mtimeMs: 0, manifest: null, named };
  try {
    using source = FileSource.open(path.join(root, file), file);
    const { manifest, problems } = checkSnapshotFile(source);
    progress?.(source.size, source.size, file);
    const first = problems[0] ?? misfit(manifest, id, named);
    const position = manifest === null ? blank.position : { term: manifest.term, index: manifest.index };
    return { ...blank, position, bytes: source.size, mtimeMs: source.mtimeMs, manifest, problem: first && { byteOffset: first.byteOffset, problem: first.problem } };
  } catch (error) {
    if (!(error instanceof InspectorError)) throw error;
    return { ...blank, problem: { byteOffset: 0, problem: error instanceof UnreadableError ? error.problem : error.message } };
  }
}

/** A sound file under the wrong name, or one that is not what the environment calls by that id. */
function misfit(manifest: SnapshotManifest | null, id: string, named: NamedSnapshot | null): { byteOffset: number; problem: string } | null {
  if (manifest === null) return null;
  if (manifest.id !== id) return { byteOffset: 0, problem: `its name says ${id}, its manifest ${manifest.id}` };
  if (named !== null && named.chainHash !== manifest.chainHash) return { byteOffset: 0, problem: `its chain hash is ${manifest.chainHash}, the log's environment has ${named.chainHash}` };
  return null;
}

export function toSnapshotReport({ file, position, bytes, manifest, named, problem }: MemberSnapshot): SnapshotReport {
  const configuration = manifest?.configuration.configuration ?? named?.configuration.configuration ?? null;
  return {
    file,
    ...position,
    bytes,
    status: problem !== null ? 'bad' : manifest === null ? 'unverifiable' : 'verified',
    confState: configuration && { voters: votersOf(configuration), learners: learnersOf(configuration) },
    ...(manifest === null ? {} : { takenAt: new Date(Math.min(manifest.takenAtMs, MAX_DATE_MS)).toISOString() }),
  };
}

/** One generation of one cluster. */
export interface Lineage {
  readonly clusterId: string;
  readonly generation: number;
}

export interface SnapshotSurroundings {
  readonly areNamesKnown: boolean;
  /** The member's own, then those it was recovered from; null where its identity is lost. */
  readonly lineages: readonly Lineage[] | null;
  readonly isRunning: boolean;
}

export function snapshotFindings(directory: NativeDir, snapshots: readonly MemberSnapshot[], { areNamesKnown, lineages, isRunning }: SnapshotSurroundings): Finding[] {
  const findings: Finding[] = [];
  for (const snapshot of snapshots) {
    const { file, problem, named, manifest } = snapshot;
    if (problem !== null) {
      const isCounted = named !== null || !areNamesKnown;
      const fix = isCounted ? 'Do not start this member: compare it with the others, and replace it where they are whole' : 'Nothing to do: no start reads it';
      findings.push(finding('snapshot-bad', isCounted ? 'error' : 'info', `snapshot ${snapshot.id}: ${problem.problem}`, { file, byteOffset: problem.byteOffset, fix }));
    } else if (named === null && areNamesKnown && !isRunning) {
      findings.push(finding('snapshot-orphan', 'info', `snapshot ${snapshot.id} is sound, but the log does not name it: the process ended before it was, or it was replaced`, { file, fix: 'Nothing to do: the next start removes it' }));
    }
    const own = lineages?.[0];
    if (own !== undefined && manifest !== null && !isOneOf(lineages, manifest)) {
      const message = `snapshot ${snapshot.id} is of cluster ${manifest.clusterId}, generation ${manifest.generation}; the member of ${own.clusterId}, generation ${own.generation}`;
      findings.push(finding('snapshot-foreign', named === null ? 'warn' : 'error', message, { file, fix: 'Find out where this file came from before anything is started' }));
    }
  }
  if (directory.snapshots === null) return findings;
  const parts = listDirectory(path.join(directory.root, directory.snapshots)).filter((name) => name.endsWith(PART_SUFFIX));
  const [part] = parts;
  if (part !== undefined && !isRunning) {
    findings.push(finding('snapshot-unfinished', 'info', `${parts.length === 1 ? 'a snapshot was' : `${parts.length} snapshots were`} being written or received when the process ended`, { file: `${directory.snapshots}/${part}` }));
  }
  return findings;
}

function isOneOf(lineages: readonly Lineage[] | null, { clusterId, generation }: Lineage): boolean {
  return lineages?.some((one) => one.clusterId === clusterId && one.generation === generation) ?? true;
}
