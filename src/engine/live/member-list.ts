import type { LogIndex, MemberId, Term } from '../core/types.ts';
import { quorumOf } from '../core/types.ts';

/** One member of a running cluster. */
export interface LiveMember {
  readonly id: MemberId;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly role: 'voter' | 'learner';
  readonly isLeader: boolean;
  /** Highest entry that the leader knows to be on its disk; null where no leader could be asked. */
  readonly matchIndex: LogIndex | null;
  /** Entries behind the commit index; null where unknown. */
  readonly lag: number | null;
  readonly version: string | null;
  /** Answers its leader, or this tool where there is none, and is fit to be counted. */
  readonly healthy: boolean;
  /** When the leader heard of it last, in milliseconds; null where unknown, 0 for the leader itself. */
  readonly lastContactMs: number | null;
  /** Why it is not healthy, in words; null when it is. */
  readonly problem: string | null;
}

/** What a running cluster says of itself (command contract, `member list`). */
export interface MemberList {
  readonly clusterId: string;
  readonly leader: MemberId | null;
  readonly term: Term;
  readonly commitIndex: LogIndex;
  readonly members: readonly LiveMember[];
  /** A membership change that is appended and not committed yet: where its entry is. */
  readonly pendingChange: { readonly index: LogIndex } | null;
  /** Index of the entry that holds the configuration in force. */
  readonly configurationIndex: LogIndex;
  /** Ids that were removed: never to be used again. Empty where the cluster does not tell. */
  readonly removedIds: readonly MemberId[];
  /** How often the cluster was made anew by a recovery, for members of our own engine. */
  readonly generation?: number;
  readonly quorum: number;
  /** Voters that may still fail, those that are down already counted. */
  readonly failuresTolerated: number;
}

/** Voters of a set of members, a quorum of them, and how many may still fail. */
export function toleranceOf(members: readonly Pick<LiveMember, 'role' | 'healthy'>[]): { voters: number; quorum: number; failuresTolerated: number } {
  const voters = members.filter((one) => one.role === 'voter');
  const quorum = quorumOf(voters.length);
  return { voters: voters.length, quorum, failuresTolerated: Math.max(0, voters.filter((one) => one.healthy).length - quorum) };
}

/** The member that a word names where ids are given by the cluster: its id, or its name when only one has it. */
export function memberNamed(list: Pick<MemberList, 'members'>, word: string): LiveMember | undefined {
  const named = list.members.filter((one) => one.name === word);
  return memberOf(list, word) ?? (named.length === 1 ? named[0] : undefined);
}

export function memberOf(list: Pick<MemberList, 'members'>, id: MemberId): LiveMember | undefined {
  return list.members.find((one) => one.id === id);
}
