import type { LogIndex, MemberId } from '../../core/types.ts';
import type { ConfigurationChange } from '../../model/reading.ts';
import type { LoggedConfChange, LoggedMemberWrite } from './log-survey.ts';
import type { StoredConfChange } from './raft-messages.ts';
import type { SnapFile } from './snap-file.ts';
import type { StoreMember } from './v2-store.ts';

/** Who votes and who is who, as raft and the store believe it at `index`. */
export class Membership {
  voters = new Set<MemberId>();
  learners = new Set<MemberId>();
  members = new Map<MemberId, StoreMember>();
  removed = new Set<MemberId>();
  version: string | null = null;
  /** Of the newest configuration: a change in the log, or the snapshot where the change is no longer in the log. */
  index: LogIndex = 0;

  /** A snapshot replaces what was known. */
  restore({ position, confState, store }: SnapFile): void {
    if (!confState) return;
    if (!sameSet(this.voters, confState.voters) || !sameSet(this.learners, confState.learners)) this.index = position.index;
    this.voters = new Set(confState.voters);
    this.learners = new Set(confState.learners);
    if (!store) return;
    this.members = new Map(store.members.map((member) => [member.id, { ...member }]));
    this.removed = new Set(store.removed);
    this.version = store.version ?? this.version;
  }

  /**
   * Applies a change the way the store does: what it rejects never reaches raft (it is handed on with member id 0).
   * @returns Whether it took effect.
   * @see etcd v3.5.30, server/etcdserver/api/membership/cluster.go (ValidateConfigurationChange)
   */
  apply(change: StoredConfChange, index: LogIndex): boolean {
    if (this.rejects(change)) return false;
    const { id } = change;
    const known = this.members.get(id);
    if (change.type === 'remove') {
      this.members.delete(id);
      this.voters.delete(id);
      this.learners.delete(id);
      this.removed.add(id);
    } else if (change.type === 'update') {
      this.members.set(id, { ...blank(id), ...known, peerUrls: change.peerUrls });
    } else {
      const isLearner = change.type === 'add-learner';
      (isLearner ? this.learners : this.voters).add(id);
      (isLearner ? this.voters : this.learners).delete(id);
      if (change.isPromote) this.members.set(id, { ...blank(id), ...known, isLearner: false });
      else this.members.set(id, { id, name: change.name, peerUrls: change.peerUrls, clientUrls: change.clientUrls, isLearner });
    }
    this.index = index;
    return true;
  }

  note({ write }: LoggedMemberWrite): void {
    if (write.type === 'version') this.version = write.version;
    else {
      const known = this.members.get(write.id);
      if (known) this.members.set(write.id, { ...known, name: write.name ?? known.name, clientUrls: write.clientUrls });
    }
  }

  private rejects(change: StoredConfChange): boolean {
    const { id } = change;
    if (this.removed.has(id)) return true;
    const isKnown = this.members.has(id) || this.voters.has(id) || this.learners.has(id);
    if (change.type === 'remove' || change.type === 'update') return !isKnown;
    if (change.isPromote) return !this.learners.has(id);
    if (isKnown) return true;
    const used = new Set([...this.members.values()].flatMap((member) => member.peerUrls));
    return change.peerUrls.some((url) => used.has(url));
  }
}

export interface MembershipHistory {
  membership: Membership;
  configurations: ConfigurationChange[];
}

/** What the history is made of; each list ascends by index. */
export interface MembershipSources {
  /** Verified snapshots that the log names. */
  snaps: readonly SnapFile[];
  changes: readonly LoggedConfChange[];
  writes: readonly LoggedMemberWrite[];
}

type Event = { index: LogIndex; order: number; happen: () => void };

/** Follows snapshots and log in order of index up to `upTo`, the snapshot after the entry of the same index. */
export function followMembership({ snaps, changes, writes }: MembershipSources, upTo = Number.POSITIVE_INFINITY): MembershipHistory {
  const membership = new Membership();
  const configurations: ConfigurationChange[] = [];
  const add = (index: LogIndex, term: number, source: 'log' | 'snapshot', change: string, effective: boolean): void => {
    configurations.push({ index, term, source, change, voters: [...membership.voters].sort(), learners: [...membership.learners].sort(), effective });
  };
  const events: Event[] = [
    ...changes.map((logged) => ({
      index: logged.index,
      order: 0,
      happen: () => {
        const effective = logged.change !== null && membership.apply(logged.change, logged.index);
        add(logged.index, logged.term, 'log', describe(logged.change, membership), effective);
      },
    })),
    ...writes.map((logged) => ({ index: logged.index, order: 1, happen: () => membership.note(logged) })),
    ...snaps.map((snap) => ({
      index: snap.position.index,
      order: 2,
      happen: () => {
        membership.restore(snap);
        add(snap.position.index, snap.position.term, 'snapshot', `configuration of ${membership.voters.size + membership.learners.size}`, true);
      },
    })),
  ];
  events.sort((a, b) => a.index - b.index || a.order - b.order);
  for (const event of events) if (event.index <= upTo) event.happen();
  return { membership, configurations };
}

function describe(change: StoredConfChange | null, membership: Membership): string {
  if (!change) return 'a change of an unknown kind';
  const name = change.name ?? membership.members.get(change.id)?.name ?? change.id;
  if (change.isPromote) return `promote ${name}`;
  if (change.type === 'remove') return `remove ${name}`;
  if (change.type === 'update') return `update ${name} ${change.peerUrls.join(',')}`;
  return `add ${change.type === 'add-learner' ? 'learner' : 'voter'} ${name}`;
}

function blank(id: MemberId): StoreMember {
  return { id, name: null, peerUrls: [], clientUrls: [], isLearner: false };
}

function sameSet(a: Set<string>, b: readonly string[]): boolean {
  return a.size === b.length && b.every((id) => a.has(id));
}
