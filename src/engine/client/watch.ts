import { METHODS } from '../adapters/grpc/client-methods.ts';
import { CallError } from '../ports/node-api.ts';
import type { NodeStatus } from '../ports/node-api.ts';
import type { Link } from './link.ts';
import { backoffMs, mayRetry } from './retry.ts';
import type { Pace } from './retry.ts';

export interface WatchOptions {
  /** The machine's request for events from an index on; null: from now on. */
  readonly request: (from: number | null) => Uint8Array;
  /** Index of the entry an event came from; null for an event without a place. A machine tells at most one event an entry. */
  readonly indexOf: (event: Uint8Array) => number | null;
  /** First index to tell; null: what changes from now on. */
  readonly from: number | null;
  readonly signal: AbortSignal;
  /** Told when a member was lost and the watch goes on elsewhere. */
  readonly onResume?: ((reason: string) => void) | undefined;
}

export interface WatchSource {
  find(): Promise<Link>;
  ask(link: Link): Promise<NodeStatus>;
  turn(link: Link): void;
}

/** A member that was restarted holds fewer old events than others: `compacted` is believed when this many have said it one after the other. */
const MOST_COMPACTED = 4;

/**
 * Events in the order of their entries, each once, over as many members as it takes.
 * @throws {CallError} Only what no other member could do better: `bad-request`, `compacted`, `wrong-lineage`, `not-authorized`.
 */
export async function* watchFrom(options: WatchOptions, pace: Pace, source: WatchSource): AsyncGenerator<Uint8Array> {
  let next = options.from;
  let failures = 0;
  let compacted = 0;
  while (!options.signal.aborted) {
    let link: Link | null = null;
    try {
      link = await source.find();
      // Without a place to resume from, a break before the first event would lose what happened meanwhile: note where "now" is.
      const start = next ?? (await source.ask(link)).appliedIndex + 1;
      for await (const event of eventsOf(link, options, next)) {
        failures = 0;
        compacted = 0;
        next ??= start;
        if (event === null) continue;
        const index = options.indexOf(event);
        if (index !== null && index < next) continue; // told already, by the member before
        if (index !== null) next = index + 1;
        yield event;
      }
      if (options.signal.aborted) return;
      throw new CallError('failed', 'unreachable', `${link.address} ended the watch`);
    } catch (error) {
      if (options.signal.aborted) return;
      if (!(error instanceof CallError)) throw error;
      const isElsewhere = error.rule === 'compacted' && (compacted += 1) < MOST_COMPACTED;
      if (!isElsewhere && !mayRetry(error, 'read')) throw error;
      if (link !== null) source.turn(link);
      options.onResume?.(error.message);
      await pace.sleep(failures === 0 ? 0 : backoffMs(failures, pace));
      failures += 1;
    }
  }
}

/** Null once, when the watch stands. */
async function* eventsOf(link: Link, options: WatchOptions, from: number | null): AsyncGenerator<Uint8Array | null> {
  const { stream, toError } = link.serverStream(METHODS.watch, (header) => ({ header, request: options.request(from) }), null);
  const stop = (): void => stream.cancel();
  options.signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const { event } of stream as AsyncIterable<{ event: Uint8Array | undefined }>) yield event ?? null;
  } catch (error) {
    throw toError(error);
  } finally {
    options.signal.removeEventListener('abort', stop);
    stream.on('error', () => undefined);
    stream.cancel();
  }
}
