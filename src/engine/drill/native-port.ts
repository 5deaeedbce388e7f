import { KvClient } from '../client/kv-client.ts';
import { RaftClient } from '../client/raft-client.ts';
import type { LabConnection } from '../lab/lab-file.ts';
import { type KvPort, marksOf, padded } from './traffic.ts';

/** The share of its time that a client waits for one member while others could answer. */
const ATTEMPT_SHARE = 0.15;
const LEAST_ATTEMPT_MS = 200;

/** Clients of a practice cluster: a list is a value that marks are appended to. */
export function nativePort({ endpoints, clusterId, tls }: LabConnection, callMs: number): KvPort {
  const client = new RaftClient({ endpoints, tls, clusterId, name: 'drill', attemptMs: Math.max(LEAST_ATTEMPT_MS, callMs * ATTEMPT_SHARE) });
  const kv = new KvClient(client);
  return {
    async append(key, mark, bytes, timeoutMs) {
      const { revision } = await kv.append(Buffer.from(key), Buffer.from(padded(mark, bytes)), { timeoutMs });
      return revision;
    },
    async read(key, timeoutMs) {
      const { found, index } = await kv.get(Buffer.from(key), { level: { kind: 'linearizable' }, timeoutMs });
      return { marks: found === null ? null : marksOf(found.value), index };
    },
    close: () => client.close(),
  };
}
