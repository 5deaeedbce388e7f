import { UsageError } from '../../errors.ts';
import type { CallOptions } from '../cluster.ts';
import type { KvAccess, KvLevel, KvRead, KvSwapped, KvWatchOptions, KvWritten } from '../kv-access.ts';
import { METHODS, type EtcdMethod } from './methods.ts';

/** Calls a voter that answers. */
export type AnyCall = <Request, Response>(what: string, method: EtcdMethod<Request, Response>, request: Request, options: CallOptions) => Promise<Response>;

const NONE = new Uint8Array();

/** Keys and values of an etcd cluster: single keys, read linearizably or as the asked member has them. */
export class EtcdKv implements KvAccess {
  constructor(private readonly call: AnyCall) {}

  async put(key: Uint8Array, value: Uint8Array, options: CallOptions): Promise<KvWritten> {
    const done = await this.call('put', METHODS.put, { key, value, lease: 0, prevKv: true }, options);
    return { revision: done.header?.revision ?? 0, existed: done.prevKv !== undefined };
  }

  async get(key: Uint8Array, level: KvLevel, options: CallOptions): Promise<KvRead> {
    if (level.kind === 'follower') throw new UsageError('etcd knows no bound on how stale an answer is', 'Ask for --consistency linearizable, or for stale');
    const serializable = level.kind === 'stale';
    const { header, kvs } = await this.call(`get (${level.kind})`, METHODS.range, { key, rangeEnd: NONE, limit: 1, revision: 0, serializable, keysOnly: false, countOnly: false }, options);
    const [found] = kvs;
    return { found: found === undefined ? null : { value: found.value, revision: found.modRevision }, index: header?.revision ?? 0, leaderContactMs: null };
  }

  async delete(key: Uint8Array, options: CallOptions): Promise<KvWritten> {
    const { header, deleted } = await this.call('delete', METHODS.deleteRange, { key, rangeEnd: NONE, prevKv: false }, options);
    return { revision: header?.revision ?? 0, existed: deleted > 0 };
  }

  cas(): Promise<KvSwapped> {
    return Promise.reject(new UsageError('kv cas is not there for etcd clusters yet', 'Use a transaction of etcdctl'));
  }

  watch(_options: KvWatchOptions): AsyncIterable<never> {
    throw new UsageError('kv watch is not there for etcd clusters yet', 'Use etcdctl watch');
  }
}
