import type { Fault } from './fault.ts';
import type { Recorder } from './recorder.ts';

/** A fault that was carried out, and whom it hit. */
export interface Begun {
  readonly fault: Fault;
  readonly atMs: number;
  readonly members: readonly string[];
}

/** Shorter cuts may be over before a leader has missed its majority. */
const LEAST_CUT_MS = 5000;
/** The end of a cut in which a leader has to have stepped down. */
const LOOKED_AT_MS = 600;

/** How a member leads, at a moment. */
export interface Leading {
  readonly id: string;
  readonly term: number | null;
}

/** What faults must do to a leader, and what they must not, read from the samples of the run. */
export function checkLeadership(recorder: Pick<Recorder, 'samples' | 'check'>, begun: readonly Begun[], before: Leading, after: Leading): void {
  for (const { fault, atMs, members } of begun) {
    if (fault.kind !== 'disconnect' || fault.forMs < LEAST_CUT_MS || !members.includes(before.id)) continue;
    const endMs = atMs + fault.forMs;
    const seen = recorder.samples.filter((one) => one.atMs > endMs - LOOKED_AT_MS && one.atMs < endMs).map((one) => one.lanes.get(before.id) ?? 'down');
    const led = seen.filter((one) => one === 'leader').length;
    recorder.check('a leader that is cut off steps down', seen.length === 0 ? null : led === 0, seen.length === 0 ? `nobody looked at ${before.id} in the last ${LOOKED_AT_MS} ms of the cut` : `${before.id} led in ${led} of the last ${seen.length} looks before the cut ended`);
  }
  const isClockAlone = begun.length > 0 && begun.every(({ fault, members }) => fault.kind === 'clock' && !members.includes(before.id));
  if (isClockAlone) recorder.check('the clock of a follower unseats nobody', after.id === before.id && after.term === before.term, `leader ${before.id} of term ${before.term ?? '-'}, then ${after.id} of term ${after.term ?? '-'}`);
}
