import { decodeKvResult, encodeKvCommand } from '../native/kv-command.ts';
import type { KvCommand, KvExpectation, KvFound, KvResult } from '../native/kv-command.ts';
import { decodeKvAnswer, decodeKvEvent, encodeKvQuery, encodeKvWatch } from '../native/kv-query.ts';
import type { KvAnswer, KvEvent, KvPair, KvQuery } from '../native/kv-query.ts';
import { CallError } from '../ports/node-api.ts';
import type { ReadLevel } from '../ports/node-api.ts';
import type { CallTime, RaftClient } from './raft-client.ts';

export interface KvWritten {
  readonly revision: number;
  /** Whether the key was there before. */
  readonly existed: boolean;
}

/** A cas that did not take place says what is there instead. */
export type KvSwapped = { readonly swapped: true; readonly revision: number } | { readonly swapped: false; readonly found: KvFound | null };

export interface KvRead {
  readonly found: KvFound | null;
  /** Everything up to this entry is in the answer. */
  readonly index: number;
  readonly leaderContactMs: number | null;
}

export type KvReadOptions = CallTime & { readonly level: ReadLevel };

export interface KvWatchOptions {
  readonly prefix: Uint8Array;
  /** First revision to tell; null: what changes from now on. */
  readonly fromRevision: number | null;
  readonly signal: AbortSignal;
  readonly onResume?: ((reason: string) => void) | undefined;
}

/** Keys and values of a cluster that runs the kv state machine. Rejects with CallError; a RangeError means a key or value past its limit. */
export class KvClient {
  constructor(private readonly client: RaftClient) {}

  async put(key: Uint8Array, value: Uint8Array, options: CallTime): Promise<KvWritten> {
    return written(await this.propose({ op: 'put', key, value }, options));
  }

  async delete(key: Uint8Array, options: CallTime): Promise<KvWritten> {
    return written(await this.propose({ op: 'delete', key }, options));
  }

  /** Adds `value` at the end of what is there; a missing key counts as empty. */
  async append(key: Uint8Array, value: Uint8Array, options: CallTime): Promise<KvWritten> {
    return written(await this.propose({ op: 'append', key, value }, options));
  }

  async cas(key: Uint8Array, expected: KvExpectation, value: Uint8Array, options: CallTime): Promise<KvSwapped> {
    const result = await this.propose({ op: 'cas', key, expected, value }, options);
    return result.status === 'conflict' ? { swapped: false, found: result.found } : { swapped: true, revision: written(result).revision };
  }

  async get(key: Uint8Array, options: KvReadOptions): Promise<KvRead> {
    const { answer, index, leaderContactMs } = await this.query({ kind: 'get', key }, options);
    if (answer.kind !== 'value') throw unexpected(answer);
    return { found: answer.found, index, leaderContactMs };
  }

  /** Pairs in the order of their keys' bytes, page by page; each page is of one moment, the whole is not. */
  async *range(prefix: Uint8Array, options: KvReadOptions & { readonly pageItems?: number }): AsyncGenerator<KvPair> {
    let continuation: Uint8Array | null = null;
    do {
      const { answer }: { answer: KvAnswer } = await this.query({ kind: 'range', prefix, limit: options.pageItems ?? 256, continuation }, options);
      if (answer.kind !== 'range') throw unexpected(answer);
      yield* answer.pairs;
      continuation = answer.continuation;
    } while (continuation !== null);
  }

  /** Changes in the order of their revisions, each once, whichever member tells them. Ends with `lost` when the state was replaced as a whole. */
  async *watch(options: KvWatchOptions): AsyncGenerator<KvEvent> {
    const events = this.client.watch({
      request: (fromRevision) => encodeKvWatch({ prefix: options.prefix, fromRevision }),
      indexOf: (bytes) => decodeKvEvent(bytes).revision,
      from: options.fromRevision,
      signal: options.signal,
      onResume: options.onResume,
    });
    for await (const bytes of events) {
      const event = decodeKvEvent(bytes);
      yield event;
      if (event.kind === 'lost') return;
    }
  }

  private async propose(command: KvCommand, options: CallTime): Promise<KvResult> {
    const { result } = await this.client.propose(encodeKvCommand(command), options);
    return decodeKvResult(result);
  }

  private async query(query: KvQuery, options: KvReadOptions): Promise<{ answer: KvAnswer; index: number; leaderContactMs: number | null }> {
    const { result, index, leaderContactMs } = await this.client.query(encodeKvQuery(query), options);
    return { answer: decodeKvAnswer(result), index, leaderContactMs };
  }
}

function written(result: KvResult): KvWritten {
  if (result.status === 'ok') return { revision: result.revision, existed: result.existed };
  throw new CallError('failed', 'bad-request', result.status === 'bad' ? result.reason : 'the key holds something else');
}

function unexpected(answer: KvAnswer): CallError {
  return new CallError('failed', 'bad-request', answer.kind === 'bad' ? answer.reason : `an answer of kind ${answer.kind} to another question`);
}
