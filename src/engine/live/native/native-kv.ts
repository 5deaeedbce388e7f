import { KvClient } from '../../client/kv-client.ts';
import type { RaftClient } from '../../client/raft-client.ts';
import { InspectorError, UnreachableError } from '../../errors.ts';
import type { KvExpectation } from '../../native/kv-command.ts';
import type { KvEvent } from '../../native/kv-query.ts';
import { CallError } from '../../ports/node-api.ts';
import type { CallOptions } from '../cluster.ts';
import { toFailure } from '../failures.ts';
import type { KvAccess, KvLevel, KvRead, KvSwapped, KvWatchOptions, KvWritten } from '../kv-access.ts';

const READ_IT_BACK = 'Look what is there now: raft-inspector kv get <key> --consistency linearizable';

/** The kv service of a running cluster; what its client rejects with becomes what commands end with. */
export class NativeKv implements KvAccess {
  private readonly client: KvClient;

  constructor(client: RaftClient) {
    this.client = new KvClient(client);
  }

  put(key: Uint8Array, value: Uint8Array, options: CallOptions): Promise<KvWritten> {
    return told('put', this.client.put(key, value, options));
  }

  delete(key: Uint8Array, options: CallOptions): Promise<KvWritten> {
    return told('delete', this.client.delete(key, options));
  }

  cas(key: Uint8Array, expected: KvExpectation, value: Uint8Array, options: CallOptions): Promise<KvSwapped> {
    return told('cas', this.client.cas(key, expected, value, options));
  }

  get(key: Uint8Array, level: KvLevel, { timeoutMs }: CallOptions): Promise<KvRead> {
    return told(`get (${level.kind})`, this.client.get(key, { level, timeoutMs }));
  }

  async *watch(options: KvWatchOptions): AsyncGenerator<Exclude<KvEvent, { kind: 'lost' }>> {
    const { signal } = options;
    let next = options.fromRevision;
    while (!signal.aborted) {
      try {
        for await (const event of this.client.watch({ ...options, fromRevision: next })) {
          if (event.kind === 'lost') {
            // What this member skipped, another one may still hold; where none does, that is told as compacted.
            next ??= event.revision + 1;
            continue;
          }
          next = event.revision + 1;
          yield event;
        }
      } catch (error) {
        if (signal.aborted) return;
        throw failureOf(error, 'watch');
      }
      if (!signal.aborted) options.onResume?.('the member took over a snapshot of the others');
    }
  }
}

async function told<T>(what: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw failureOf(error, what);
  }
}

/** Whatever a call was rejected with, as the error that commands end with. */
export function failureOf(error: unknown, what: string, howToFindOut = READ_IT_BACK): Error {
  if (error instanceof CallError) return toFailure(error, what, howToFindOut);
  if (error instanceof InspectorError) return error;
  return new UnreachableError(`${what}: ${error instanceof Error ? error.message : String(error)}`, 'raft-inspector member list shows who answers', { cause: error });
}
