import type { TlsMaterial } from '../adapters/grpc/credentials.ts';
import { UsageError } from '../errors.ts';
import type { ClusterKind, LiveCluster } from './cluster.ts';

/** Where a cluster is and who the caller is. Certificates are PEM text; null: plain connections, which members take on loopback only. */
export interface Connection {
  /** `host:port`, at least one. */
  readonly endpoints: readonly string[];
  /** Null: whatever cluster answers. */
  readonly clusterId: string | null;
  readonly tls: TlsMaterial | null;
}

/** Every kind of running cluster and how it is opened; its library is loaded only when it is meant. */
const KINDS: Readonly<Record<ClusterKind, (connection: Connection) => Promise<LiveCluster>>> = {
  native: async (connection) => (await import('./native/native-cluster.ts')).openNativeCluster(connection),
};

export const CLUSTER_KINDS = Object.keys(KINDS) as readonly ClusterKind[];

/** Opens a running cluster. Nothing is asked of it yet. @throws {UsageError} For a kind that no adapter speaks. */
export async function openLiveCluster(kind: ClusterKind, connection: Connection): Promise<LiveCluster> {
  const open = KINDS[kind];
  if (open === undefined) throw new UsageError(`no adapter speaks to clusters of kind ${String(kind)}`, `Known kinds: ${CLUSTER_KINDS.join(', ')}`);
  return open(connection);
}
