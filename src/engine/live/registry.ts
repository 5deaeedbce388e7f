import { UsageError } from '../errors.ts';
import type { ClusterKind, LiveCluster } from './cluster.ts';

/** Certificates as PEM text. Members of our own engine need all three; etcd takes an authority alone, or the system's. */
export interface PemTexts {
  readonly ca: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
}

/** Where a cluster is and who the caller is. */
export interface Connection {
  /** `host:port`, for etcd also with a scheme; at least one. */
  readonly endpoints: readonly string[];
  /** Null: whatever cluster answers. */
  readonly clusterId: string | null;
  /** Null: plain connections, which our own members take on loopback only. */
  readonly tls: PemTexts | null;
  /** True: the addresses that members tell of each other are not asked, as for one that was started on a copy. */
  readonly onlyEndpoints?: boolean;
  /** Where the leader takes its peers, when not at the address that its configuration names. */
  readonly peerUrl?: string;
  /** Where a member of our own engine is really dialled, when not at the address its configuration names. */
  readonly dial?: (id: string | null, address: string) => string;
  /** For kinds that know their clients by name and password. */
  readonly user?: { readonly name: string; readonly password: string } | null;
}

/** Every kind of running cluster and how it is opened; its library is loaded only when it is meant. */
const KINDS: Readonly<Record<ClusterKind, (connection: Connection) => Promise<LiveCluster>>> = {
  etcd: async (connection) => (await import('./etcd/etcd-cluster.ts')).openEtcdCluster(connection),
  native: async (connection) => (await import('./native/native-cluster.ts')).openNativeCluster(connection),
};

export const CLUSTER_KINDS = Object.keys(KINDS) as readonly ClusterKind[];

/** Opens a running cluster. Nothing is asked of it yet. @throws {UsageError} For a kind that no adapter speaks. */
export async function openLiveCluster(kind: ClusterKind, connection: Connection): Promise<LiveCluster> {
  const open = KINDS[kind];
  if (open === undefined) throw new UsageError(`no adapter speaks to clusters of kind ${String(kind)}`, `Known kinds: ${CLUSTER_KINDS.join(', ')}`);
  return open(connection);
}
