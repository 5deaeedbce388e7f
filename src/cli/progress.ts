import { UnreachableError } from '../engine/errors.ts';
import type { Progress } from '../engine/model/reading.ts';
import { escapeControl } from './escape.ts';
import { showDuration } from './measure.ts';
import { isTerminal, writeError } from './output.ts';
import { StepRows, type StepStatus } from './step-rows.ts';

const PATIENCE_MS = 1000;
const REPAINT_MS = 200;
const LINE_EVERY_MS = 10_000;
const BAR_CELLS = 20;
const FALLBACK_COLUMNS = 80;

export interface ProgressOptions {
  /** Shows nothing, still watches the deadline. */
  quiet?: boolean;
  timeoutMs?: number;
  terminal?: boolean;
  /** Of the terminal: a row that wrapped could not be painted over. */
  columns?: number;
  now?: () => number;
  write?: (text: string) => void;
}

export interface ProgressDisplay {
  report: Progress;
  /** From now on the steps of a change stand as rows, with the bar in the row of the one that runs. The function is told of each. */
  steps(names: readonly string[]): (id: string, status: StepStatus) => void;
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
  const columns = options.columns ?? process.stderr.columns ?? FALLBACK_COLUMNS;
  let painted = 0;
  let rows: StepRows | null = null;
  let barAt = startedAt;

  function clear(): void {
    if (painted > 0) write(over(painted > 1 ? '\u001b[J' : '\u001b[K'));
    painted = 0;
  }

  /** To the first of the painted rows, and from there. */
  function over(text: string): string {
    return `\r${painted > 1 ? `\u001b[${painted - 1}A` : ''}${text}`;
  }

  function paint(bar: string): void {
    const lines = rows === null ? [`  ${bar}`] : rows.lines(bar);
    write(over(`${lines.map((line) => `${line.slice(0, columns - 1)}\u001b[K`).join('\n')}`));
    painted = lines.length;
  }

  function steps(names: readonly string[]): (id: string, status: StepStatus) => void {
    clear();
    rows = new StepRows(names);
    return (id, status) => {
      barAt = now();
      rows?.note(id, status, barAt);
      if (!options.quiet && terminal && (painted > 0 || barAt - startedAt > PATIENCE_MS)) paint('');
    };
  }

  function report(done: number, total: number, what: string): void {
    const at = now();
    if (options.timeoutMs !== undefined && at - startedAt > options.timeoutMs) {
      throw new UnreachableError(`not done within ${showDuration(options.timeoutMs)}: ${escapeControl(what)}`, 'Give it longer: --timeout 10m');
    }
    if (options.quiet || at - paintedAt < (terminal ? REPAINT_MS : LINE_EVERY_MS)) return;
    paintedAt = at;
    const bar = progressBar(done, total, what, at - barAt);
    if (terminal) paint(bar);
    else write(`  ${rows?.running === undefined ? '' : `${rows.running}  `}${bar}\n`);
  }

  return { report, steps, clear };
}

/** Progress for callers that only pass it on. */
export function createProgress(options: ProgressOptions = {}): Progress {
  return createProgressDisplay(options).report;
}

function progressBar(done: number, total: number, what: string, elapsedMs: number): string {
  const share = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
  const full = Math.floor(share * BAR_CELLS);
  const left = share > 0.02 && share < 1 ? `, ${showDuration((elapsedMs / share) * (1 - share))} left` : '';
  return `${String(Math.floor(share * 100)).padStart(3)}%  [${'#'.repeat(full)}${'.'.repeat(BAR_CELLS - full)}]  ${escapeControl(what)}${left}`;
}
