import { EXIT, InspectorError, UsageError } from '../engine/errors.ts';
import type { LiveCluster } from '../engine/live/cluster.ts';
import type { Answer } from './answer.ts';
import { type LiveFlagValues, openCluster, type OpenedCluster } from './live-flags.ts';

/** Opens the cluster that the flags name, and closes it however the work ends. */
export async function withCluster<T>(flags: LiveFlagValues, work: (opened: OpenedCluster) => Promise<T>): Promise<T> {
  const opened = await openCluster(flags);
  try {
    return await work(opened);
  } finally {
    await opened.cluster.close();
  }
}

/** The same for an answer that goes on after it was given: the cluster is closed when the stream has ended. */
export async function withStream<T>(flags: LiveFlagValues, work: (opened: OpenedCluster) => Promise<Answer<T> & Required<Pick<Answer<T>, 'live'>>>): Promise<Answer<T>> {
  const opened = await openCluster(flags);
  const { cluster } = opened;
  try {
    const answer = await work(opened);
    const { live } = answer;
    return { ...answer, live: { mode: live.mode, rows: () => closing(live.rows(), cluster), frames: (style) => closing(live.frames(style), cluster) } };
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

async function* closing<T>(items: AsyncIterable<T>, cluster: LiveCluster): AsyncGenerator<T> {
  try {
    yield* items;
  } finally {
    await cluster.close();
  }
}

/** Monotonic milliseconds and a pause, for the engine, which has no clock of its own. */
export const REAL_TIME = {
  nowMs: (): number => performance.now(),
  pause: (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** Rules that `--override` names have to be ones that this command can lift. @throws {UsageError} For any other. */
export function overridesOf(given: readonly string[], liftable: readonly string[]): Set<string> {
  for (const rule of given) {
    if (!liftable.includes(rule)) {
      throw new UsageError(`--override ${rule}: this command has no such rule that can be lifted`, liftable.length === 0 ? 'None of its refusals can be lifted' : `It can lift ${liftable.join(', ')}`);
    }
  }
  return new Set(given);
}

/** Whether an error means that nothing was changed, for sure. */
export function changedNothing(error: Error): boolean {
  return error instanceof InspectorError && (error.exitCode === EXIT.refused || error.exitCode === EXIT.usage || error.code === 'UNREACHABLE');
}
