import { UnreachableError } from '../../errors.ts';
import type { LiveCluster } from '../cluster.ts';
import type { Connection } from '../registry.ts';

export async function openNativeCluster(connection: Connection): Promise<LiveCluster> {
  throw new UnreachableError(`no client for ${connection.endpoints.join(', ')} yet`, '');
}
