import { hasQuorum, memberOf } from './configuration.ts';
import { withFields } from './copies.ts';
import { appendOwn } from './entries.ts';
import { failReads } from './follower-reads.ts';
import { lastPosition } from './log.ts';
import { activeConfiguration } from './membership.ts';
import type { VoteReply, VoteRequest } from './message.ts';
import { send, sendAfterWrite, type Outbox } from './outbox.ts';
import { newProgress } from './peers.ts';
import { replicateToAll } from './replication.ts';
import { becomeFollower, isInContact, resetElection } from './roles.ts';
import type { Campaign, RaftState } from './state.ts';
import { comparePositions } from './types.ts';

const NO_PAYLOAD = new Uint8Array(0);
/** How much longer than usual a candidate waits for slow disks, in longest election timeouts. */
const MAX_PATIENCE = 10;

/** Only a voter of its own newest configuration may campaign; never one that was removed, nor one that joins. */
export function mayCampaign(state: RaftState): boolean {
  return !state.isRemoved && memberOf(activeConfiguration(state), state.id)?.role === 'voter';
}

/** Asks first whether an election could be won, without touching any term (Ongaro thesis 9.6). */
export function startPreVote(state: RaftState, out: Outbox): RaftState {
  const quiet = failReads(withFields(state, { leader: null }), 'not-leader', 'the leader is no longer heard', out);
  const campaign: Campaign = { number: state.lastCampaign + 1, phase: 'pre-vote', isTransfer: false, voteWrite: 0, granted: [state.id], refused: [] };
  const next: RaftState = resetElection(withFields(quiet, { role: 'pre-candidate', lastCampaign: campaign.number, campaign }));
  if (isWon(next, campaign)) return startVote(next, 'timeout', out);
  for (const request of requestsOf(next, campaign)) send(out, request);
  return next;
}

/** Raises the term and stands for it. Nobody is asked before the own vote is durable: a restart must not vote again in this term. */
export function startVote(state: RaftState, cause: 'timeout' | 'transfer', out: Outbox): RaftState {
  const follower = becomeFollower(state, state.term + 1, null, out);
  const campaign: Campaign = {
    number: state.lastCampaign + 1,
    phase: 'vote',
    isTransfer: cause === 'transfer',
    voteWrite: state.disk.lastWrite + 1,
    granted: [],
    refused: [],
  };
  const next: RaftState = withFields(follower, { role: 'candidate', vote: state.id, lastCampaign: campaign.number, campaign });
  for (const request of requestsOf(next, campaign)) sendAfterWrite(out, request);
  return next;
}

function requestsOf(state: RaftState, campaign: Campaign): VoteRequest[] {
  const { number, phase, isTransfer } = campaign;
  const term = phase === 'pre-vote' ? state.term + 1 : state.term;
  const lastEntry = lastPosition(state.log);
  return activeConfiguration(state)
    .members.filter((member) => member.role === 'voter' && member.id !== state.id)
    .map((member) => ({ kind: 'vote', from: state.id, to: member.id, term, phase, campaign: number, lastEntry, isTransfer }));
}

/** A voter answers by its own log and term alone; whether it counts is the candidate's business (Raft §5.4.1, Ongaro thesis 4.1). */
export function onVoteRequest(state: RaftState, request: VoteRequest, out: Outbox): RaftState {
  return request.phase === 'pre-vote' ? onPreVote(state, request, out) : onVote(state, request, out);
}

function onPreVote(state: RaftState, request: VoteRequest, out: Outbox): RaftState {
  const isFree = state.vote === '' || state.vote === request.from;
  const isLater = request.term > state.term || (request.term === state.term && isFree);
  const isGranted = isLater && !isInContact(state) && isUpToDate(state, request);
  // The candidate has not raised its term yet: a grant in the voter's own, lower term would look stale to it.
  send(out, reply(state, request, isGranted, isGranted ? request.term : state.term));
  return state;
}

function onVote(state: RaftState, request: VoteRequest, out: Outbox): RaftState {
  // A member that hears the leader lets nobody raise its term, or a returning member would depose a leader that works.
  if (request.term < state.term || (isInContact(state) && !request.isTransfer)) {
    send(out, reply(state, request, false, state.term));
    return state;
  }
  const current = request.term > state.term ? becomeFollower(state, request.term, null, out) : state;
  if (!grantsVote(current, request)) {
    send(out, reply(current, request, false, current.term));
    return current;
  }
  sendAfterWrite(out, reply(current, request, true, current.term));
  return resetElection(withFields(becomeFollower(current, current.term, current.leader, out), { vote: request.from }));
}

/** One vote per term, and only for a log at least as complete as ours (Raft §5.2, §5.4.1). */
export function grantsVote(state: RaftState, request: VoteRequest): boolean {
  const isFree = state.vote === '' || state.vote === request.from;
  return request.term === state.term && isFree && isUpToDate(state, request);
}

function isUpToDate(state: RaftState, request: VoteRequest): boolean {
  return comparePositions(request.lastEntry, lastPosition(state.log)) >= 0;
}

function reply(state: RaftState, request: VoteRequest, isGranted: boolean, term: number): VoteReply {
  return { kind: 'vote-reply', from: state.id, to: request.from, term, phase: request.phase, campaign: request.campaign, isGranted };
}

export function onVoteReply(state: RaftState, answer: VoteReply, out: Outbox): RaftState {
  if (memberOf(activeConfiguration(state), answer.from)?.role !== 'voter') return state;
  if (!answer.isGranted && answer.term > state.term) return becomeFollower(state, answer.term, null, out);
  const { campaign } = state;
  // Phase and campaign must both fit: the grant of a poll is no vote, and an old campaign's answers say nothing about this one.
  if (campaign === null || answer.campaign !== campaign.number || answer.phase !== campaign.phase) return state;
  const expectedTerm = campaign.phase === 'pre-vote' ? state.term + 1 : state.term;
  if (answer.isGranted && answer.term !== expectedTerm) return state;
  if (campaign.granted.includes(answer.from) || campaign.refused.includes(answer.from)) return state;
  const counted: Campaign = answer.isGranted ? { ...campaign, granted: [...campaign.granted, answer.from] } : { ...campaign, refused: [...campaign.refused, answer.from] };
  return decide(withFields(state, { campaign: counted }), counted, out);
}

/**
 * The own vote counts once it is durable. The requests leave only now, so the time for their answers begins now too; the others' disks
 * may need as long as the own one did, or members with slow disks would never elect anybody.
 */
export function countOwnVote(state: RaftState, out: Outbox): RaftState {
  const { campaign } = state;
  if (campaign === null || campaign.phase !== 'vote' || state.disk.lastWritten < campaign.voteWrite || campaign.granted.includes(state.id)) return state;
  const counted: Campaign = { ...campaign, granted: [...campaign.granted, state.id] };
  const patienceTicks = Math.min(state.now - state.disk.lastWriteTick, MAX_PATIENCE * state.settings.electionMaxTicks);
  const waiting: RaftState = withFields(resetElection(withFields(state, { campaign: counted })), { electionElapsed: -patienceTicks });
  return decide(waiting, counted, out);
}

function decide(state: RaftState, campaign: Campaign, out: Outbox): RaftState {
  if (isWon(state, campaign)) return campaign.phase === 'pre-vote' ? startVote(state, 'timeout', out) : becomeLeader(state, out);
  if (isLost(state, campaign)) return withFields(state, { role: 'follower', campaign: null });
  return state;
}

function isWon(state: RaftState, campaign: Campaign): boolean {
  return hasQuorum(activeConfiguration(state), (voter) => campaign.granted.includes(voter) && !state.amnesiacs.includes(voter));
}

/** So many refused that the rest cannot make a quorum. */
function isLost(state: RaftState, campaign: Campaign): boolean {
  return !hasQuorum(activeConfiguration(state), (voter) => !campaign.refused.includes(voter));
}

/** The no-op comes before anything else: only entries of the own term show what is committed (Raft §5.4.2, §8). */
function becomeLeader(state: RaftState, out: Outbox): RaftState {
  const others = activeConfiguration(state).members.filter((member) => member.id !== state.id);
  const leader: RaftState = withFields(state, {
    role: 'leader',
    leader: state.id,
    campaign: null,
    leading: {
      sinceTick: state.now,
      heartbeatElapsed: 0,
      peers: others.map((member) => newProgress(state, member.id, state.log.last + 1)),
      waitingReads: null,
      readRounds: [],
      transfer: null,
    },
  });
  return replicateToAll(appendOwn(leader, 'noop', NO_PAYLOAD, state.wallClockMs, out), out);
}
