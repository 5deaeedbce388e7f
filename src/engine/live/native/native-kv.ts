import { EXIT, InspectorError, UnreachableError, UsageError } from '../../errors.ts';
import { decodeKvResult, encodeKvCommand, type KvCommand, type KvExpectation, type KvResult } from '../../native/kv-command.ts';
import { decodeKvAnswer, decodeKvEvent, encodeKvQuery, encodeKvWatch, type KvEvent } from '../../native/kv-query.ts';
import { CallError, type ReadLevel } from '../../ports/node-api.ts';
import type { CallOptions } from '../cluster.ts';
import { toFailure } from '../failures.ts';
import type { KvAccess, KvLevel, KvRead, KvSwapped, KvWatchOptions, KvWritten } from '../kv-access.ts';

/** What is needed of a client: bytes in, bytes out. All of it rejects with a `CallError`. */
export interface ByteCalls {
  propose(command: Uint8Array, options: { readonly timeoutMs: number }): Promise<{ readonly index: number; readonly result: Uint8Array }>;
  query(request: Uint8Array, options: { readonly level: ReadLevel; readonly timeoutMs: number }): Promise<{ readonly index: number; readonly leaderContactMs: number | null; readonly result: Uint8Array }>;
  /** Events of one member, from when it says that the watch stands until the member is lost, which is an error. */
  watch(request: Uint8Array, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** An answer that no member of this version gives. */
export class StrangeAnswerError extends InspectorError {
  readonly code = 'STRANGE_ANSWER';
  readonly exitCode = EXIT.findings;
}

const RESUME_AFTER_MS = 100;
const LONGEST_PAUSE_MS = 2000;

/** The kv state machine of a running cluster. */
export class NativeKv implements KvAccess {
  constructor(
    private readonly calls: ByteCalls,
    private readonly pause: (ms: number, signal: AbortSignal) => Promise<void>,
  ) {}

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
    const answer = await this.calls.query(encodeKvQuery({ kind: 'get', key }), { level, timeoutMs: options.timeoutMs }).catch((error: unknown) => {
      throw failureOf(error, `get (${level.kind})`);
    });
    const { index, leaderContactMs } = answer;
    const decoded = read(() => decodeKvAnswer(answer.result));
    if (decoded.kind === 'bad') throw new UsageError(`get: ${decoded.reason}`, 'Choose another key');
    if (decoded.kind !== 'value') throw new StrangeAnswerError('get: the member answered with a range', 'It runs another version: raft-inspector member list');
    return { found: decoded.found, index, leaderContactMs };
  }

  async *watch(options: KvWatchOptions): AsyncGenerator<Exclude<KvEvent, { kind: 'lost' }>> {
    const { prefix, signal } = options;
    let next = options.fromRevision ?? (await this.endOfNow(signal));
    let pauseMs = RESUME_AFTER_MS;
    while (!signal.aborted) {
      let reason = 'the member ended the watch';
      try {
        for await (const bytes of this.calls.watch(encodeKvWatch({ prefix, fromRevision: next }), signal)) {
          const event = read(() => decodeKvEvent(bytes));
          if (event.kind === 'lost') {
            reason = 'the member took a snapshot of the others';
            break;
          }
          // Another member tells again what this one has told.
          if (next !== null && event.revision < next) continue;
          pauseMs = RESUME_AFTER_MS;
          next = event.revision + 1;
          yield event;
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof CallError) || error.rule === 'bad-request') throw failureOf(error, 'watch');
        // This member no longer holds so much, another one may.
        if (error.rule === 'compacted' && pauseMs > LONGEST_PAUSE_MS / 4) throw failureOf(error, 'watch');
        reason = error.message;
      }
      if (signal.aborted) return;
      options.onResume?.(reason);
      await this.pause(pauseMs, signal);
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
    }
  }

  /** The revision that the next change will have at least, so that nothing between two connections is missed; null where no leader can tell. */
  private async endOfNow(signal: AbortSignal): Promise<number | null> {
    if (signal.aborted) return null;
    try {
      const { index } = await this.calls.query(encodeKvQuery({ kind: 'get', key: PROBE_KEY }), { level: { kind: 'linearizable' }, timeoutMs: 2000 });
      return index + 1;
    } catch (error) {
      if (error instanceof CallError) return null;
      throw error;
    }
  }

  private async write(command: KvCommand, what: string, { timeoutMs }: CallOptions): Promise<Exclude<KvResult, { status: 'bad' }>> {
    let bytes: Uint8Array;
    try {
      bytes = encodeKvCommand(command);
    } catch (error) {
      throw new UsageError(`${what}: ${(error as Error).message}`, 'Keys have 1 to 4096 bytes, values at most 1 MiB', { cause: error });
    }
    const { result } = await this.calls.propose(bytes, { timeoutMs }).catch((error: unknown) => {
      throw failureOf(error, what);
    });
    const decoded = read(() => decodeKvResult(result));
    if (decoded.status === 'bad') throw new UsageError(`${what}: ${decoded.reason}`, 'Keys have 1 to 4096 bytes, values at most 1 MiB');
    return decoded;
  }
}

/** A key that is read where only the answering matters, not the value. */
export const PROBE_KEY: Uint8Array = Buffer.from('raft-inspector/probe');

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

function failureOf(error: unknown, what: string): Error {
  if (error instanceof CallError) return toFailure(error, what, 'Look what is there now: raft-inspector kv get <key> --consistency linearizable');
  if (error instanceof InspectorError) return error;
  return new UnreachableError(`${what}: ${error instanceof Error ? error.message : String(error)}`, 'raft-inspector member list shows who answers', { cause: error });
}
