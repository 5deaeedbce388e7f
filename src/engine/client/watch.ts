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
      for await (const event of eventsOf(link, options, next, source)) {
        failures = 0;
        next ??= start;
        if (event === null) continue;
        compacted = 0;
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

/** A watch that is silent for this long is asked whether it may ever tell anything again. */
const SILENCE_MS = 1_000;
/** So many times without a leader, one after the other, and the watch moves on. */
const MOST_LEADERLESS = 2;

/** Null once, when the watch stands. @throws {CallError} Also when the member was removed or hears no leader: it would stay silent for ever. */
async function* eventsOf(link: Link, options: WatchOptions, from: number | null, source: WatchSource): AsyncGenerator<Uint8Array | null> {
  const { stream, toError } = link.serverStream(METHODS.watch, (header) => ({ header, request: options.request(from) }), null);
  const stop = (): void => stream.cancel();
  options.signal.addEventListener('abort', stop, { once: true });
  const heard = { since: false, leaderless: 0 };
  let isLeft = false;
  // Destroying the stream is what ends the loop below, whatever it is waiting for.
  const timer = setInterval(() => {
    const wasHeard = heard.since;
    heard.since = false;
    if (wasHeard) heard.leaderless = 0;
    else void silent().catch((error: Error) => isLeft || stream.destroy(error));
  }, SILENCE_MS);
  timer.unref();
  const silent = async (): Promise<void> => {
    const { isRemoved, leader } = await source.ask(link);
    if (isRemoved) throw new CallError('failed', 'removed', `${link.address} was removed from the cluster`);
    heard.leaderless = leader === null ? heard.leaderless + 1 : 0;
    if (heard.leaderless >= MOST_LEADERLESS) throw new CallError('failed', 'unreachable', `${link.address} hears no leader`);
  };
  try {
    for await (const { event } of stream as AsyncIterable<{ event: Uint8Array | undefined }>) {
      heard.since = true;
      yield event ?? null;
    }
  } catch (error) {
    throw toError(error);
  } finally {
    isLeft = true;
    clearInterval(timer);
    options.signal.removeEventListener('abort', stop);
    stream.on('error', () => undefined);
    stream.cancel();
  }
}
