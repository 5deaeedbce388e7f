import type { ClusterKind } from './cluster.ts';
import type { Connection } from './registry.ts';

/** How long the endpoints have to say what they are. */
const DETECT_MS = 1500;

/**
 * What runs at the endpoints, from the first that says: a scheme is etcd's way of writing them; else etcd's status call is tried, which our
 * own members answer as unknown. Null: nobody answered.
 */
export async function detectKind(connection: Connection): Promise<ClusterKind | null> {
  const [{ EtcdCallError, EtcdClient }, { hasScheme }, { METHODS }, { status }] = await Promise.all([import('./etcd/etcd-client.ts'), import('./etcd/endpoint.ts'), import('./etcd/methods.ts'), import('@grpc/grpc-js')]);
  if (connection.endpoints.some(hasScheme)) return 'etcd';
  const client = new EtcdClient({ tls: connection.tls, user: null, anyHostName: true });
  try {
    const kinds = connection.endpoints.map(async (endpoint): Promise<ClusterKind> => {
      try {
        await client.call(endpoint, METHODS.status, {}, DETECT_MS);
        return 'etcd';
      } catch (error) {
        if (error instanceof EtcdCallError && error.code === status.UNIMPLEMENTED) return 'native';
        if (error instanceof EtcdCallError && error.message.startsWith('etcdserver: ')) return 'etcd';
        throw error;
      }
    });
    return await Promise.any(kinds);
  } catch {
    return null;
  } finally {
    client.close();
  }
}
