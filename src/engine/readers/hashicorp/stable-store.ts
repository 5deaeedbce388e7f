import type { LogPosition, Term } from '../../core/types.ts';
import { finding, type Finding } from '../../model/finding.ts';
import type { HardState } from '../../model/member-report.ts';
import type { BoltBucket } from '../bbolt/types.ts';

/** Term and vote as stored; null for a key that was never written. */
export interface StableState {
  currentTerm: Term | null;
  lastVoteTerm: Term | null;
  /** The candidate's address, as the transport wrote it. */
  lastVoteCandidate: string | null;
  /** Why it could not be read, null when it could. */
  problem: string | null;
}

export function lostStableState(problem: string): StableState {
  return { currentTerm: null, lastVoteTerm: null, lastVoteCandidate: null, problem };
}

const MAX_ADDRESS_BYTES = 4096;

/**
 * Reads the keys of a `conf` (raft-boltdb) or `stable` (raft-wal) bucket. The same names, but raft-boltdb writes the terms
 * big-endian (raft-boltdb util.go) and raft-wal little-endian (raft-wal v0.4.2 wal.go).
 * @throws {CorruptDataError} From the pages, or on a value that is no term.
 */
export function readStableState(bucket: BoltBucket | null, order: 'big-endian' | 'little-endian'): StableState {
  if (bucket === null) return lostStableState('the bucket with term and vote is missing');
  let problem: string | null = null;
  const term = (key: string): Term | null => {
    const value = bucket.get(key);
    if (value === null) return null;
    const raw = value.length !== 8 ? null : order === 'big-endian' ? value.readBigUInt64BE() : value.readBigUInt64LE();
    if (raw !== null && raw <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(raw);
    problem = raw === null ? `${key} has ${value.length} bytes, not 8` : `${key} is ${raw}`;
    return null;
  };
  const currentTerm = term('CurrentTerm');
  const lastVoteTerm = term('LastVoteTerm');
  const candidate = bucket.get('LastVoteCand');
  const lastVoteCandidate = candidate === null || candidate.length > MAX_ADDRESS_BYTES ? null : candidate.toString('utf8');
  return { currentTerm, lastVoteTerm, lastVoteCandidate, problem };
}

/**
 * The hard state. The term and the candidate of a vote are written in two transactions, term first, so after a crash the
 * candidate may be an older one (hashicorp/raft raft.go `persistVote`).
 */
export function toHardState(stable: StableState, file: string, findings: Finding[]): HardState {
  const { currentTerm, lastVoteTerm, lastVoteCandidate } = stable;
  if (lastVoteTerm !== null && lastVoteTerm > (currentTerm ?? 0)) {
    findings.push(
      finding('vote-after-term', 'warn', `the last vote was in term ${lastVoteTerm}, the current term is ${currentTerm ?? 'not stored'}: a term write was lost`, {
        file,
        fix: `Treat ${lastVoteTerm} as the current term`,
      }),
    );
    return { currentTerm: lastVoteTerm, votedFor: lastVoteCandidate, commitIndex: null };
  }
  const voted = lastVoteTerm !== null && lastVoteTerm === currentTerm;
  if (voted && !lastVoteCandidate) {
    findings.push(finding('vote-without-candidate', 'info', `a vote in term ${lastVoteTerm} is stored without its candidate`, { file }));
  }
  return { currentTerm: currentTerm ?? 0, votedFor: voted ? lastVoteCandidate || null : null, commitIndex: null };
}

/**
 * A server stores a term before the first entry or snapshot of it (hashicorp/raft raft.go `appendEntries`, `installSnapshot`), so a term
 * below that of its last entry is from an older copy. One that is lost altogether is told by the store that lost it.
 */
export function termBehindLog(stable: StableState, { currentTerm }: HardState, last: LogPosition, file: string): Finding[] {
  if (stable.currentTerm === null || currentTerm >= last.term) return [];
  const message = `the current term is ${currentTerm}, the last entry is of term ${last.term}: term and vote are from an older copy than the log`;
  return [finding('term-behind-log', 'error', message, { file, fix: 'Do not start this member: it would lead in terms that are used already, and may vote twice' })];
}
