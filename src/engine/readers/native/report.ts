import path from 'node:path';
import { comparePositions } from '../../core/types.ts';
import type { LogPosition } from '../../core/types.ts';
import { finding } from '../../model/finding.ts';
import type { Finding } from '../../model/finding.ts';
import { emptyLog, inDoubtAfter } from '../../model/member-report.ts';
import type { DamageReport, Health, MemberReport } from '../../model/member-report.ts';
import type { HeldLock } from '../process-locks.ts';
import { toConfState } from './configurations.ts';
import type { NativeDir } from './data-dir.ts';
import type { LogReading } from './log-reading.ts';
import type { NativeConfiguration } from './log-survey.ts';
import { isUsable, toSnapshotReport } from './snapshot-directory.ts';
import type { MemberSnapshot } from './snapshot-directory.ts';
import type { MemberState } from './state.ts';

/** Everything that was read of one member. `log` is null when its environment leads nowhere. */
export interface MemberParts {
  readonly place: string;
  readonly directory: NativeDir;
  readonly log: LogReading | null;
  readonly snapshots: readonly MemberSnapshot[];
  readonly state: MemberState;
  readonly running: HeldLock | null;
  readonly findings: readonly Finding[];
}

/** Configurations of snapshots and log, oldest first, each index once. */
export function configurationsOf({ log, snapshots }: Pick<MemberParts, 'log' | 'snapshots'>): NativeConfiguration[] {
  const inLog = log?.survey.configurations ?? [];
  const known = new Map(inLog.map((one) => [one.index, one]));
  for (const { named, manifest, problem, position } of snapshots) {
    const placed = named?.configuration ?? (problem === null ? manifest?.configuration : undefined);
    if (placed !== undefined && !known.has(placed.index)) known.set(placed.index, { ...placed, term: position.term, source: 'snapshot' });
  }
  return [...known.values()].sort((a, b) => a.index - b.index);
}

export function assemble(parts: MemberParts): { report: MemberReport; findings: Finding[] } {
  const { place, log, snapshots, state, running } = parts;
  const identity = log?.records.identity.value ?? null;
  const hardState = hardStateOf(log);
  const lastEntry = lastOf(parts);
  const newest = snapshots.find((one) => isUsable(one, areNamesKnown(log)));
  const commitFloor = Math.max(hardState.commitIndex ?? 0, state.appliedIndex ?? 0, newest?.position.index ?? 0);
  const configuration = configurationsOf(parts).at(-1);
  const findings = [...parts.findings];
  const end = log === null ? null : endOf(log);
  if (state.appliedIndex !== null && state.appliedIndex > Math.max(lastEntry.index, end?.index ?? 0) && running === null) {
    const message = `the state has applied ${state.appliedIndex}, the log ends at ${lastEntry.index}: not copied at one moment, or the log lost its end`;
    findings.push(finding('applied-beyond-log', 'error', message, { file: parts.directory.state, fix: 'Do not start this member: what it applied is missing in its log' }));
  }
  const health = healthOf(parts, findings);
  const startable = startableFrom(parts, findings, configuration, lastEntry);
  if (!startable.ok) {
    const isNew = health === 'ok' && lastEntry.index === 0;
    findings.push(finding('not-startable', isNew ? 'info' : 'warn', `cannot be started: ${startable.reason}`, { fix: isNew ? '' : 'Recover from another member, or bring back what is missing' }));
  }
  const times = [log?.mtimeMs ?? 0, state.mtimeMs, ...snapshots.map((one) => one.mtimeMs)];
  const report: MemberReport = {
    path: place,
    label: path.basename(path.resolve(place)),
    store: 'native',
    software: { name: 'raft-inspector', version: null },
    memberId: identity?.memberId ?? null,
    clusterId: identity?.clusterId ?? null,
    generation: identity?.generation ?? null,
    machine: identity?.machine ?? null,
    hardState,
    log: log === null || log.survey.log.entries === 0 ? emptyLog(lastEntry.index + 1, lastEntry.term) : log.survey.log,
    snapshots: snapshots.filter((one) => one.named !== null || !areNamesKnown(log)).map(toSnapshotReport),
    lastEntry,
    appliedIndex: state.appliedIndex,
    commitFloor,
    inDoubt: inDoubtAfter(commitFloor, lastEntry.index),
    confState: configuration === undefined ? null : toConfState(configuration, commitFloor),
    state: state.state,
    damage: damageOf(parts),
    health,
    checked: 'checksums',
    name: identity === null || identity.name === '' ? null : identity.name,
    revisionAtEnd: null,
    running,
    lastWritten: Math.max(...times) === 0 ? null : new Date(Math.max(...times)).toISOString(),
    startable,
    serverStarts: running === null ? startable.ok && !state.isDamaged : null,
  };
  return { report, findings };
}

export function areNamesKnown(log: LogReading | null): boolean {
  return log !== null && log.records.snapshots.value !== null;
}

/** That of the lost commit where it can still be read: a vote given there binds. */
function hardStateOf(log: LogReading | null): MemberReport['hardState'] {
  const held = [log?.lostCommit?.hardState, log?.records.hardState.value].filter((one) => one !== null && one !== undefined);
  const [newest] = held.sort((a, b) => b.term - a.term || b.commit - a.commit);
  if (newest === undefined) return { currentTerm: log?.survey.last?.term ?? 0, votedFor: null, commitIndex: null };
  return { currentTerm: newest.term, votedFor: newest.vote === '' ? null : newest.vote, commitIndex: newest.commit };
}

/** The log's last entry, or the newest usable snapshot's when the log is empty or older. */
function lastOf({ log, snapshots }: MemberParts): LogPosition {
  const newest = snapshots.find((one) => isUsable(one, areNamesKnown(log)))?.position ?? { term: 0, index: 0 };
  const run = log?.survey.log;
  const last = run !== undefined && run.entries > 0 ? { term: run.lastTerm, index: run.lastIndex } : { term: 0, index: 0 };
  return comparePositions(newest, last) > 0 ? { ...newest } : last;
}

/** Where the log is known to have ended, by its descriptors, that of a lost commit too; null when none can be read. */
function endOf({ tail, lostCommit, survey }: LogReading): LogPosition | null {
  const known = [lostCommit === null ? tail : lostCommit.tail].flatMap((one) => (one === null ? [] : [one.position]));
  if (known.length === 0) return null;
  if (survey.last !== null) known.push(survey.last);
  const [end] = known.sort((a, b) => comparePositions(b, a));
  return end === undefined ? null : { term: end.term, index: end.index };
}

/**
 * Places in the log that cannot be read, each with where the log is known to end. Lost descriptors and a lost commit are such places:
 * what lay behind the last entry read is not known then.
 */
function damageOf({ log, directory }: MemberParts): DamageReport[] {
  if (log === null) return [{ file: directory.log, byteOffset: 0, fromIndex: null, toIndex: null, tail: null }];
  const { survey, records, lostCommit } = log;
  const tail = endOf(log);
  const places: DamageReport[] = survey.damage.map(({ file, byteOffset, fromIndex, toIndex }) => ({ file, byteOffset, fromIndex, toIndex, tail }));
  const behind = (survey.last?.index ?? records.base.value?.index ?? 0) + 1;
  const add = (byteOffset: number, fromIndex: number | null, toIndex: number | null): void => {
    if (!places.some((one) => one.byteOffset === byteOffset)) places.push({ file: directory.log, byteOffset, fromIndex, toIndex, tail });
  };
  if (lostCommit !== null) {
    const to = tail?.index ?? null;
    const isMore = to === null || to >= behind;
    add(lostCommit.damage.byteOffset, isMore ? behind : null, isMore ? to : null);
  }
  if (log.tail === null) add(records.tail.byteOffset, behind, null);
  return places;
}

function healthOf({ log }: MemberParts, findings: readonly Finding[]): Health {
  if (log === null || findings.some((one) => one.rule === 'record-newer')) return 'unreadable';
  if (findings.some((one) => one.rule === 'record-encrypted')) return 'encrypted';
  return findings.some((one) => one.severity === 'error') ? 'damaged' : 'ok';
}

/** As the engine's own start decides: anything that cannot be true keeps the member out, and nothing is repaired in silence. */
function startableFrom({ log, directory }: MemberParts, findings: readonly Finding[], configuration: NativeConfiguration | undefined, last: LogPosition): MemberReport['startable'] {
  const no = (reason: string): MemberReport['startable'] => ({ ok: false, reason });
  if (log === null) return no(`${directory.log} cannot be read`);
  const worst = findings.find((one) => one.severity === 'error');
  if (worst !== undefined) return no(`${worst.message}${worst.file === null ? '' : ` (${worst.file})`}`);
  if (last.index === 0) return no('it holds no entry and no snapshot: it has not joined its cluster yet');
  return configuration === undefined ? no('no configuration is in its log or snapshots') : { ok: true };
}
