import type { LogIndex, LogPosition, MemberId, Term } from '../core/types.ts';

export type StoreName = 'etcd' | 'raft-boltdb' | 'raft-wal' | 'native';
export type Health = 'ok' | 'torn-tail' | 'damaged' | 'unreadable' | 'encrypted';

export interface HardState {
  currentTerm: Term;
  /** hashicorp/raft: the address as stored, and only while `LastVoteTerm` equals `CurrentTerm`. */
  votedFor: MemberId | null;
  /** Null where the store keeps none. */
  commitIndex: LogIndex | null;
}

/** Neighbouring entries of one term, both ends included. */
export interface TermRun {
  term: Term;
  first: LogIndex;
  last: LogIndex;
}

/**
 * The run of readable, effective entries that ends the log. Invariant: `entries` equals `lastIndex - firstIndex + 1`,
 * so an empty log has `lastIndex` = `firstIndex` - 1.
 */
export interface LogReport {
  firstIndex: LogIndex;
  lastIndex: LogIndex;
  lastTerm: Term;
  entries: number;
  /** Sum of the entries' payload sizes, in bytes. */
  bytes: number;
  /** Always holds `command`, `noop` and `confChange`; a store may add kinds of its own (`barrier`). */
  byKind: { command: number; noop: number; confChange: number; [kind: string]: number };
  termRuns: TermRun[];
}

export interface SnapshotReport {
  /** Path below the member's directory. */
  file: string;
  term: Term;
  index: LogIndex;
  bytes: number;
  status: 'verified' | 'unverifiable' | 'bad';
  confState: { voters: MemberId[]; learners: MemberId[] } | null;
  /** When it was taken, RFC 3339, where the file itself says so. */
  takenAt?: string;
}

export interface MemberInfo {
  id: MemberId;
  name: string | null;
  addresses: string[];
  role: 'voter' | 'learner';
}

/** Newest configuration in log or snapshot; `pending` when its entry lies after `commitFloor`. */
export interface ConfState {
  voters: MemberId[];
  learners: MemberId[];
  index: LogIndex;
  pending: boolean;
  members: MemberInfo[];
}

export interface StateReport {
  revision: number | null;
  keys: number | null;
  /** etcd: HashKV at `revision`, a number; other stores: lower-case hex. */
  hash: number | string | null;
  bytes: number | null;
}

/** What is lost inside, and the position of the last whole entry behind it. */
export interface DamageReport {
  file: string;
  byteOffset: number;
  fromIndex: LogIndex | null;
  toIndex: LogIndex | null;
  tail: LogPosition | null;
}

/** The one thing readers produce and everything else consumes (command contract, MemberReport). */
export interface MemberReport {
  path: string;
  label: string;
  store: StoreName;
  software: { name: string; version: string | null } | null;
  memberId: MemberId | null;
  clusterId: string | null;
  /** Our own members: grows with each forced recovery; a newer generation of a cluster replaces the older ones, whatever their terms. */
  generation?: number | null;
  /** Our own members: name of the state machine. */
  machine?: string | null;
  hardState: HardState;
  log: LogReport;
  snapshots: SnapshotReport[];
  /** The log's last entry, or the newest usable snapshot's when the log is empty or older. This pair ranks members. */
  lastEntry: LogPosition;
  appliedIndex: LogIndex | null;
  commitFloor: LogIndex;
  inDoubt: { from: LogIndex; to: LogIndex; entries: number } | null;
  confState: ConfState | null;
  state: StateReport | null;
  damage: DamageReport[];
  health: Health;
  checked: 'checksums' | 'structure';

  /** The member's own name in its data, null where the format has none. */
  name: string | null;
  /** Revision the state machine reaches when the whole log is applied (etcd; an upper bound when transactions are in it). */
  revisionAtEnd: number | null;
  /** A process that has the files open, as far as /proc/locks tells. */
  running: { pid: number | null } | null;
  /** Newest modification time of the store's files, RFC 3339 UTC: a hint for people, never for ranking. */
  lastWritten: string | null;
  /**
   * Whether the member can be started from its own files, and if not, why: `reason` is a sentence fragment that
   * completes "cannot be started: ...". The source rule of recovery disqualifies members that cannot.
   */
  startable: { ok: true } | { ok: false; reason: string };
  /**
   * Whether the server itself comes up from these files as they are: false when it exits, panics or waits for ever; null or absent
   * where that is not known, depends on its patch release, or it comes up and takes no write. A start may still cut records off.
   */
  serverStarts?: boolean | null;
}

/** An empty log that would begin at `firstIndex`. */
export function emptyLog(firstIndex: LogIndex, lastTerm: Term = 0): LogReport {
  return {
    firstIndex,
    lastIndex: firstIndex - 1,
    lastTerm,
    entries: 0,
    bytes: 0,
    byKind: { command: 0, noop: 0, confChange: 0 },
    termRuns: [],
  };
}

/** `{from, to, entries}` after the floor up to the last entry; null when nothing is in doubt. */
export function inDoubtAfter(floor: LogIndex, last: LogIndex): MemberReport['inDoubt'] {
  return last > floor ? { from: floor + 1, to: last, entries: last - floor } : null;
}
