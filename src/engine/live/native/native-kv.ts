import { EXIT, InspectorError, UnreachableError, UsageError } from '../../errors.ts';
import { decodeKvResult, encodeKvCommand, type KvCommand, type KvExpectation, type KvResult } from '../../native/kv-command.ts';
import { decodeKvAnswer, decodeKvEvent, encodeKvQuery, encodeKvWatch, type KvEvent } from '../../native/kv-query.ts';
import { CallError } from '../../ports/node-api.ts';
import type { RaftClient } from '../../client/raft-client.ts';
import type { CallOptions } from '../cluster.ts';
import { toFailure } from '../failures.ts';
import type { KvAccess, KvLevel, KvRead, KvSwapped, KvWatchOptions, KvWritten } from '../kv-access.ts';

/** An answer that no member of this version gives. */
export class StrangeAnswerError extends InspectorError {
  readonly code = 'STRANGE_ANSWER';
  readonly exitCode = EXIT.findings;
}

/** The kv state machine of a running cluster. */
export class NativeKv implements KvAccess {
  constructor(private readonly client: Pick<RaftClient, 'propose' | 'query' | 'watch'>) {}

  async put(key: Uint8Array, value: Uint8Array, options: CallOptions): Promise<KvWritten> {
    return written(await this.write({ op: 'put', key, value }, 'put', options));
  }

  async delete(key: Uint8Array, options: CallOptions): Promise<KvWritten> {
    return written(await this.write({ op: 'delete', key }, 'delete', options));
  }

  async cas(key: Uint8Array, expected: KvExpectation, value: Uint8Array, options: CallOptions): Promise<KvSwapped> {
    const result = await this.write({ op: 'cas', key, expected, value }, 'cas', options);
    return result.status === 'conflict' ? { swapped: false, found: result.found } : { swapped: true, revision: result.revision };
  }

  async get(key: Uint8Array, level: KvLevel, options: CallOptions): Promise<KvRead> {
    const answer = await this.client.query(encodeKvQuery({ kind: 'get', key }), { level, timeoutMs: options.timeoutMs }).catch((error: unknown) => {
      throw failureOf(error, `get (${level.kind})`);
    });
    const { index, leaderContactMs } = answer;
    const decoded = read(() => decodeKvAnswer(answer.result));
    if (decoded.kind === 'bad') throw new UsageError(`get: ${decoded.reason}`, 'Choose another key');
    if (decoded.kind !== 'value') throw new StrangeAnswerError('get: the member answered with a range', 'It runs another version: raft-inspector member list');
    return { found: decoded.found, index, leaderContactMs };
  }

  async *watch(options: KvWatchOptions): AsyncGenerator<Exclude<KvEvent, { kind: 'lost' }>> {
    const { prefix, signal, onResume } = options;
    let next = options.fromRevision;
    while (!signal.aborted) {
      const events = this.client.watch({
        request: (from) => encodeKvWatch({ prefix, fromRevision: from }),
        indexOf: (bytes) => placeOf(read(() => decodeKvEvent(bytes))),
        from: next,
        signal,
        ...(onResume === undefined ? {} : { onResume }),
      });
      try {
        for await (const bytes of events) {
          const event = read(() => decodeKvEvent(bytes));
          if (event.kind === 'lost') {
            // What this member skipped, another one may still hold; if none does, that is told as compacted.
            next ??= event.revision + 1;
            break;
          }
          next = event.revision + 1;
          yield event;
        }
      } catch (error) {
        if (signal.aborted) return;
        throw failureOf(error, 'watch');
      }
      if (!signal.aborted) onResume?.('the member took over a snapshot of the others');
    }
  }

  private async write(command: KvCommand, what: string, { timeoutMs }: CallOptions): Promise<Exclude<KvResult, { status: 'bad' }>> {
    let bytes: Uint8Array;
    try {
      bytes = encodeKvCommand(command);
    } catch (error) {
      throw new UsageError(`${what}: ${(error as Error).message}`, 'Keys have 1 to 4096 bytes, values at most 1 MiB', { cause: error });
    }
    const { result } = await this.client.propose(bytes, { timeoutMs }).catch((error: unknown) => {
      throw failureOf(error, what);
    });
    const decoded = read(() => decodeKvResult(result));
    if (decoded.status === 'bad') throw new UsageError(`${what}: ${decoded.reason}`, 'Keys have 1 to 4096 bytes, values at most 1 MiB');
    return decoded;
  }
}

const READ_IT_BACK = 'Look what is there now: raft-inspector kv get <key> --consistency linearizable';

/** A key that is read where only the answering matters, not the value. */
export const PROBE_KEY: Uint8Array = Buffer.from('raft-inspector/probe');

function placeOf(event: KvEvent): number | null {
  return event.kind === 'lost' ? null : event.revision;
}

function written(result: Exclude<KvResult, { status: 'bad' }>): KvWritten {
  if (result.status === 'ok') return { revision: result.revision, existed: result.existed };
  throw new StrangeAnswerError('the member answered an unconditional write with a conflict', 'It runs another version: raft-inspector member list');
}

function read<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw new StrangeAnswerError(`the member's answer cannot be read: ${(error as Error).message}`, 'It runs another version, or another state machine: raft-inspector member list', { cause: error });
  }
}

/** Whatever a call was rejected with, as the error that commands end with. */
export function failureOf(error: unknown, what: string, howToFindOut = READ_IT_BACK): Error {
  if (error instanceof CallError) return toFailure(error, what, howToFindOut);
  if (error instanceof InspectorError) return error;
  return new UnreachableError(`${what}: ${error instanceof Error ? error.message : String(error)}`, 'raft-inspector member list shows who answers', { cause: error });
}
