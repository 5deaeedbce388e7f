import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { LmdbKvStore } from '../../../adapters/lmdb-kv-store.ts';
import type { LogPosition, MemberId, Term } from '../../../core/types.ts';
import { RefusedError } from '../../../errors.ts';
import { copyFile } from '../../../files/copy.ts';
import { syncDirectory } from '../../../files/new-file.ts';
import { RAFT_DIRECTORY, SNAPSHOT_DIRECTORY, STATE_DIRECTORY } from '../../../native/layout.ts';
import { DATA_FILE } from '../../../native/pages/check-before-open.ts';
import { SNAPSHOT_SUFFIX } from '../../../native/snapshot-layout.ts';
import type { SnapshotManifest } from '../../../ports/snapshot-files.ts';
import type { Identity } from '../../../ports/storage.ts';
import { FileSource } from '../../../readers/file-source.ts';
import { checkSnapshotFile } from '../../../readers/native/snapshot-check.ts';
import { recoveredId } from '../../../storage/bootstrap.ts';
import { type NativeRestore, planNativeRestore } from '../../../storage/restore-plan.ts';
import { TERM_STEP } from './draft.ts';

export interface RestoreOptions {
  /** `host:port` at which the new member is reached. Default: that of the member whose place it takes, by the snapshot's configuration. */
  readonly address?: string | undefined;
  /** Default: the first voter of the snapshot's configuration with the new generation behind its id. */
  readonly memberId?: MemberId | undefined;
  /** Default: that of the snapshot. */
  readonly clusterId?: string | undefined;
  /** Default: the one after the snapshot's; where the cluster went through recoveries since, one after the last of them. */
  readonly generation?: number | undefined;
  /** Highest term seen anywhere; the new one lies above it and above the snapshot's. */
  readonly highestTerm?: Term | undefined;
  /** What the recovery entry says; default: a restore of this file. */
  readonly why?: Partial<NativeRestore['why']> | undefined;
  readonly now?: Date | undefined;
}

export interface RestoredMember {
  readonly dataDir: string;
  readonly identity: Identity;
  readonly address: string;
  readonly manifest: SnapshotManifest;
  /** The recovery entry. */
  readonly last: LogPosition;
}

/**
 * Makes the data directory of a new member of a saved snapshot (`snapshot save`): a cluster of one, in a new generation, whose log
 * begins behind the snapshot. Built beside its place, verified there, then renamed: it is whole or not there. The archive is only read.
 * @throws {RefusedError} `not-empty`, `bad-snapshot`, `no-address`, `id-reused`, `old-generation`.
 */
export async function restoreNativeSnapshot(archive: string, into: string, options: RestoreOptions = {}): Promise<RestoredMember> {
  const target = path.resolve(into);
  refuseTaken(target);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  // One name, so that what a killed run left is cleared by the next.
  const aside = `${target}.new`;
  fs.rmSync(aside, { recursive: true, force: true });
  try {
    fs.mkdirSync(aside, { mode: 0o700 });
    for (const name of [RAFT_DIRECTORY, SNAPSHOT_DIRECTORY, STATE_DIRECTORY]) fs.mkdirSync(path.join(aside, name), { mode: 0o700 });
    const manifest = await takeSnapshot(archive, path.join(aside, SNAPSHOT_DIRECTORY));
    const restore = toRestore(archive, manifest, options);
    const { operations, identity, last } = planNativeRestore(manifest, restore);
    const store = await LmdbKvStore.open(path.join(aside, RAFT_DIRECTORY));
    try {
      await store.transact(operations);
    } finally {
      await store.close();
    }
    fs.rmSync(path.join(aside, RAFT_DIRECTORY, 'lock.mdb'), { force: true });
    syncFile(path.join(aside, RAFT_DIRECTORY, DATA_FILE));
    for (const name of [RAFT_DIRECTORY, SNAPSHOT_DIRECTORY, STATE_DIRECTORY, '']) syncDirectory(path.join(aside, name));
    refuseTaken(target);
    fs.renameSync(aside, target);
    syncDirectory(path.dirname(target));
    return { dataDir: target, identity, address: restore.address, manifest, last };
  } finally {
    fs.rmSync(aside, { recursive: true, force: true });
  }
}

/** Copies the archive to where a member keeps its snapshots, verifies the copy, and gives it the name its content asks for. */
async function takeSnapshot(archive: string, directory: string): Promise<SnapshotManifest> {
  const copy = path.join(directory, 'restored.part');
  await copyFile(archive, copy);
  fs.chmodSync(copy, 0o600);
  const manifest = verified(archive, copy);
  fs.renameSync(copy, path.join(directory, `${manifest.id}${SNAPSHOT_SUFFIX}`));
  return manifest;
}

function verified(archive: string, copy: string): SnapshotManifest {
  using source = FileSource.open(copy, archive);
  const { manifest, problems } = checkSnapshotFile(source);
  const [problem] = problems;
  if (manifest !== null && problem === undefined) return manifest;
  throw new RefusedError('bad-snapshot', `${archive} is no sound snapshot of a member: byte ${problem?.byteOffset ?? 0}: ${problem?.problem ?? 'no manifest'}`, 'Take another one: raft-inspector snapshot verify tells which are sound');
}

function toRestore(archive: string, manifest: SnapshotManifest, options: RestoreOptions): NativeRestore {
  const { configuration } = manifest.configuration;
  const first = configuration.members.find((one) => one.role === 'voter') ?? configuration.members[0];
  const generation = options.generation ?? manifest.generation + 1;
  const used = new Set([...configuration.tombstones, ...configuration.members.map((one) => one.id)]);
  const memberId = options.memberId ?? recoveredId(first?.id ?? 'n1', generation, used);
  const address = options.address ?? first?.address;
  if (address === undefined) throw new RefusedError('no-address', `${archive} names no member`, 'Say where the new member is reached: host:port');
  const now = options.now ?? new Date();
  return {
    to: { clusterId: options.clusterId ?? manifest.clusterId, generation, memberId, name: memberId },
    address,
    term: Math.max(manifest.term, options.highestTerm ?? 0) + TERM_STEP,
    wallClockMs: now.getTime(),
    why: {
      planId: randomUUID(),
      at: now.toISOString(),
      source: path.basename(archive),
      verdict: 'unknown',
      proof: 'best-effort',
      statement: `restored from a snapshot of entry ${manifest.index}: whatever was written after it is not here`,
      facts: [],
      ...options.why,
    },
  };
}

function refuseTaken(target: string): void {
  const taken = fs.existsSync(target) ? fs.readdirSync(target) : null;
  if (taken === null) return;
  throw new RefusedError('not-empty', `${target} exists already${taken.length === 0 ? '' : ` and holds ${taken.slice(0, 3).join(', ')}`}`, 'Name a directory that does not exist: it is put in its place by a rename');
}

function syncFile(file: string): void {
  const fd = fs.openSync(file, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
