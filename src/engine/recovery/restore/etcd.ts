import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { LogIndex, MemberId, Term } from '../../core/types.ts';
import { CheckFailedError, RefusedError } from '../../errors.ts';
import { copyFile } from '../../files/copy.ts';
import type { CheckLine } from '../../model/check-line.ts';
import type { SnapshotFileReport } from '../../model/snapshot-file.ts';
import { etcdReader } from '../../readers/etcd/reader.ts';
import { snapName } from '../../readers/etcd/snap-file.ts';
import { segmentName } from '../../readers/etcd/wal-segments.ts';
import { editBolt } from '../../writers/bbolt/edit.ts';
import { confStateJson, memberJson, type MemberToWrite } from '../../writers/etcd/member-json.ts';
import { writeSnapFile } from '../../writers/etcd/snap-file.ts';
import { v2StoreJson } from '../../writers/etcd/v2-store.ts';
import { writeSegment } from '../../writers/etcd/wal-segment.ts';
import { bumpEdits } from '../targets/etcd/bump.ts';

/** What tells the new member from all others. */
export interface EtcdIdentity {
  readonly name: string;
  readonly peerUrls: readonly string[];
  /** Goes into the ids, so that two restores of one file do not take each other for the same cluster. */
  readonly token: string;
  /** Adds to the revision and marks all before it compacted, so that watchers start over; null: not. */
  readonly bumpRevision: number | null;
}

/** A bolt image is a multiple of this; the appended SHA-256 leaves a remainder of 32. */
const SECTOR_BYTES = 512;
const HASH_BYTES = 32;
const FIRST_MINOR_WITH_CONF_STATE = 5;

export interface RestoredEtcd {
  readonly member: MemberToWrite;
  readonly clusterId: string;
  readonly position: { term: Term; index: LogIndex };
}

/**
 * Ids as etcd makes them: the first eight bytes of a SHA-1 over the sorted peer URLs and the token, and over the member's id.
 * @see etcd v3.6.14, server/etcdserver/api/membership/member.go, cluster.go (genID)
 */
export function etcdIds(peerUrls: readonly string[], token: string): { memberId: MemberId; clusterId: string } {
  const first = (bytes: string | Buffer): Buffer => crypto.createHash('sha1').update(bytes).digest().subarray(0, 8);
  const member = first([...peerUrls].sort().join('') + token);
  const hex = (bytes: Buffer): string => bytes.readBigUInt64BE().toString(16);
  return { memberId: hex(member) as MemberId, clusterId: hex(first(member)) };
}

/**
 * A member's directory of a file of `etcdctl snapshot save`: a cluster of one with new ids, log and `.snap` begun at the entry that the
 * image has applied. Users, leases and alarms stay as they are in the image.
 * @see etcd v3.6.14, etcdutl/snapshot/v3_snapshot.go (Restore), which begins the log at entry 1 instead
 */
export async function buildEtcd(file: string, report: SnapshotFileReport, identity: EtcdIdentity, into: string): Promise<RestoredEtcd> {
  if (report.index === null) throw new RefusedError('bad-snapshot', `${file} does not say which entry it has applied`, 'Take another snapshot: raft-inspector snapshot verify tells which are sound');
  const { memberId, clusterId } = etcdIds(identity.peerUrls, identity.token);
  const member: MemberToWrite = { id: memberId, name: identity.name, peerUrls: identity.peerUrls, clientUrls: [] };
  const position = { term: (report.term ?? 1) as Term, index: report.index };
  const version = report.formatVersion === null ? null : String(report.formatVersion);
  const hasConfState = minorOf(version, report) >= FIRST_MINOR_WITH_CONF_STATE;
  const confState = { voters: [memberId], learners: [] };
  const [snapDirectory, walDirectory] = [path.join(into, 'member', 'snap'), path.join(into, 'member', 'wal')];
  for (const directory of [snapDirectory, walDirectory]) fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  const db = path.join(snapDirectory, 'db');
  await copyImage(file, db);
  const bump = identity.bumpRevision === null || report.state?.revision == null ? [] : bumpEdits(report.state.revision + identity.bumpRevision);
  editBolt(db, [
    { bucket: 'members', kind: 'replace', items: [[memberId, memberJson(member)]] },
    { bucket: 'members_removed', kind: 'replace', items: [] },
    ...(hasConfState ? [{ bucket: 'meta', kind: 'set' as const, items: [['confState', confStateJson(memberId)] as const] }] : []),
    ...bump,
  ]);
  writeSnapFile(path.join(snapDirectory, snapName(position)), position, confState, v2StoreJson(member, [], version));
  writeSegment(path.join(walDirectory, segmentName(0, position.index)), {
    memberId,
    clusterId,
    snapshots: [{ position, confState: hasConfState ? confState : null }],
    entries: [],
    hardState: { term: position.term, vote: memberId, commit: position.index },
  });
  return { member, clusterId, position };
}

/** Reads the directory back as etcd would. @throws {CheckFailedError} When it is not what was meant. */
export function checkEtcd(directory: string, report: SnapshotFileReport, restored: RestoredEtcd, isBumped: boolean): CheckLine[] {
  const { report: member, findings } = etcdReader.read(directory, { depth: 'full' });
  const wrong = findings.filter((one) => one.severity === 'error');
  const lines: CheckLine[] = [
    { name: 'health', ok: member.health === 'ok' && wrong.length === 0 && member.serverStarts === true, detail: wrong[0]?.message ?? `reads back: ${member.health}` },
    { name: 'member', ok: member.memberId === restored.member.id && member.clusterId === restored.clusterId, detail: `member ${member.memberId} of cluster ${member.clusterId}` },
    { name: 'voters', ok: member.confState?.voters.length === 1 && member.confState.voters[0] === restored.member.id, detail: `voters: ${member.confState?.voters.join(', ') ?? 'none'}` },
    { name: 'position', ok: member.lastEntry.index === restored.position.index && member.lastEntry.term === restored.position.term, detail: `at entry ${member.lastEntry.term}/${member.lastEntry.index}` },
    ...(isBumped ? [] : [{ name: 'state', ok: member.state?.hash === report.state?.hash && member.state?.revision === report.state?.revision, detail: `state hash ${member.state?.hash ?? 'unknown'} at revision ${member.state?.revision ?? 'unknown'}, as in the snapshot` }]),
  ];
  const failed = lines.find((one) => one.ok === false);
  if (failed !== undefined) throw new CheckFailedError(`what was restored is not as meant: ${failed.name}: ${failed.detail}`, 'Nothing was left behind. This is a defect of the tool: report it with the snapshot');
  return lines;
}

/** The image without the hash behind it. */
async function copyImage(file: string, db: string): Promise<void> {
  await copyFile(file, db);
  fs.chmodSync(db, 0o600);
  const { size } = fs.statSync(db);
  if (size % SECTOR_BYTES === HASH_BYTES) fs.truncateSync(db, size - HASH_BYTES);
}

/** What wrote it: the cluster's version, or what only 3.5 and later keep in the image. */
function minorOf(version: string | null, report: SnapshotFileReport): number {
  const minor = /^3\.(\d+)/.exec(version ?? '')?.[1];
  return minor === undefined ? (report.term === null ? 0 : FIRST_MINOR_WITH_CONF_STATE) : Number(minor);
}
