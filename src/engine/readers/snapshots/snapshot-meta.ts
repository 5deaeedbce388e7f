import type { SnapshotFileReport } from '../../model/snapshot-file.ts';
import { decodeServers, learnersOf, toServers, votersOf } from '../hashicorp/configuration.ts';
import { snapshotMetaSchema, type SnapshotMeta } from '../hashicorp/file-snapshots.ts';
import type { CheckList } from './check-list.ts';
import type { StateContent } from './state-content.ts';
import type { TrialResult } from './trial-restore.ts';

export const MAX_META_BYTES = 4 << 20;

/** @returns Why it cannot be read, as a string. */
export function parseMeta(bytes: Buffer): SnapshotMeta | string {
  try {
    const parsed = snapshotMetaSchema.safeParse(JSON.parse(bytes.toString('utf8')));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    return `meta.json is not a snapshot's: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`;
  } catch {
    return 'meta.json is not JSON';
  }
}

/** What meta.json says for a report: position, configuration, version, time. */
export function metaFields(meta: SnapshotMeta): Pick<SnapshotFileReport, 'term' | 'index' | 'confState' | 'formatVersion' | 'takenAt'> {
  return { term: meta.Term, index: meta.Index, confState: confStateOf(meta), formatVersion: meta.Version, takenAt: takenAtOf(meta.ID) };
}

function confStateOf(meta: SnapshotMeta): SnapshotFileReport['confState'] {
  try {
    const servers = meta.Configuration ? toServers(meta.Configuration.Servers) : meta.Peers ? decodeServers(Buffer.from(meta.Peers, 'base64')) : null;
    return servers && { voters: votersOf(servers), learners: learnersOf(servers) };
  } catch {
    return null;
  }
}

/** Raft names a snapshot `<term>-<index>-<milliseconds>` (hashicorp/raft snapshot.go `snapshotName`). */
export function takenAtOf(id: string): string | null {
  const ms = Number(/^\d{1,16}-\d{1,16}-(\d{1,14})$/.exec(id)?.[1] ?? NaN);
  return Number.isFinite(ms) ? new Date(ms).toISOString() : null;
}

/** Files what the content says: whole or not, its own version, and an index that cannot lie past the snapshot's. */
export function checkContent(list: CheckList, content: StateContent, meta: SnapshotMeta | null, where: { file: string; byteOffset: number }): void {
  const { problem } = content;
  const file = where.file;
  if (content.trial !== undefined) checkTrial(list, content.trial, where);
  if (problem !== null) return list.fail('content', `state.bin ${problem.message} (its byte ${problem.byteOffset})`, where.byteOffset, { file });
  if (content.kind === 'opaque') {
    list.pass('content', "state.bin is in a format of the program's own: held to its checksum only");
    return;
  }
  const records = content.parts.reduce((sum, part) => sum + part.count, 0);
  if (meta !== null && content.lastIndex !== null && content.lastIndex > meta.Index) {
    return list.fail('content', `state.bin has reached index ${content.lastIndex}, past the snapshot's ${meta.Index}`, where.byteOffset, { file });
  }
  list.pass('content', content.kind === 'json' ? `${content.parts.length} parts, read to the end` : `${records} records, read to the end`);
  if (content.kind === 'json' && content.formatVersion === null) {
    list.note(
      'snapshot-format-version-missing',
      'warn',
      'its state carries no format version',
      'Have the program write a version: without one a later release cannot tell what it reads',
    );
  }
}

function checkTrial(list: CheckList, trial: TrialResult, { file, byteOffset }: { file: string; byteOffset: number }): void {
  if (trial.ok === null) list.unknown('trial-restore', trial.detail, 'Restore it into a copy of the program to be sure');
  else if (trial.ok) list.pass('trial-restore', trial.detail);
  else list.fail('trial-restore', trial.detail, byteOffset, { file });
}

/** The version of what was read: the state's own where it is JSON, else the one of meta.json. */
export function formatVersionOf(content: StateContent, meta: SnapshotMeta | null): SnapshotFileReport['formatVersion'] {
  return content.kind === 'json' ? content.formatVersion : (meta?.Version ?? null);
}
