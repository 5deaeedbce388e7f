import type { MembershipChange } from '../../src/engine/core/configuration.ts';
import { RefusedError } from '../../src/engine/errors.ts';
import type { ChangeOptions, ChangeOutcome, LeaderView, LiveCluster, SnapshotOffer } from '../../src/engine/live/cluster.ts';
import type { KvAccess } from '../../src/engine/live/kv-access.ts';
import { type LiveMember, type MemberList, toleranceOf } from '../../src/engine/live/member-list.ts';

export function member(id: string, rest: Partial<LiveMember> = {}): LiveMember {
  return { id, name: id, addresses: [`127.0.0.1:70${id.replaceAll(/\D/g, '').padStart(2, '0')}`], role: 'voter', isLeader: false, matchIndex: 100, lag: 0, version: '0.1.0', healthy: true, lastContactMs: 12, problem: null, ...rest };
}

export function down(id: string, rest: Partial<LiveMember> = {}): LiveMember {
  return member(id, { healthy: false, lag: null, matchIndex: 90, lastContactMs: 4000, problem: 'its leader has not heard of it for 4.0 s', ...rest });
}

/** A list as a cluster gives it; the first member that is up leads. */
export function listOf(members: readonly LiveMember[], rest: Partial<MemberList> = {}): MemberList {
  const leader = members.find((one) => one.isLeader)?.id ?? members.find((one) => one.healthy && one.role === 'voter')?.id ?? null;
  const { quorum, failuresTolerated } = toleranceOf(members);
  const shown = members.map((one) => ({ ...one, isLeader: one.id === leader }));
  return { clusterId: '55c00990150d08f5', leader, term: 7, commitIndex: 100, members: shown, pendingChange: null, configurationIndex: 1, removedIds: [], quorum, failuresTolerated, ...rest };
}

/** What a fake does with a change before it takes it: throws, or nothing. */
type Fault = (change: MembershipChange) => void;

/** A cluster in memory that takes changes at once, and keeps what was asked of it. Time moves only by `pause`. */
export class FakeCluster implements LiveCluster {
  readonly kind = 'native';
  readonly asked: { change: MembershipChange; changeId: string }[] = [];
  readonly faults: Fault[] = [];
  leaderView: LeaderView = { leader: 'n1', term: 7, since: null };
  nowMs = 0;
  /** Called on each look, so that a test may let time pass. */
  onLook: (list: MemberList) => MemberList = (list) => list;
  onProbe: () => Promise<void> = () => Promise.resolve();
  onTransfer: (to: string | null) => void = () => undefined;
  private index = 100;
  private readonly outcomes = new Map<string, number>();

  constructor(public list: MemberList) {}

  readonly time = {
    nowMs: (): number => this.nowMs,
    pause: async (ms: number): Promise<void> => {
      this.nowMs += ms;
      await Promise.resolve();
    },
  };

  async memberList(): Promise<MemberList> {
    this.list = this.onLook(this.list);
    return this.list;
  }

  async leader(): Promise<LeaderView> {
    return this.leaderView;
  }

  async changeMembership(change: MembershipChange, options: ChangeOptions): Promise<ChangeOutcome> {
    this.asked.push({ change, changeId: options.changeId });
    const known = this.outcomes.get(options.changeId);
    if (known !== undefined) return { index: known, term: this.list.term };
    this.faults.shift()?.(change);
    return { index: this.take(change, options.changeId), term: this.list.term };
  }

  /** Takes a change without an answer: what happens when only the answer is lost. */
  take(change: MembershipChange, changeId: string): number {
    const { members, removedIds } = this.list;
    const find = members.find((one) => one.id === change.id);
    this.index += 1;
    this.outcomes.set(changeId, this.index);
    switch (change.kind) {
      case 'add-learner':
        this.list = { ...this.list, members: [...members, member(change.id, { role: 'learner', addresses: [change.address], matchIndex: this.list.commitIndex })] };
        break;
      case 'promote':
        if (find === undefined) throw new RefusedError('unknown-member', 'none', '');
        this.list = { ...this.list, members: members.map((one) => (one.id === change.id ? { ...one, role: 'voter' as const } : one)) };
        break;
      case 'remove':
        this.list = { ...this.list, members: members.filter((one) => one.id !== change.id), removedIds: [...removedIds, change.id] };
        break;
      case 'change-address':
        break;
    }
    return this.index;
  }

  async transferLeadership(to: string | null): Promise<{ leader: string; term: number }> {
    this.onTransfer(to);
    const { leader, term } = this.leaderView;
    return { leader: leader ?? '', term };
  }

  async probe(): Promise<void> {
    await this.onProbe();
  }

  async takeSnapshot(): Promise<SnapshotOffer> {
    throw new Error('not asked for in these tests');
  }

  kv(): KvAccess {
    throw new Error('not asked for in these tests');
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
