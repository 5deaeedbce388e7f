import type { TlsMaterial } from '../../adapters/grpc/credentials.ts';
import { RaftClient } from '../../client/raft-client.ts';
import type { MembershipChange } from '../../core/configuration.ts';
import type { MemberId } from '../../core/types.ts';
import { RefusedError, UnreachableError, UsageError } from '../../errors.ts';
import { encodeKvQuery } from '../../native/kv-query.ts';
import type { NodeStatus } from '../../ports/node-api.ts';
import type { CallOptions, ChangeOptions, ChangeOutcome, LeaderView, LiveCluster, SnapshotOffer, StateHash } from '../cluster.ts';
import type { KvAccess } from '../kv-access.ts';
import type { MemberList } from '../member-list.ts';
import type { Connection, PemTexts } from '../registry.ts';
import { leadershipOf, leaderView, mergeStatuses } from './merge-statuses.ts';
import { failureOf, NativeKv } from './native-kv.ts';

/** How long a member may take to say how it stands, while others have answered; a leader that others name is asked twice. */
const STATUS_MS = 2000;
/** A key that is read where only the answering matters, not the value. */
const PROBE_KEY: Uint8Array = Buffer.from('raft-inspector/probe');
const LOOK_AGAIN = 'Look how it stands: raft-inspector member list; the same command may be run again, nothing is done twice';

/** A cluster of the embedded engine, over its own client. */
class NativeCluster implements LiveCluster {
  readonly kind = 'native';

  constructor(private readonly client: RaftClient) {}

  async memberList(options: CallOptions): Promise<MemberList> {
    return mergeStatuses(await this.statuses(options));
  }

  async leader(options: CallOptions): Promise<LeaderView> {
    return leaderView(await this.statuses(options));
  }

  async changeMembership(change: MembershipChange, options: ChangeOptions): Promise<ChangeOutcome> {
    return this.client.changeMembership(change, options).catch((error: unknown) => {
      throw failureOf(error, `${change.kind} ${change.id}`, LOOK_AGAIN);
    });
  }

  async transferLeadership(to: MemberId | null, options: CallOptions): Promise<{ leader: MemberId; term: number }> {
    return this.client.transfer(to, options).catch((error: unknown) => {
      throw failureOf(error, 'leader stepdown', 'Look who leads now: raft-inspector leader show');
    });
  }

  async probe({ timeoutMs }: CallOptions): Promise<void> {
    await this.client.query(encodeKvQuery({ kind: 'get', key: PROBE_KEY }), { level: { kind: 'linearizable' }, timeoutMs }).catch((error: unknown) => {
      throw failureOf(error, 'probe');
    });
  }

  async takeSnapshot({ timeoutMs }: CallOptions): Promise<SnapshotOffer> {
    const { client } = this;
    const { id, index, term, member } = await client.takeSnapshot({ timeoutMs }).catch((error: unknown) => {
      throw failureOf(error, 'take a snapshot', 'It is safe to run it again');
    });
    return {
      id,
      index,
      term,
      member,
      async *chunks() {
        try {
          yield* client.downloadSnapshot(id, { member, timeoutMs });
        } catch (error) {
          throw failureOf(error, `download snapshot ${id} of ${member}`, 'It is safe to run it again');
        }
      },
    };
  }

  async stateHashes(_revision: number | null, options: CallOptions): Promise<StateHash[]> {
    const statuses = await this.statuses(options);
    return statuses.filter((one) => !one.isRemoved).map((one) => ({ member: one.memberId, hash: one.stateHash, revision: null, index: one.appliedIndex }));
  }

  kv(): KvAccess {
    return new NativeKv(this.client);
  }

  close(): Promise<void> {
    this.client.close();
    return Promise.resolve();
  }

  private async statuses({ timeoutMs }: CallOptions): Promise<NodeStatus[]> {
    const endsAt = performance.now() + timeoutMs;
    let answered = await this.survey(Math.min(timeoutMs, STATUS_MS));
    const { id, status } = leadershipOf(answered);
    const leftMs = endsAt - performance.now();
    // Only the leader knows how far the others are: where it is named and was too slow, it gets the rest of the time.
    if (id !== null && status === null && leftMs > 100) answered = await this.survey(leftMs);
    return answered;
  }

  private async survey(timeoutMs: number): Promise<NodeStatus[]> {
    const answered = await this.client.statuses({ timeoutMs });
    const statuses = answered.flatMap((one) => (one.status === null ? [] : [one.status]));
    const mixed = answered.find((one) => one.error?.rule === 'wrong-lineage');
    if (mixed?.error) throw new RefusedError('wrong-lineage', mixed.error.message, 'Name endpoints of one cluster; after a forced recovery, endpoints of its present members');
    if (statuses.length > 0) return statuses;
    const telling = answered.find((one) => one.error !== null && one.error.rule !== 'unreachable' && one.error.rule !== 'timeout');
    if (telling?.error) throw failureOf(telling.error, 'status');
    throw new UnreachableError(`no member answered: ${answered.map((one) => one.error?.message ?? one.address).join('; ')}`, 'Look whether the members run, whether the endpoints are right, and whether certificates are asked for: --cacert, --cert, --key');
  }
}

/** @throws {UsageError} When certificates are missing or are none, or an endpoint has a scheme. */
export async function openNativeCluster(connection: Connection): Promise<LiveCluster> {
  const { endpoints, clusterId, dial } = connection;
  const tls = wholeSet(connection.tls);
  for (const one of endpoints) if (one.includes('://')) throw new UsageError(`"${one}" is no endpoint of a native cluster`, 'Write host:port, without a scheme: 10.0.0.11:7001');
  try {
    return new NativeCluster(new RaftClient({ endpoints, ...(tls === null ? { insecureLoopback: true } : { tls }), ...(clusterId === null ? {} : { clusterId }), dial }));
  } catch (cause) {
    throw new UsageError(`the certificates cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, 'Give PEM files that belong together: --cacert, --cert, --key', { cause });
  }
}

/** Members and clients show each other certificates, or neither does. */
function wholeSet(tls: PemTexts | null): TlsMaterial | null {
  if (tls === null) return null;
  const { ca, certificate, key } = tls;
  if (ca !== null && certificate !== null && key !== null) return { ca, certificate, key };
  const missing = [ca === null ? '--cacert' : '', certificate === null ? '--cert' : '', key === null ? '--key' : ''].filter((one) => one !== '');
  throw new UsageError(`${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing: members and clients show each other certificates`, 'Give all three: --cacert, --cert, --key');
}
