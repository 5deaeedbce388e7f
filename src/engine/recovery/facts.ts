import type { LogIndex, LogPosition, MemberId } from '../core/types.ts';

/** What the operator knows and the disks do not; recorded with the answer. Labels are those of the places. */
export interface OperatorFacts {
  clusterId?: string;
  allowLearner?: boolean;
  /** A revision that a client or a metric saw (etcd). */
  seenRevision?: number;
  /** A commit index that a metric saw. */
  seenCommit?: LogIndex;
  /** Positions that a client was told are committed. */
  acked?: readonly LogPosition[];
  /** Labels of old copies: perhaps a source, never a proof. */
  restored?: readonly string[];
  /** Vouches that no membership change was started after the newest visible one. */
  noMembershipChange?: boolean;
  /** Label to server id, for stores that do not keep their own. */
  ids?: Readonly<Record<string, MemberId>>;
  /** Number of voters, where no configuration can be read. */
  voters?: number;
  /** Names or ids of members that are gone for good. */
  dead?: readonly string[];
}
