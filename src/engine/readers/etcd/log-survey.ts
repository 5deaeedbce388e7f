import type { LogIndex, LogPosition, Term } from '../../core/types.ts';
import type { DamageReport } from '../../model/member-report.ts';
import { ProtobufError } from '../protobuf.ts';
import { EntryHeader } from './entry-header.ts';
import { LogRun } from './log-run.ts';
import { makesRevision, readMemberWrite, type MemberWrite } from './member-writes.ts';
import { decodeConfChange, decodeHardState, decodeMetadata, decodeWalSnapshot, type StoredConfChange, type StoredHardState } from './raft-messages.ts';
import { filePosition, StepBacks } from './step-backs.ts';
import { RECORD, type WalFrameReader } from './wal-frame.ts';
import type { WalDamage, WalEvent } from './wal-scan.ts';
import type { WalSegment } from './wal-segments.ts';

/** A place in a file of the member. */
export interface FilePlace {
  file: string;
  byteOffset: number;
}

/** A membership change as logged; `change` null where the tool (and etcd) cannot apply it. */
export interface LoggedConfChange extends LogPosition {
  change: StoredConfChange | null;
}

export interface LoggedMemberWrite extends LogPosition {
  write: MemberWrite;
}

/** Member-related records are few in any real log; a hostile one must not fill the memory. */
const MAX_KEPT = 50_000;

/**
 * What a first walk over the WAL learns, in memory that does not grow with the log: the run of entries that ends it, the last
 * hard state, snapshot records, membership changes, and damage.
 * @see etcd v3.6.14, server/storage/wal/wal.go (ReadAll, ValidSnapshotEntries)
 */
export class LogSurvey {
  readonly run = new LogRun();
  readonly stepBacks = new StepBacks();
  readonly snapshots: LogPosition[] = [];
  readonly damages: WalDamage[] = [];
  /** Damage with the indexes that its neighbours tell; a torn tail is none. */
  readonly reports: DamageReport[] = [];
  confChanges: LoggedConfChange[] = [];
  memberWrites: LoggedMemberWrite[] = [];
  memberId: string | null = null;
  clusterId: string | null = null;
  metadataConflict: FilePlace | null = null;
  /** As etcd would load it: the last one before damage in the newest segment. */
  hardState: StoredHardState | null = null;
  /** Highest commit of any whole hard state, those behind damage included: what this member's data proves. */
  provenCommit: LogIndex = 0;
  provenTerm: Term = 0;
  termFall: (FilePlace & LogPosition & { before: Term }) | null = null;
  /** Entries above the applied index that can make a revision. */
  revisions = 0;
  /** Where damage in the newest segment ended the log. */
  closedAt: number | null = null;
  readonly header = new EntryHeader();
  private pendingJump: LogPosition | null = null;
  private lastSeen: LogPosition | null = null;
  /** Damage whose far end is not known yet. */
  private readonly waiting: DamageReport[] = [];
  private readonly behindSeen = new Set<DamageReport>();

  constructor(private readonly appliedIndex: LogIndex) {}

  note(event: WalEvent): void {
    if (event.damage) return this.damage(event.damage);
    const { frame, segment, inNewest } = event;
    const reason = this.record(frame, segment);
    if (reason !== undefined) this.damage({ kind: 'bad-record', segment, byteOffset: frame.offset, reason, inNewest, recordType: frame.type, server: 'refuses' });
  }

  private record(frame: WalFrameReader, segment: WalSegment): string | undefined {
    try {
      if (frame.type === RECORD.entry) return this.entry(frame, segment);
      if (frame.type === RECORD.state) this.state(decodeHardState(frame.data));
      else if (frame.type === RECORD.snapshot) this.snapshot(decodeWalSnapshot(frame.data));
      else if (frame.type === RECORD.metadata) this.metadata(frame, segment);
      return undefined;
    } catch (error) {
      if (error instanceof ProtobufError) return `its content cannot be decoded (${error.message})`;
      throw error;
    }
  }

  private damage(damage: WalDamage): void {
    this.damages.push(damage);
    if (damage.kind === 'torn') return;
    this.addReport(damage.segment.name, damage.byteOffset);
    if (damage.inNewest) this.closedAt ??= filePosition(damage.segment.ordinal, damage.byteOffset);
    else this.run.close('damage');
  }

  /** Call once after the walk. */
  finish(): void {
    const jump = this.pendingJump;
    const commit = this.hardState?.commit ?? 0;
    if (this.closedAt === null && jump && this.leaves(jump) && jump.index <= commit) {
      if (jump.index < this.run.last) this.stepBack(Number.MAX_SAFE_INTEGER, jump.index + 1); // of the branch that the snapshot replaced
      this.run.close('snapshot', jump.index + 1, jump.term);
    }
    for (const report of this.reports) if (this.behindSeen.has(report)) report.tail = this.lastSeen && { ...this.lastSeen };
  }

  get isFatallyDamaged(): boolean {
    return this.damages.some(({ kind }) => kind !== 'torn');
  }

  get isTorn(): boolean {
    return this.damages.some(({ kind }) => kind === 'torn');
  }

  private entry(frame: WalFrameReader, segment: WalSegment): string | undefined {
    const { header, run } = this;
    const wrong = header.decode(frame.buffer, frame.dataFrom, frame.dataTo);
    if (wrong !== undefined) return wrong;
    const { index, term } = header;
    if (this.lastSeen && index <= this.lastSeen.index) this.stepBack(filePosition(segment.ordinal, frame.offset), index);
    if (this.reports.length > 0) this.seenBehindDamage(index);
    this.lastSeen ??= { term, index };
    this.lastSeen.term = term;
    this.lastSeen.index = index;
    if (this.closedAt !== null) return undefined;
    if (!run.isEmpty || run.first !== 0) this.joinRun(frame, segment);
    if (term < run.lastTerm) this.termFall ??= { file: segment.name, byteOffset: frame.offset, index, term, before: run.lastTerm };
    run.append(header);
    if (index > this.appliedIndex && header.type === 0 && makesRevision(frame.buffer, header.dataFrom, header.dataTo)) this.revisions++;
    return this.noteMembers(frame);
  }

  /** Makes room for an entry that does not follow the last one: a snapshot jump, or indexes that are simply not there. */
  private joinRun(frame: WalFrameReader, segment: WalSegment): void {
    const { run, pendingJump } = this;
    const { index } = this.header;
    if (pendingJump?.index === index - 1 && this.leaves(pendingJump)) {
      run.close('snapshot', index, pendingJump.term);
      this.pendingJump = null;
      return;
    }
    if (index === run.last + 1) return;
    if (index <= run.last) return run.close('damage'); // below a run that began behind a jump
    const report = this.addReport(segment.name, frame.offset);
    this.waiting.pop();
    Object.assign(report, { fromIndex: run.last + 1, toIndex: index - 1 });
    this.behindSeen.add(report);
    const reason = `entry ${index} follows ${run.last}: ${index - run.last - 1} entries are missing, and no snapshot covers them`;
    this.damages.push({ kind: 'bad-record', segment, byteOffset: frame.offset, reason, inNewest: false, recordType: RECORD.entry, server: null });
    run.close('damage');
  }

  private stepBack(position: number, index: LogIndex): void {
    this.stepBacks.add(position, index);
    this.run.truncateFrom(index);
    this.confChanges = this.confChanges.filter((logged) => logged.index < index);
    this.memberWrites = this.memberWrites.filter((logged) => logged.index < index);
  }

  private noteMembers(frame: WalFrameReader): undefined {
    const { index, term, type, dataFrom, dataTo } = this.header;
    if (type === 0) {
      const write = readMemberWrite(frame.buffer, dataFrom, dataTo);
      if (write && this.memberWrites.length < MAX_KEPT) this.memberWrites.push({ index, term, write });
    } else if (this.confChanges.length < MAX_KEPT) {
      // Type 2, ConfChangeV2, is never written by etcd, and applying one makes it panic.
      const change = type === 1 ? decodeConfChange(frame.buffer.subarray(dataFrom, dataTo)) : null;
      this.confChanges.push({ index, term, change });
    }
    return undefined;
  }

  private state(state: StoredHardState): void {
    if (this.closedAt === null) this.hardState = state;
    this.provenCommit = Math.max(this.provenCommit, state.commit);
    this.provenTerm = Math.max(this.provenTerm, state.term);
  }

  private snapshot(position: LogPosition): void {
    if (this.snapshots.length < MAX_KEPT) this.snapshots.push(position);
    if (this.closedAt === null && position.index > 0 && this.leaves(position)) this.pendingJump = position;
  }

  /** Whether a snapshot is not of the run: it lies behind it, or the run holds an entry of another branch there, which a leader's snapshot replaced. */
  private leaves({ index, term }: LogPosition): boolean {
    const { run } = this;
    if (run.isEmpty || index > run.last) return index > run.last;
    const held = run.termRuns.find((one) => one.last >= index);
    return index >= run.first && held !== undefined && held.term !== term;
  }

  private metadata(frame: WalFrameReader, segment: WalSegment): void {
    const { memberId, clusterId } = decodeMetadata(frame.data);
    this.memberId ??= memberId;
    this.clusterId ??= clusterId;
    if (memberId === this.memberId && clusterId === this.clusterId) return;
    this.metadataConflict ??= { file: segment.name, byteOffset: frame.offset };
  }

  private addReport(file: string, byteOffset: number): DamageReport {
    const report: DamageReport = { file, byteOffset, fromIndex: this.lastSeen ? this.lastSeen.index + 1 : null, toIndex: null, tail: null };
    this.reports.push(report);
    this.waiting.push(report);
    return report;
  }

  /** The first entry behind damage tells where the hole ends; neighbours without a hole between them mean no entry is lost. */
  private seenBehindDamage(index: LogIndex): void {
    for (const report of this.waiting.splice(0)) {
      this.behindSeen.add(report);
      if (report.fromIndex !== null && report.fromIndex >= index) report.fromIndex = null;
      else report.toIndex = index - 1;
    }
  }
}
