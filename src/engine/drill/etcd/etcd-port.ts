import { EtcdCallError, EtcdClient } from '../../live/etcd/etcd-client.ts';
import { METHODS } from '../../live/etcd/methods.ts';
import { openLiveCluster } from '../../live/registry.ts';
import type { LiveCluster } from '../../live/cluster.ts';
import { CallError } from '../../ports/node-api.ts';
import { DRILL_PREFIX, type KvPort, padded } from '../traffic.ts';

const PAGE_ITEMS = 1000;

/** Clients of etcd servers on loopback: a list is a range of keys, one a mark, in the order of their revisions. */
export async function etcdPort(endpoints: readonly string[]): Promise<KvPort> {
  const cluster: LiveCluster = await openLiveCluster('etcd', { endpoints: [...endpoints], clusterId: null, tls: null });
  const client = new EtcdClient({ tls: null, user: null });
  const kv = cluster.kv();
  return {
    async append(key, mark, bytes, timeoutMs) {
      const { revision } = await kv.put(Buffer.from(`${key}/${mark}`), Buffer.from(padded(mark, bytes)), { timeoutMs });
      return revision;
    },
    async read(key, timeoutMs) {
      const found = await rangeOf(client, endpoints, `${key}/`, timeoutMs);
      return { marks: found.marks.length === 0 ? null : found.marks.map((one) => one.mark), index: found.revision };
    },
    close: () => {
      client.close();
      void cluster.close();
    },
  };
}

interface Found {
  readonly key: string;
  readonly mark: string;
  readonly revision: number;
  /** How often it was written. */
  readonly version: number;
}

/** All marks below a prefix, oldest first, read linearizably from the first endpoint that answers. */
async function rangeOf(client: EtcdClient, endpoints: readonly string[], prefix: string, timeoutMs: number): Promise<{ readonly marks: readonly Found[]; readonly revision: number }> {
  let last: unknown = null;
  for (const endpoint of endpoints) {
    try {
      return await pagesOf(client, endpoint, prefix, timeoutMs / endpoints.length);
    } catch (error) {
      if (!(error instanceof EtcdCallError)) throw error;
      last = error;
    }
  }
  throw new CallError('failed', 'unreachable', last instanceof Error ? last.message : 'no endpoint answered');
}

async function pagesOf(client: EtcdClient, endpoint: string, prefix: string, timeoutMs: number): Promise<{ readonly marks: readonly Found[]; readonly revision: number }> {
  const marks: Found[] = [];
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end[end.length - 1] ?? 0) + 1;
  let from: Uint8Array = Buffer.from(prefix);
  let revision = 0;
  for (;;) {
    const { header, kvs, more } = await client.call(endpoint, METHODS.range, { key: from, rangeEnd: end, limit: PAGE_ITEMS, revision, serializable: false, keysOnly: true, countOnly: false }, timeoutMs);
    if (revision === 0) revision = header?.revision ?? 0;
    for (const one of kvs) {
      const key = Buffer.from(one.key).toString('utf8');
      const at = key.lastIndexOf('/');
      marks.push({ key: key.slice(0, at), mark: key.slice(at + 1), revision: one.modRevision, version: one.version });
    }
    const last = kvs.at(-1);
    if (!more || last === undefined) break;
    from = Buffer.concat([last.key, Buffer.from([0])]);
  }
  return { marks: marks.sort((a, b) => a.revision - b.revision), revision };
}

/** Marks by key; one that was written twice is in its list twice. */
export async function readAll(endpoints: readonly string[], timeoutMs: number): Promise<Map<string, string[]>> {
  const client = new EtcdClient({ tls: null, user: null });
  try {
    const { marks } = await rangeOf(client, endpoints, DRILL_PREFIX, timeoutMs);
    const state = new Map<string, string[]>();
    for (const { key, mark, version } of marks) state.set(key, [...(state.get(key) ?? []), ...Array.from({ length: version }, () => mark)]);
    return state;
  } finally {
    client.close();
  }
}
