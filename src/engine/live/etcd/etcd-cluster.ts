import type { MembershipChange } from '../../core/configuration.ts';
import type { MemberId } from '../../core/types.ts';
import { InspectorError, RefusedError, UnreachableError } from '../../errors.ts';
import type { CallOptions, ChangeOptions, ChangeOutcome, LeaderView, LiveCluster, SnapshotOffer, StateHash } from '../cluster.ts';
import { hintOf } from '../failures.ts';
import type { KvAccess } from '../kv-access.ts';
import type { MemberList } from '../member-list.ts';
import type { Connection } from '../registry.ts';
import { parseEtcdEndpoint } from './endpoint.ts';
import { EtcdClient } from './etcd-client.ts';
import { isWorthAnother, toEtcdFailure } from './etcd-failures.ts';
import { EtcdKv } from './etcd-kv.ts';
import { isTurnedAway } from './knock.ts';
import { type EtcdMember, type EtcdStatus, leaderOf, mergeMembers, toEtcdMember, toEtcdStatus } from './merge-members.ts';
import { type EtcdMethod, METHODS, toDecimalId, toHexId } from './methods.ts';

/** How long a member may take to say how it stands. */
const STATUS_MS = 2000;
const LOOK_AGAIN = 'Look how it stands: raft-inspector member list; the same command may be run again, nothing is done twice';
/** Key of linearizable reads where only the answering matters. */
const PROBE_KEY: Uint8Array = Buffer.from('raft-inspector/probe');
const ALARMS = ['an alarm', 'no space left', 'corrupt data'];

/** What was seen in one look. */
interface Look {
  readonly members: readonly EtcdMember[];
  readonly statuses: readonly EtcdStatus[];
}

/** A running etcd cluster, over its v3 API. */
class EtcdCluster implements LiveCluster {
  readonly kind = 'etcd';

  constructor(
    private readonly client: EtcdClient,
    private readonly endpoints: readonly string[],
    private readonly onlyEndpoints: boolean,
    private readonly peerUrl: string | null,
  ) {}

  async memberList(options: CallOptions): Promise<MemberList> {
    const { members, statuses } = await this.look(options);
    return mergeMembers(members, statuses);
  }

  async leader(options: CallOptions): Promise<LeaderView> {
    return leaderOf((await this.look(options)).statuses);
  }

  /**
   * One attempt. What the cluster shows as done is not asked for again: its calls are not repeatable by themselves.
   */
  async changeMembership(change: MembershipChange, options: ChangeOptions): Promise<ChangeOutcome> {
    const endsAt = performance.now() + options.timeoutMs;
    const look = await this.look(options);
    const { leader, term } = leaderOf(look.statuses);
    const at = look.statuses.find((one) => one.memberId === leader);
    const done = doneAlready(change, look.members);
    if (done !== null) return { index: null, term, id: done };
    if (leader === null) throw new UnreachableError(`${change.kind} ${change.id}: the cluster has no leader; it did not take effect`, 'raft-inspector member list shows who answers; a majority of the voters has to');
    if (change.kind === 'add-learner') refuseOldVersions(look.statuses);
    const endpoint = at?.endpoint ?? (look.statuses[0] as EtcdStatus).endpoint;
    const timeoutMs = Math.max(1, endsAt - performance.now());
    const what = `${change.kind} ${change.id}`;
    const call = <Request, Response>(method: EtcdMethod<Request, Response>, request: Request): Promise<Response> =>
      this.client.call(endpoint, method, request, timeoutMs).catch((error: unknown) => {
        throw toEtcdFailure(error, what, method.effect, LOOK_AGAIN);
      });
    switch (change.kind) {
      case 'add-learner': {
        const { header, member } = await call(METHODS.memberAdd, { peerUrls: [change.address], isLearner: true });
        return { index: null, term: header?.raftTerm ?? term, id: toHexId(member?.id ?? '0') };
      }
      case 'promote': {
        const { header } = await call(METHODS.memberPromote, { id: idOf(change.id) });
        return { index: null, term: header?.raftTerm ?? term, id: change.id };
      }
      case 'remove': {
        const { header } = await call(METHODS.memberRemove, { id: idOf(change.id) });
        return { index: null, term: header?.raftTerm ?? term, id: change.id };
      }
      case 'change-address': {
        const { header } = await call(METHODS.memberUpdate, { id: idOf(change.id), peerUrls: [change.address] });
        return { index: null, term: header?.raftTerm ?? term, id: change.id };
      }
    }
  }

  async transferLeadership(to: MemberId | null, options: CallOptions): Promise<{ leader: MemberId; term: number }> {
    const endsAt = performance.now() + options.timeoutMs;
    const { members, statuses } = await this.look(options);
    const { leader } = leaderOf(statuses);
    const at = statuses.find((one) => one.memberId === leader);
    if (at === undefined) throw new UnreachableError('leader stepdown: the leader does not answer; it did not take effect', 'raft-inspector leader show');
    const furthest = statuses.filter((one) => one.memberId !== leader && !one.isLearner && members.some((member) => member.id === one.memberId)).sort((a, b) => (b.appliedIndex ?? 0) - (a.appliedIndex ?? 0))[0];
    const target = to ?? furthest?.memberId;
    if (target === undefined) throw new RefusedError('transfer-target', 'no other voter is up', hintOf('transfer-target'));
    await this.client.call(at.endpoint, METHODS.moveLeader, { targetId: idOf(target) }, Math.max(1, endsAt - performance.now())).catch((error: unknown) => {
      throw toEtcdFailure(error, 'leader stepdown', 'possible', 'Look who leads now: raft-inspector leader show');
    });
    const after = await this.leader({ timeoutMs: Math.max(1, endsAt - performance.now()) });
    return { leader: after.leader ?? target, term: after.term };
  }

  async probe(options: CallOptions): Promise<void> {
    await this.any('probe', METHODS.range, { key: PROBE_KEY, rangeEnd: new Uint8Array(), limit: 1, revision: 0, serializable: false, keysOnly: true, countOnly: false }, options);
  }

  async takeSnapshot({ timeoutMs }: CallOptions): Promise<SnapshotOffer> {
    const { client } = this;
    const { statuses } = await this.look({ timeoutMs });
    const { leader } = leaderOf(statuses);
    // A follower that keeps up is as good as the leader, and has less to do.
    const best = statuses.filter((one) => !one.isLearner).sort((a, b) => (b.appliedIndex ?? 0) - (a.appliedIndex ?? 0) || Number(a.memberId === leader) - Number(b.memberId === leader))[0];
    if (best === undefined) throw new UnreachableError('take a snapshot: no voter answers', 'raft-inspector member list shows who answers');
    const { endpoint, memberId } = best;
    return {
      id: `revision ${best.revision}`,
      member: memberId,
      index: null,
      term: null,
      async *chunks() {
        try {
          yield* client.snapshot(endpoint, timeoutMs);
        } catch (error) {
          throw toEtcdFailure(error, `download a snapshot of ${memberId}`, 'none', 'It is safe to run it again');
        }
      },
    };
  }

  /** @throws {RefusedError} `compacted`, `future-revision`. */
  async stateHashes(revision: number | null, options: CallOptions): Promise<StateHash[]> {
    const { statuses } = await this.look(options);
    return Promise.all(
      statuses.filter((one) => !one.isLearner).map(async ({ endpoint, memberId, revision: now }) => {
        const { hash } = await this.client.call(endpoint, METHODS.hashKv, { revision: revision ?? 0 }, options.timeoutMs).catch((error: unknown) => {
          throw toEtcdFailure(error, `hash of ${memberId}`, 'none', '');
        });
        return { member: memberId, hash, revision: revision ?? now, index: null };
      }),
    );
  }

  async refusesMember(id: MemberId, options: CallOptions): Promise<boolean | null> {
    const { members, statuses } = await this.look(options);
    const { leader } = leaderOf(statuses);
    const clusterId = statuses[0]?.clusterId;
    // A present member must not be played: its own stream would be cut.
    if (leader === null || clusterId === undefined || members.some((one) => one.id === id)) return null;
    const url = this.peerUrl ?? (this.onlyEndpoints ? null : (members.find((one) => one.id === leader)?.peerUrls[0] ?? null));
    return url === null ? null : isTurnedAway(url, id, leader, clusterId, Math.min(options.timeoutMs, STATUS_MS));
  }

  async alarms(options: CallOptions): Promise<string[]> {
    const { alarms } = await this.any('alarms', METHODS.alarm, { action: 0, memberId: '0', alarm: 0 }, options);
    return alarms.map((one) => `${ALARMS[one.alarm] ?? `alarm ${one.alarm}`}, raised by ${toHexId(one.memberId)}`);
  }

  kv(): KvAccess {
    return new EtcdKv((what, method, request, options) => this.any(what, method, request, options));
  }

  close(): Promise<void> {
    this.client.close();
    return Promise.resolve();
  }

  /** Asks the endpoints in turn until one answers. A call that may have taken effect is sent once only. */
  private async any<Request, Response>(what: string, method: EtcdMethod<Request, Response>, request: Request, { timeoutMs }: CallOptions): Promise<Response> {
    const endsAt = performance.now() + timeoutMs;
    let failure: unknown = null;
    for (const [at, endpoint] of this.endpoints.entries()) {
      const leftMs = endsAt - performance.now();
      if (leftMs <= 0) break;
      // Somebody who does not answer must not take the time of the others; a write is not asked for twice, so it gets all there is.
      const share = method.effect === 'none' ? leftMs / (this.endpoints.length - at) : leftMs;
      try {
        return await this.client.call(endpoint, method, request, Math.max(1, share));
      } catch (error) {
        failure = error;
        const isCertain = method.effect === 'none' || !(error as { wasSent?: boolean }).wasSent || /not supported for learner|no leader$/.test(String(error));
        if (!isWorthAnother(error) || !isCertain) break;
      }
    }
    throw toEtcdFailure(failure, what, method.effect, 'Look what is there now: raft-inspector kv get <key>');
  }

  /** Who is a member, and what each says of itself. @throws {UnreachableError} When nobody answers. @throws {RefusedError} `mixed-clusters`. */
  private async look({ timeoutMs }: CallOptions): Promise<Look> {
    const endsAt = performance.now() + timeoutMs;
    const first = await this.statuses(this.endpoints, Math.min(timeoutMs, STATUS_MS));
    const clusters = [...new Set(first.map((one) => one.clusterId))];
    if (clusters.length > 1) throw new RefusedError('mixed-clusters', `the endpoints belong to different clusters: ${clusters.join(', ')}`, 'Name endpoints of one cluster');
    const { leader } = leaderOf(first);
    // A member that others have outvoted may not know who else is one: whoever knows the leader is asked first.
    const asked = [...first].sort((a, b) => Number(b.memberId === leader) - Number(a.memberId === leader) || b.term - a.term || b.commitIndex - a.commitIndex);
    const members = await this.members(asked, leader !== null, endsAt);
    const silent = members.filter((one) => !this.onlyEndpoints && one.clientUrls.length > 0 && !first.some((status) => status.memberId === one.id));
    const urls = silent.map((one) => one.clientUrls[0] as string);
    const more = silent.length === 0 ? [] : await this.statuses(urls, Math.max(1, Math.min(endsAt - performance.now(), STATUS_MS)), false);
    const isMember = (status: EtcdStatus): boolean => status.clusterId === clusters[0] && members.some((one) => one.id === status.memberId);
    return { members, statuses: uniqueBy([...first, ...more].filter(isMember), (one) => one.memberId) };
  }

  private async statuses(endpoints: readonly string[], timeoutMs: number, needsOne = true): Promise<EtcdStatus[]> {
    const answers = await Promise.allSettled(endpoints.map(async (endpoint) => toEtcdStatus(await this.client.call(endpoint, METHODS.status, {}, timeoutMs), endpoint)));
    const statuses = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    if (statuses.length > 0 || !needsOne) return statuses;
    const failures = answers.flatMap((one) => (one.status === 'rejected' ? [toEtcdFailure(one.reason, 'status', 'none', LOOK_AGAIN)] : []));
    const telling = failures.find((one) => one instanceof RefusedError) ?? failures.find((one) => one instanceof InspectorError && !(one instanceof UnreachableError)) ?? failures[0];
    throw telling ?? new UnreachableError('no member answered', 'Name endpoints with --endpoint');
  }

  private async members(asked: readonly EtcdStatus[], hasLeader: boolean, endsAt: number): Promise<EtcdMember[]> {
    let failure: unknown = null;
    // Without a leader a linearizable list would never come; from 3.5 on the flag is honoured, before it is not known.
    for (const linearizable of hasLeader ? [true, false] : [false]) {
      for (const { endpoint } of asked) {
        const leftMs = endsAt - performance.now();
        if (leftMs <= 0) break;
        try {
          const { members } = await this.client.call(endpoint, METHODS.memberList, { linearizable }, Math.min(leftMs, STATUS_MS));
          return members.map(toEtcdMember);
        } catch (error) {
          failure = error;
        }
      }
    }
    throw toEtcdFailure(failure, 'member list', 'none', LOOK_AGAIN);
  }
}

/** @throws {UsageError} When an endpoint is none. */
export async function openEtcdCluster({ endpoints, tls, user, onlyEndpoints, peerUrl }: Connection): Promise<LiveCluster> {
  for (const one of endpoints) parseEtcdEndpoint(one);
  return new EtcdCluster(new EtcdClient({ tls, user: user ?? null }), endpoints, onlyEndpoints === true, peerUrl ?? null);
}

/** The member a change is about, when the cluster shows it as done; null when it is to be asked for. */
function doneAlready(change: MembershipChange, members: readonly EtcdMember[]): MemberId | null {
  switch (change.kind) {
    case 'add-learner':
      return members.find((one) => one.peerUrls.includes(change.address))?.id ?? null;
    case 'promote':
      return members.some((one) => one.id === change.id && !one.isLearner) ? change.id : null;
    case 'remove':
      return members.some((one) => one.id === change.id) ? null : change.id;
    case 'change-address':
      return members.some((one) => one.id === change.id && one.peerUrls.length === 1 && one.peerUrls[0] === change.address) ? change.id : null;
  }
}

/** Before 3.4 the flag is not known and the newcomer would be a voter at once: the majority would hang on it. */
function refuseOldVersions(statuses: readonly EtcdStatus[]): void {
  const old = statuses.find((one) => Number(one.version.split('.')[0]) < 3 || (one.version.startsWith('3.') && Number(one.version.split('.')[1]) < 4));
  if (old !== undefined) throw new RefusedError('learner-unsupported', `${old.memberId} is etcd ${old.version}, which knows no learners: the newcomer would count at once`, 'Add it with the cluster\'s own tools, when it is ready to start');
}

function idOf(hex: string): string {
  try {
    return toDecimalId(hex);
  } catch (cause) {
    throw new RefusedError('unknown-member', `${hex} is no member`, hintOf('unknown-member'), { cause });
  }
}

function uniqueBy<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...new Map([...items].reverse().map((one) => [key(one), one])).values()].reverse();
}
