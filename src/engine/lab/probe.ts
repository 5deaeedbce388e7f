import { KvClient } from '../client/kv-client.ts';
import { RaftClient } from '../client/raft-client.ts';
import { UnreachableError } from '../errors.ts';
import type { LabConnection } from './lab-file.ts';

/** Never there: deleting it is a write that leaves nothing behind. */
const PROBE_KEY = 'raft-inspector/lab/probe';

/**
 * Has the practice cluster accept one write, the way its clients will.
 * @throws {UnreachableError} When it does not within `deadlineMs`.
 */
export async function probeWrite(connection: LabConnection, deadlineMs: number): Promise<void> {
  const client = new RaftClient({ endpoints: connection.endpoints, tls: connection.tls, clusterId: connection.clusterId, name: 'lab' });
  try {
    await new KvClient(client).delete(Buffer.from(PROBE_KEY), { timeoutMs: deadlineMs });
  } catch (error) {
    throw new UnreachableError(`no write was accepted: ${(error as Error).message}`, 'Look at it: raft-inspector lab status', { cause: error });
  } finally {
    client.close();
  }
}
