import { UnreachableError } from '../engine/errors.ts';
import type { Progress } from '../engine/model/reading.ts';
import { escapeControl } from './escape.ts';
import { showDuration } from './measure.ts';
import { isTerminal, writeError } from './output.ts';

const PATIENCE_MS = 1000;
const REPAINT_MS = 200;
const LINE_EVERY_MS = 10_000;
const BAR_CELLS = 20;

export interface ProgressOptions {
  /** Shows nothing, still watches the deadline. */
  quiet?: boolean;
  timeoutMs?: number;
  terminal?: boolean;
  now?: () => number;
  write?: (text: string) => void;
}

export interface ProgressDisplay {
  report: Progress;
  /** Takes a painted bar off the screen, before anything else is printed. */
  clear(): void;
}

/**
 * Progress on stderr: a bar that repaints after a second on a terminal, a line every ten seconds off it. Painting is
 * synchronous because readers are: while they work, no timer of ours would ever fire. For the same reason `--timeout` is
 * watched here.
 * @throws {UnreachableError} From `report`, once the time is up.
 */
export function createProgressDisplay(options: ProgressOptions = {}): ProgressDisplay {
  const now = options.now ?? Date.now;
  const write = options.write ?? writeError;
  const terminal = options.terminal ?? isTerminal(2);
  const startedAt = now();
  let paintedAt = terminal ? startedAt + PATIENCE_MS - REPAINT_MS : startedAt;
  let isPainted = false;

  function clear(): void {
    if (isPainted) write('\r\u001b[K');
    isPainted = false;
  }

  function report(done: number, total: number, what: string): void {
    const at = now();
    if (options.timeoutMs !== undefined && at - startedAt > options.timeoutMs) {
      throw new UnreachableError(`not done within ${showDuration(options.timeoutMs)}: ${escapeControl(what)}`, 'Give it longer: --timeout 10m');
    }
    if (options.quiet || at - paintedAt < (terminal ? REPAINT_MS : LINE_EVERY_MS)) return;
    paintedAt = at;
    const line = progressLine(done, total, what, at - startedAt);
    write(terminal ? `\r${line}\u001b[K` : `${line}\n`);
    isPainted = terminal;
  }

  return { report, clear };
}

/** Progress for callers that only pass it on. */
export function createProgress(options: ProgressOptions = {}): Progress {
  return createProgressDisplay(options).report;
}

function progressLine(done: number, total: number, what: string, elapsedMs: number): string {
  const share = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
  const full = Math.floor(share * BAR_CELLS);
  const left = share > 0.02 ? `, ${showDuration((elapsedMs / share) * (1 - share))} left` : '';
  return `  ${String(Math.floor(share * 100)).padStart(3)}%  [${'#'.repeat(full)}${'.'.repeat(BAR_CELLS - full)}]  ${escapeControl(what)}${left}`;
}
