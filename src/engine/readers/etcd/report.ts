import path from 'node:path';
import { comparePositions, type LogIndex, type LogPosition } from '../../core/types.ts';
import { finding, type Finding } from '../../model/finding.ts';
import { inDoubtAfter, type ConfState, type Health, type MemberReport } from '../../model/member-report.ts';
import type { ConfigurationChange } from '../../model/reading.ts';
import { heldLock } from '../process-locks.ts';
import type { Backend } from './backend.ts';
import type { DataDir } from './data-dir.ts';
import { logFindings } from './log-findings.ts';
import type { LogReading } from './log-reading.ts';
import { memberFindings, minorOf, storeFindings } from './member-findings.ts';
import { followMembership, type Membership } from './membership.ts';
import { missingSnap, toSnapshotReport } from './snap-directory.ts';
import type { SnapFile } from './snap-file.ts';
import { serverStarts } from './server-start.ts';
import { startable } from './startable.ts';
import { type BrokenCopy, brokenFindings } from './wal-broken.ts';

/** Everything that was read of one member. */
export interface MemberParts {
  place: string;
  directory: DataDir;
  backend: Backend;
  /** All `.snap` files, newest first, and those of them that a start could load. */
  snaps: SnapFile[];
  usable: SnapFile[];
  log: LogReading;
  broken: BrokenCopy[];
}

/** The highest index that what was read proves committed. */
export function floorOf({ backend, usable, log }: Pick<MemberParts, 'backend' | 'usable' | 'log'>): LogIndex {
  return Math.max(log.survey.provenCommit, backend.db?.consistentIndex ?? 0, usable[0]?.position.index ?? 0);
}

/** Puts the parts together into the report, with findings where they do not fit each other. */
export function assemble(parts: MemberParts): { report: MemberReport; findings: Finding[]; configurations: ConfigurationChange[] } {
  const { directory, backend, snaps, usable, log } = parts;
  const { survey } = log;
  const { db } = backend;
  const newest = usable[0];
  const appliedIndex = db ? (db.consistentIndex ?? 0) : null;
  const commitFloor = floorOf(parts);
  const running = heldLock([...log.inodes, ...(backend.source ? [backend.source] : [])]);
  const sources = { snaps: usable, changes: survey.confChanges, writes: survey.memberWrites };
  const { membership, configurations } = followMembership(sources);
  if (membership.voters.size === 0) fromBackend(membership, backend);
  const lastEntry = lastPosition(parts);
  const missing = missingSnap(directory, snaps, survey.snapshots, survey.provenCommit);
  const snapshots = [...snaps.map(toSnapshotReport), ...(missing ? [missing] : [])].sort(comparePositions).reverse();
  const report: MemberReport = {
    path: parts.place,
    label: path.basename(path.resolve(parts.place)),
    store: 'etcd',
    software: { name: 'etcd', version: versionOf(membership, backend) },
    memberId: survey.memberId,
    clusterId: survey.clusterId,
    hardState: hardStateOf(parts),
    log: survey.run.report(emptyFirst(parts)),
    snapshots,
    lastEntry,
    appliedIndex,
    commitFloor,
    inDoubt: inDoubtAfter(commitFloor, lastEntry.index),
    confState: confStateOf(membership, backend, commitFloor),
    state: db ? { revision: db.revision, keys: db.liveKeys, hash: db.hash, bytes: backend.bytes } : null,
    damage: survey.reports,
    health: 'ok',
    checked: backend.name === null ? 'checksums' : 'structure',
    name: (survey.memberId !== null && nameOf(survey.memberId, membership, backend)) || null,
    revisionAtEnd: db?.revision == null ? null : db.revision + survey.revisions,
    running,
    lastWritten: newestTime([log.mtimeMs, backend.mtimeMs, ...snaps.map(({ mtimeMs }) => mtimeMs)]),
    startable: startable(backend, survey.run, newest, directory.segments.length > 0),
  };
  const findings = [
    ...logFindings(survey, running !== null),
    ...(running === null ? missingNext(parts) : []),
    ...brokenFindings(parts.broken),
    ...missingParts(directory),
    ...snapshotFindings(parts, missing?.file ?? null),
    ...backend.findings,
    ...fitFindings(report, parts),
    ...storeFindings(membership),
    ...(db ? memberFindings(db, backend.name, followMembership(sources, Math.max(appliedIndex ?? 0, newest?.position.index ?? 0)).membership, membership) : []),
  ];
  report.serverStarts = running === null ? serverStarts(report, parts) : null;
  report.health = healthOf(parts, findings, running !== null);
  return { report, findings, configurations };
}

/** The log's last entry, or the newest usable snapshot where that is later; without a log, what db and snapshots tell. */
function lastPosition({ log, usable, snaps, backend, directory }: MemberParts): LogPosition {
  if (directory.segments.length === 0) return positionWithoutLog(snaps, backend);
  const { run } = log.survey;
  const last = { term: run.lastTerm, index: run.last };
  const newest = usable[0]?.position;
  if (newest && comparePositions(newest, last) > 0) return { ...newest };
  return last;
}

/** A db before 3.5 stores no term; a snapshot it has passed is a lower bound of it. */
function positionWithoutLog(snaps: readonly SnapFile[], { db }: Backend): LogPosition {
  const snap = snaps.find(({ problem }) => problem === null)?.position ?? { term: 0, index: 0 };
  const index = db?.consistentIndex ?? 0;
  return index > snap.index ? { term: db?.term ?? snap.term, index } : { ...snap };
}

function emptyFirst({ usable, backend, directory }: MemberParts): number {
  const applied = directory.segments.length === 0 ? (backend.db?.consistentIndex ?? 0) : 0;
  return Math.max(usable[0]?.position.index ?? 0, applied) + 1;
}

/**
 * As etcd would load it. Where it refuses the log (damage that it does not take for an unfinished write), what was read before the
 * damage is stale: the term stays as a lower bound, vote and commit are unknown.
 */
function hardStateOf({ log: { survey }, directory }: MemberParts): MemberReport['hardState'] {
  if (directory.segments.length === 0) return { currentTerm: 0, votedFor: null, commitIndex: null };
  if (survey.isFatallyDamaged && survey.closedAt !== null) return { currentTerm: survey.provenTerm, votedFor: null, commitIndex: null };
  const { term, vote, commit } = survey.hardState ?? { term: 0, vote: null, commit: 0 };
  return { currentTerm: term, votedFor: vote, commitIndex: commit };
}

function confStateOf(membership: Membership, backend: Backend, floor: number): ConfState | null {
  const { voters, learners, index } = membership;
  if (voters.size === 0 && learners.size === 0) return null;
  const info = (role: 'voter' | 'learner') => (id: string) => {
    const known = membership.members.get(id) ?? backend.db?.members.find((member) => member.id === id);
    return { id, name: nameOf(id, membership, backend), addresses: known?.peerUrls ?? [], role };
  };
  const [voterIds, learnerIds] = [[...voters].sort(), [...learners].sort()];
  return { voters: voterIds, learners: learnerIds, index, pending: index > floor, members: [...voterIds.map(info('voter')), ...learnerIds.map(info('learner'))] };
}

function nameOf(id: string, { members }: Membership, { db }: Backend): string | null {
  return members.get(id)?.name ?? db?.members.find((member) => member.id === id)?.name ?? null;
}

/** A lone db, or a log that says nothing of members: the backend's own configuration is all there is. */
function fromBackend(membership: Membership, { db }: Backend): void {
  if (!db) return;
  membership.voters = new Set(db.confState?.voters ?? db.members.filter((member) => !member.isLearner).map(({ id }) => id));
  membership.learners = new Set(db.confState?.learners ?? db.members.filter((member) => member.isLearner).map(({ id }) => id));
  membership.members = new Map(db.members.map((member) => [member.id, member]));
  membership.index = db.consistentIndex ?? 0;
}

/** `3.5` of the highest cluster version that db, log and snapshot tell: it only rises, and each may lag. */
function versionOf(membership: Membership, { db }: Backend): string | null {
  const minor = Math.max(minorOf(membership.version), minorOf(db?.clusterVersion ?? null), minorOf(db?.storageVersion ?? null));
  return minor < 0 ? null : `3.${minor}`;
}

function snapshotFindings({ snaps, usable, log }: MemberParts, missing: string | null): Finding[] {
  const fix = 'etcd falls back to an older snapshot that the log names; make a copy of the directory before it starts, it renames bad files';
  const findings = snaps.filter(({ problem }) => problem !== null).map(({ file, problem }) => finding('snap-bad', 'error', `snapshot ${problem}`, { file, byteOffset: 0, fix }));
  for (const { file } of snaps.filter(({ isStoreSkipped }) => isStoreSkipped)) {
    findings.push(finding('v2-store-skipped', 'info', 'its v2 store is larger than 16 MiB and was not read: names of members may be missing', { file }));
  }
  if (missing !== null) findings.push(finding('snap-missing', 'error', 'the newest snapshot that the log names is missing', { file: missing, fix }));
  const newest = usable[0]?.position.index ?? 0;
  for (const { file, position, problem } of log.survey.isFatallyDamaged ? [] : snaps) {
    if (problem !== null || position.index <= newest || log.inodes.length === 0) continue;
    findings.push(finding('snap-orphan', 'warn', `the log does not name this snapshot (${position.term}/${position.index}) as committed: etcd would not load it`, { file, fix: 'Nothing to do: an older one is taken' }));
  }
  return findings;
}

/** A directory without its log is damaged; a db alone is what was asked for, but says nothing of what came after it. */
function missingParts({ shape, segments, snapPrefix, db }: DataDir): Finding[] {
  if (shape === 'db') {
    const fix = 'Name the data directory to have its log read as well';
    return [finding('db-only', 'info', 'only the db was given: writes that it has not applied are in the log', { file: db?.name ?? null, fix })];
  }
  if (segments.length > 0) return [];
  const fix = 'Give the place of the log with --wal-dir where it lies elsewhere; else take the source from another member, or rebuild around the db';
  return [finding('wal-missing', 'error', 'the write-ahead log is missing: what was written after the db is lost here', { file: snapPrefix.replace(/snap\/$/, 'wal'), fix })];
}

/** etcd begins the next segment before it acknowledges what filled the last one (Save and cut, wal.go). */
function missingNext({ directory, log }: MemberParts): Finding[] {
  const newest = directory.segments.at(-1);
  if (!newest || !log.lacksNext) return [];
  const message = `the newest segment is full and closed (${log.ends[newest.ordinal]} bytes), and the next one, ${newest.seq + 1}, is not there: etcd writes on in that one`;
  const fix = 'Look for the file. Without it this member does not count for the proof: what it acknowledged last may be missing (a crash in the moment between two segments looks the same, and loses nothing)';
  return [finding('wal-end-missing', 'warn', message, { file: newest.name, fix })];
}

/** Parts that cannot be of one moment. */
function fitFindings({ appliedIndex, hardState, lastEntry, running }: MemberReport, { backend, directory, log }: MemberParts): Finding[] {
  if (log.survey.isFatallyDamaged || directory.segments.length === 0 || running) return [];
  const findings: Finding[] = [];
  if ((appliedIndex ?? 0) > lastEntry.index) {
    const message = `the db has applied entry ${appliedIndex}, the log ends at ${lastEntry.index}: not copied at one moment, or the log lost its end`;
    const fix = 'A start as it is would lose writes silently; the recovery plan rebuilds the log around the db';
    findings.push(finding('db-ahead-of-log', 'error', message, { file: backend.name, fix }));
  }
  if ((hardState.commitIndex ?? 0) > lastEntry.index) {
    const message = `entry ${hardState.commitIndex} is known committed, but the log ends at ${lastEntry.index}: its end is lost`;
    findings.push(finding('commit-beyond-log', 'error', message, { file: directory.segments.at(-1)?.name ?? null, fix: 'etcd panics on it: take the source from another member' }));
  }
  return findings;
}

const DAMAGE_RULES = new Set(['db-meta-bad', 'wal-metadata-conflict']);

function healthOf({ directory, backend, log: { survey } }: MemberParts, findings: readonly Finding[], isRunning: boolean): Health {
  const nothingRead = directory.segments.length > 0 && survey.run.isEmpty && survey.memberId === null && !backend.db;
  if (nothingRead) return 'unreadable';
  if (survey.isFatallyDamaged || findings.some(({ rule, severity }) => severity === 'error' || DAMAGE_RULES.has(rule))) return 'damaged';
  return survey.isTorn && !isRunning ? 'torn-tail' : 'ok';
}

function newestTime(times: readonly number[]): string | null {
  const newest = Math.max(0, ...times);
  return newest === 0 ? null : new Date(newest).toISOString();
}
