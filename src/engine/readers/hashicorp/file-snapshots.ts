import path from 'node:path';
import { z } from 'zod';
import type { LogIndex, Term } from '../../core/types.ts';
import { UnreadableError } from '../../errors.ts';
import { finding, type Finding } from '../../model/finding.ts';
import type { SnapshotReport } from '../../model/member-report.ts';
import type { Progress } from '../../model/reading.ts';
import { Crc64 } from '../crc64.ts';
import { FileSource, isDirectory, isFile, listDirectory } from '../file-source.ts';
import { decodeServers, jsonConfigurationSchema, learnersOf, toServers, votersOf, type RaftServer } from './configuration.ts';

const MAX_META_BYTES = 4 << 20;
const MAX_DIRECTORIES = 1000;

const counter = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

/** `meta.json` of a FileSnapshotStore (hashicorp/raft file_snapshot.go `fileSnapshotMeta`, v1.7.3). */
export const snapshotMetaSchema = z.object({
  Version: counter.default(0),
  ID: z.string(),
  Index: counter,
  Term: counter,
  Peers: z.base64().nullish(),
  Configuration: jsonConfigurationSchema.nullish(),
  ConfigurationIndex: counter.default(0),
  Size: counter.default(0),
  CRC: z.base64().nullish(),
});
export type SnapshotMeta = z.output<typeof snapshotMetaSchema>;

/** A snapshot as found on disk. `status` is `bad` for one that raft lists and cannot restore. */
export interface FileSnapshot {
  /** Directory (or file) name: raft calls it the ID. */
  id: string;
  /** Path below the member's directory. */
  file: string;
  term: Term;
  index: LogIndex;
  bytes: number;
  status: SnapshotReport['status'];
  servers: RaftServer[] | null;
  configurationIndex: LogIndex;
  mtimeMs: number;
}

/** How a program keeps its snapshots: with a CRC of `state.bin`, or in a layout of its own that is taken as it is. */
export type SnapshotStyle = 'checked' | 'opaque';

/**
 * The snapshots of `<base>/snapshots`, newest first as raft selects them: directories only, `.tmp` skipped, sorted by (term,
 * index, id) descending. Each `state.bin` is read once for its CRC-64.
 */
export function readFileSnapshots(
  directory: string,
  name: string,
  style: SnapshotStyle,
  findings: Finding[],
  progress?: Progress,
): FileSnapshot[] {
  const found: FileSnapshot[] = [];
  for (const id of listDirectory(directory).slice(0, MAX_DIRECTORIES)) {
    const snapshot = readOne(path.join(directory, id), `${name}/${id}`, id, style, findings, progress);
    if (snapshot !== null) found.push(snapshot);
  }
  return found.sort((a, b) => b.term - a.term || b.index - a.index || (a.id < b.id ? 1 : -1));
}

function readOne(
  directory: string,
  file: string,
  id: string,
  style: SnapshotStyle,
  findings: Finding[],
  progress: Progress | undefined,
): FileSnapshot | null {
  if (id.endsWith('.tmp')) {
    findings.push(
      finding('snapshot-unfinished', 'info', `${file} is a snapshot that was being written when the process stopped; raft skips it`, { file }),
    );
    return null;
  }
  if (!isDirectory(directory)) return null; // sidecar files of a program, a stray copy: raft looks at directories only
  const meta = readMeta(path.join(directory, 'meta.json'), `${file}/meta.json`);
  if (typeof meta === 'string') return withoutMeta(id, file, meta, findings);
  const snapshot: FileSnapshot = {
    id,
    file,
    term: meta.Term,
    index: meta.Index,
    bytes: 0,
    status: 'bad',
    servers: serversOf(meta),
    configurationIndex: meta.Version >= 1 ? meta.ConfigurationIndex : meta.Index,
    mtimeMs: 0,
  };
  const problem = verify(directory, meta, snapshot, style, progress);
  if (problem !== null) findings.push(badSnapshot(snapshot, problem));
  return snapshot;
}

function badSnapshot(snapshot: FileSnapshot, problem: string): Finding {
  return finding('snapshot-bad', 'error', `snapshot ${snapshot.id} (index ${snapshot.index}) cannot be used: ${problem}`, {
    file: `${snapshot.file}/${problem.includes('state.bin') ? 'state.bin' : 'meta.json'}`,
    byteOffset: 0,
    fix: 'Take the state from another snapshot or another member; keep this directory until the cluster is whole again',
  });
}

/** @returns What is wrong, as a string, when it cannot be read. */
function readMeta(file: string, name: string): SnapshotMeta | string {
  try {
    using source = FileSource.open(file, name);
    if (source.size > MAX_META_BYTES) return `meta.json has ${source.size} bytes`;
    const parsed = snapshotMetaSchema.safeParse(JSON.parse(source.read(0, source.size).toString('utf8')));
    if (parsed.success) return parsed.data;
    return `meta.json: ${parsed.error.issues[0]?.path.join('.') ?? ''} ${parsed.error.issues[0]?.message ?? ''}`;
  } catch (error) {
    if (error instanceof UnreadableError) return `meta.json: ${error.problem}`;
    return 'meta.json is not JSON';
  }
}

/** Raft skips a directory whose meta.json it cannot read; the name still tells what is lost. */
function withoutMeta(id: string, file: string, problem: string, findings: Finding[]): FileSnapshot | null {
  const [, term, index] = /^(\d{1,15})-(\d{1,15})-\d{1,15}$/.exec(id) ?? [];
  findings.push(
    finding('snapshot-without-meta', 'warn', `${file} is no snapshot raft can list: ${problem}`, {
      file: `${file}/meta.json`,
      byteOffset: 0,
      fix: 'Restore meta.json from a copy, or take the state from another snapshot or member',
    }),
  );
  if (term === undefined || index === undefined) return null;
  return { id, file, term: Number(term), index: Number(index), bytes: 0, status: 'bad', servers: null, configurationIndex: 0, mtimeMs: 0 };
}

function serversOf(meta: SnapshotMeta): RaftServer[] | null {
  if (meta.Version >= 1 && meta.Configuration) return toServers(meta.Configuration.Servers);
  return meta.Peers ? decodeServers(Buffer.from(meta.Peers, 'base64')) : null;
}

/** Fills in size and status; returns why the snapshot is bad, null when it is not. */
function verify(directory: string, meta: SnapshotMeta, into: FileSnapshot, style: SnapshotStyle, progress: Progress | undefined): string | null {
  if (meta.Version > 1) return `meta.json has version ${meta.Version}; raft knows 0 and 1`;
  if (style === 'opaque' && !isFile(path.join(directory, 'state.bin'))) {
    into.status = 'unverifiable';
    into.bytes = meta.Size;
    return null;
  }
  if (meta.ID !== into.id) return `meta.json says ID ${JSON.stringify(meta.ID.slice(0, 80))}, the directory is ${into.id}`;
  try {
    using source = FileSource.open(path.join(directory, 'state.bin'), `${into.file}/state.bin`);
    into.bytes = source.size;
    into.mtimeMs = source.mtimeMs;
    if (!meta.CRC) return 'meta.json has no CRC: a snapshot that was never finished';
    if (meta.Size !== source.size) return `state.bin has ${source.size} bytes, meta.json says ${meta.Size}`;
    if (!crcOf(source, progress).equals(Buffer.from(meta.CRC, 'base64'))) return 'the CRC of state.bin is not the one in meta.json';
  } catch (error) {
    if (error instanceof UnreadableError) return `state.bin: ${error.problem}`;
    throw error;
  }
  into.status = 'verified';
  return null;
}

function crcOf(source: FileSource, progress: Progress | undefined): Buffer {
  const crc = new Crc64();
  let done = 0;
  for (const chunk of source.chunks()) {
    crc.update(chunk);
    done += chunk.length;
    progress?.(done, source.size, source.name);
  }
  return crc.digest();
}

/** Whether raft can start from it (an opaque one cannot be checked here and counts as usable). */
export function isUsable(snapshot: FileSnapshot): boolean {
  return snapshot.status !== 'bad';
}

/**
 * Whether a recovery made it: `RecoverCluster` writes ConfigurationIndex 1 whatever the log position (hashicorp/raft api.go).
 * A cluster bootstrapped with several servers carries 1 as well, so only a lone server is taken for a recovery.
 */
export function isFromRecovery(snapshot: FileSnapshot): boolean {
  return snapshot.configurationIndex === 1 && snapshot.servers?.length === 1;
}

export function toSnapshotReport(snapshot: FileSnapshot): SnapshotReport {
  const { file, term, index, bytes, status, servers } = snapshot;
  return { file, term, index, bytes, status, confState: servers && { voters: votersOf(servers), learners: learnersOf(servers) } };
}
