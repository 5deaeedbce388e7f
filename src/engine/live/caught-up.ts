import type { LogIndex, MemberId } from '../core/types.ts';
import { RefusedError, UnreachableError } from '../errors.ts';
import type { LiveCluster } from './cluster.ts';
import { type LiveMember, memberOf, type MemberList } from './member-list.ts';

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly nowMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
  readonly progress?: (text: string) => void;
}

const POLL_MS = 100;
const ASK_MS = 2000;

/**
 * Waits until a member is healthy and holds everything that was committed when the wait began. A fixed mark, because under load
 * the end of the log runs ahead for ever.
 * @throws {RefusedError} `unknown-member` when it is none.
 * @throws {UnreachableError} When it did not get there in time: how far it is, and why.
 */
export async function waitForMember(cluster: LiveCluster, id: MemberId, options: WaitOptions): Promise<{ list: MemberList; member: LiveMember; waitedMs: number }> {
  const startedAt = options.nowMs();
  let mark: LogIndex | null = null;
  let seen = 'no member of the cluster answered';
  for (;;) {
    const leftMs = options.timeoutMs - (options.nowMs() - startedAt);
    const list = await ask(cluster, Math.max(1, Math.min(ASK_MS, leftMs)));
    if (list !== null) {
      const member = memberOf(list, id);
      if (member === undefined) throw new RefusedError('unknown-member', `${id} is no member`, `The members are ${list.members.map((one) => one.id).join(', ')}`);
      if (list.leader !== null) mark ??= list.commitIndex;
      if (mark !== null && member.healthy && member.matchIndex !== null && member.matchIndex >= mark) return { list, member, waitedMs: Math.round(options.nowMs() - startedAt) };
      seen = describe(list, member, mark);
      options.progress?.(seen);
    }
    if (options.nowMs() - startedAt + POLL_MS >= options.timeoutMs) {
      throw new UnreachableError(`${id} is not healthy and caught up after ${Math.round((options.nowMs() - startedAt) / 100) / 10} s: ${seen}`, `Look whether it runs and can be reached, then wait on: raft-inspector member wait ${id} --timeout 5m`);
    }
    await options.pause(POLL_MS);
  }
}

async function ask(cluster: LiveCluster, timeoutMs: number): Promise<MemberList | null> {
  try {
    return await cluster.memberList({ timeoutMs });
  } catch (error) {
    if (error instanceof UnreachableError) return null;
    throw error;
  }
}

function describe(list: MemberList, member: LiveMember, mark: LogIndex | null): string {
  if (list.leader === null) return 'there is no leader';
  if (!member.healthy) return member.problem ?? 'it does not answer';
  return `it holds entries up to ${member.matchIndex ?? 'an unknown one'}, and ${mark} is to be reached`;
}
