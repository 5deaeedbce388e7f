import { RefusedError } from '../../../errors.ts';
import { copyFile } from '../../../files/copy.ts';
import type { MemberReport } from '../../../model/member-report.ts';
import type { FileChange } from '../../../model/plan.ts';
import { editBolt, type BucketEdit } from '../../../writers/bbolt/edit.ts';
import type { SourceDirectory } from '../target.ts';
import type { BumpParameters } from './parameters.ts';
import type { TailEffect } from './prediction.ts';

/** Revisions are signed 64-bit numbers; ours stay exact. */
const MAX_REVISION = Number.MAX_SAFE_INTEGER;

/**
 * The revision that a store goes on from, so that watchers and caches which saw more than survived are told to start over.
 * @throws {RefusedError} `bump-without-revision` when the db tells none; `bump-with-transactions` when the db has still to apply
 * transactions: they may compare revisions, and would answer otherwise than they did.
 */
export function bumpFor({ reading }: SourceDirectory, db: string, effect: TailEffect, by: number | null): BumpParameters | null {
  if (by === null) return null;
  const revision = reading.report.state?.revision ?? null;
  if (revision === null) throw new RefusedError('bump-without-revision', 'the revision of the db cannot be told', 'Plan without --bump-revision');
  if (effect.transactions > 0) {
    const message = `the db has still to apply ${effect.transactions} transactions, which may compare revisions`;
    throw new RefusedError('bump-with-transactions', message, 'Recover without --bump-revision, start etcd once and stop it; then plan again with --bump-revision');
  }
  if (by < 1 || revision + by > MAX_REVISION) throw new RefusedError('bump-out-of-range', `the revision cannot be raised by ${by}`, 'Give --bump-revision a number such as 1000000000');
  return { db, revision: revision + by };
}

/** Revision once the entries that the db has not applied are in, behind the bump. */
export function bumpedRevision({ revision }: BumpParameters, effect: TailEffect, { state }: MemberReport): number | null {
  return effect.revision === null || state?.revision == null ? null : revision + effect.revision - state.revision;
}

export function bumpChange({ db, revision }: BumpParameters, { state }: MemberReport): FileChange {
  const lines = [`+ revision ${revision}, empty, was ${state?.revision ?? 'unknown'}`, `~ compacted up to revision ${revision} at the next start: watchers start over`];
  return { path: db, kind: 'replace', bytesBefore: state?.bytes ?? null, bytesAfter: null, lines };
}

/**
 * One empty revision behind the last one and a mark that all before it is compacted, as `etcdutl snapshot restore --bump-revision
 * --mark-compacted` writes them.
 * @see etcd v3.6.14, etcdutl/snapshot/v3_snapshot.go (modifyLatestRevision)
 */
export function bumpEdits(revision: number): BucketEdit[] {
  const key = Buffer.alloc(17);
  key.writeBigInt64BE(BigInt(revision), 0);
  key[8] = 0x5f;
  return [
    { bucket: 'key', kind: 'append', key, value: Buffer.alloc(0) },
    { bucket: 'meta', kind: 'set', items: [['scheduledCompactRev', key]] },
  ];
}

/** Copies the db to its new place and changes the copy. */
export async function buildDb(from: string, to: string, edits: readonly BucketEdit[]): Promise<void> {
  await copyFile(from, to);
  editBolt(to, edits);
}
