import type { LogIndex, MemberId, Term } from '../core/types.ts';

/** One check of a snapshot: `ok` null when it could not be made. */
export interface SnapshotCheck {
  name: string;
  ok: boolean | null;
  detail: string;
}

/** A snapshot file or directory as verified (command contract, `snapshot verify`). */
export interface SnapshotFileReport {
  path: string;
  format: 'etcd-db' | 'etcd-snap' | 'consul-archive' | 'nomad-archive' | 'vault-archive' | 'file-snapshot' | 'raft-archive' | 'native';
  verdict: 'verified' | 'unverifiable' | 'bad';
  term: Term | null;
  index: LogIndex | null;
  bytes: number;
  checks: SnapshotCheck[];
  /** Entries in the member's log past this snapshot; null when no log is beside it. */
  entriesPast: number | null;
  confState: { voters: MemberId[]; learners: MemberId[] } | null;
  /** Content counted by type or part: `{type, count, bytes}`; empty where the content is opaque. */
  parts: { type: string; count: number; bytes: number | null }[];
  /** etcd: revision, live keys, HashKV, and the hash that `snapshot status` prints. */
  state: { revision: number | null; keys: number | null; hash: number | string | null; statusHash?: string; totalKeys?: number } | null;
  /** Format version where the format carries one. */
  formatVersion: number | string | null;
  /** When the snapshot was taken, RFC 3339, from its name or the file's time. */
  takenAt: string | null;
}
