import { PowerOff, SimulatedFiles, type Survival } from '../helpers/simulated-files.ts';

/** Something that runs over a file system, can be cut off anywhere, and is then run again. */
export interface CrashCase {
  /** The disk before it. */
  start(): SimulatedFiles;
  /** The operation, and its re-run: the same. */
  run(ops: SimulatedFiles): Promise<unknown>;
  /** What must hold right after the crash, before anything is run again. */
  afterCrash?(ops: SimulatedFiles, where: string): void | Promise<void>;
  /** What must hold once it was run again to its end. */
  afterRerun(ops: SimulatedFiles, where: string): void | Promise<void>;
}

export interface CrashCount {
  calls: number;
  crashes: number;
  second: number;
}

/** A small generator (mulberry32), so that a failure can be run again. */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Crashes the operation before each of its calls, loses what was not synced in every way the reference names (none kept, all kept, each
 * single call missing, each single write torn, random subsets), runs it again and looks. Then the re-run is crashed the same way: all of it
 * (`everySecond` 1), or each so-manieth.
 * @see Lu et al., "A study of Linux file system evolution", for what single lost calls find.
 */
export async function crashEverywhere(subject: CrashCase, options: { subsets: number; everySecond: number; seed: number }): Promise<CrashCount> {
  const whole = subject.start();
  const from = whole.count;
  await subject.run(whole);
  const calls = whole.count - from;
  const count: CrashCount = { calls, crashes: 0, second: 0 };
  const next = chance(options.seed);
  let turn = 0;
  for (let stop = 0; stop <= calls; stop += 1) {
    const cut = await cutOff(subject, subject.start(), stop);
    for (const survival of survivals(cut, options.subsets, next)) {
      const where = `cut before call ${stop} (${whole.names[from + stop] ?? 'the end'}), ${wordOf(survival, cut)}`;
      count.crashes += 1;
      await recover(subject, cut.afterPowerLoss(survival), where);
      turn += 1;
      if (turn % options.everySecond === 0) count.second += await crashAgain(subject, cut.afterPowerLoss(survival), where, next, options);
    }
  }
  return count;
}

async function recover(subject: CrashCase, ops: SimulatedFiles, where: string): Promise<void> {
  await subject.afterCrash?.(ops, where);
  try {
    await subject.run(ops);
  } catch (error) {
    throw new Error(`${where}: the re-run failed: ${(error as Error).message}`, { cause: error });
  }
  await subject.afterRerun(ops, where);
}

/** The second crash hits the re-run, at one place of its own choosing per survival: all of them would be the square. */
async function crashAgain(subject: CrashCase, image: SimulatedFiles, where: string, next: () => number, options: { subsets: number }): Promise<number> {
  const trial = image.afterPowerLoss({ kind: 'all' });
  const from = trial.count;
  await subject.run(trial);
  const stop = Math.floor(next() * (trial.count - from + 1));
  const cut = await cutOff(subject, image.afterPowerLoss({ kind: 'all' }), stop);
  let count = 0;
  for (const survival of survivals(cut, Math.min(2, options.subsets), next)) {
    await recover(subject, cut.afterPowerLoss(survival), `${where}; then before call ${stop} of the re-run (${trial.names[from + stop] ?? 'the end'}), ${wordOf(survival, cut)}`);
    count += 1;
  }
  return count;
}

async function cutOff(subject: CrashCase, ops: SimulatedFiles, calls: number): Promise<SimulatedFiles> {
  ops.stopAfter(calls);
  try {
    await subject.run(ops);
  } catch (error) {
    if (!isPowerOff(error)) throw error;
  }
  return ops;
}

function isPowerOff(error: unknown): boolean {
  return error instanceof PowerOff || (error instanceof Error && isPowerOff(error.cause ?? null));
}

function survivals(cut: SimulatedFiles, subsets: number, next: () => number): Survival[] {
  const open = cut.unsynced();
  const found: Survival[] = [{ kind: 'all' }];
  if (open.length === 0) return found;
  found.push({ kind: 'none' });
  if (open.length > 1) for (const call of open) found.push({ kind: 'without', call });
  for (const call of open) if (cut.names[call]?.startsWith('write ') === true) found.push({ kind: 'torn', call });
  for (let at = 0; at < subsets && open.length > 1; at += 1) {
    const kept = new Set(open.filter(() => next() < 0.5));
    found.push({ kind: 'chosen', keeps: (call) => kept.has(call) });
  }
  return found;
}

function wordOf(survival: Survival, cut: SimulatedFiles): string {
  if (survival.kind === 'without' || survival.kind === 'torn') return `${survival.kind} "${cut.names[survival.call]}"`;
  if (survival.kind === 'chosen') return `kept of the unsynced: ${cut.unsynced().filter(survival.keeps).map((call) => cut.names[call]).join(', ')}`;
  return `${survival.kind} of the unsynced calls kept`;
}
