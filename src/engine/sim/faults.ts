import type { Counters } from './counters.ts';
import type { Prng } from './prng.ts';

/** Kinds of trouble that a seed turns on or off as a whole (swarm testing, Groce et al. 2012). */
export const FAULT_CLASSES = [
  'drop', 'delay', 'clog', 'duplicate', 'reorder', 'queue-limit', 'resend', 'foreign',
  'isolate', 'halves', 'uniform', 'bridge', 'ring', 'one-way', 'swizzle',
  'request-lost', 'reply-lost',
  'disk-error', 'disk-full', 'short-write', 'slow-sync', 'sync-failure', 'corrupt-file',
  'commit-error', 'false-failure', 'map-full', 'slow-commit', 'corrupt-record',
  'crash', 'crash-at-call', 'crash-at-start', 'kill-all', 'pause', 'wipe', 'rollback', 'clock-rate', 'clock-jump',
  'churn', 'transfer',
] as const;
export type FaultClass = (typeof FAULT_CLASSES)[number];

/** One source of decisions: its draws are numbered, so that each fault has a name that a replay can keep or leave out. */
export interface FaultStream {
  readonly name: string;
  readonly prng: Prng;
  drawn: number;
}

/**
 * Decides whether a fault happens, and remembers which did. With `keep`, only those named there do: chance is drawn all the same, so
 * the rest of the run stays as close as it can. That is what the shrinker works with.
 */
export class Faults {
  readonly fired: string[] = [];
  /** Set while machines are set up: what a run starts from is always whole. */
  isSuspended = true;
  private healed = false;
  private readonly streams = new Map<string, FaultStream>();

  constructor(
    private readonly prng: Prng,
    private readonly classes: ReadonlySet<FaultClass>,
    private readonly keep: ReadonlySet<string> | null,
    private readonly counters: Counters,
  ) {}

  isOn(fault: FaultClass): boolean {
    return !this.healed && !this.isSuspended && this.classes.has(fault);
  }

  get isHealed(): boolean {
    return this.healed;
  }

  /** From now on nothing goes wrong any more. */
  heal(): void {
    this.healed = true;
  }

  stream(name: string): FaultStream {
    let found = this.streams.get(name);
    if (found === undefined) {
      found = { name, prng: this.prng.split(name), drawn: 0 };
      this.streams.set(name, found);
    }
    return found;
  }

  /** Draws once from `stream`; true when the fault is to happen. `counter` is counted then. */
  fires(fault: FaultClass, stream: FaultStream, probability: number, counter: string = fault): boolean {
    stream.drawn += 1;
    if (stream.prng.unit() >= probability || !this.isOn(fault)) return false;
    return this.allow(`${stream.name}#${stream.drawn}`, counter);
  }

  /** For faults that were decided otherwise: asks only whether a replay keeps this one. */
  allow(id: string, counter: string | null): boolean {
    if (this.keep !== null && !this.keep.has(id)) return false;
    this.fired.push(id);
    if (counter !== null) this.counters.hit(counter);
    return true;
  }
}
