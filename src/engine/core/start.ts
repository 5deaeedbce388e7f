import { lastPosition, logOf, termAt } from './log.ts';
import type { Start } from './raft.ts';
import { resetElection } from './roles.ts';
import type { RaftState } from './state.ts';

/** Attempts are told apart over restarts: 2^21 starts of 2^32 attempts each are safe integers. */
const ATTEMPTS_A_LIFE = 2 ** 32;

/**
 * The state of a member that just started, from what its storage held.
 * @throws {RangeError} When that contradicts itself; nothing is repaired.
 */
export function startRaft(start: Start): RaftState {
  const log = logOf(start.log);
  const { hardState, snapshot, settings } = start;
  // The state machine may be ahead of the stored commit index, never of the log: commit is stored now and then only.
  const commit = Math.max(hardState.commit, snapshot.index, start.lastApplied, log.base.index);
  if (commit > log.last) throw new RangeError(`commit index ${commit} lies beyond the log, which ends at ${log.last}`);
  if (snapshot.index < log.base.index) throw new RangeError(`the log begins behind ${log.base.index}, the snapshot covers only ${snapshot.index}`);
  if (snapshot.index > 0 && termAt(log, snapshot.index) !== snapshot.term) throw new RangeError(`snapshot of term ${snapshot.term} at ${snapshot.index}, the log has term ${String(termAt(log, snapshot.index))} there`);
  if (hardState.term < lastPosition(log).term) throw new RangeError(`stored term ${hardState.term} is below the last entry's ${lastPosition(log).term}`);
  const state: RaftState = {
    id: start.id,
    settings,
    incarnation: start.incarnation,
    rng: start.seed >>> 0,
    now: 0,
    wallClockMs: 0,
    role: 'follower',
    term: hardState.term,
    vote: hardState.vote,
    leader: null,
    commit,
    lastApplied: start.lastApplied,
    log,
    snapshot,
    configurations: start.configurations,
    disk: { lastWrite: 0, lastWritten: 0, durable: log.last, pending: [], hardState, lastWriteTick: 0, progressTick: 0 },
    isRemoved: false,
    amnesiacs: [],
    electionElapsed: 0,
    electionTimeout: settings.electionMinTicks,
    contactTick: null,
    isHeard: false,
    heardRound: 0,
    heardNumber: 0,
    verified: 0,
    // Campaigns are told apart over restarts too: a poll keeps no term of its own.
    lastCampaign: start.incarnation * 2 ** 20,
    campaign: null,
    leading: null,
    lastRound: 0,
    lastNumber: 0,
    lastAttempt: start.incarnation * ATTEMPTS_A_LIFE,
    asked: null,
    unasked: null,
    handover: null,
  };
  return resetElection(state);
}
