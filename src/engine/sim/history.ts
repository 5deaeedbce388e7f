/** First line of a history. */
export interface HistoryHeader {
  readonly v: 1;
  readonly t: 'header';
  readonly model: 'kv';
  readonly seed: string;
  readonly nodes: readonly string[];
  readonly unit: 'ns';
  readonly version: string;
}

export type HistoryOp = 'put' | 'get' | 'cas' | 'append' | 'delete';
export type HistoryLevel = 'linearizable' | 'follower' | 'stale';

/** One line. `fail`: certainly never took effect; `info`: unknown for ever, and its process is never used again. */
export type HistoryLine =
  | { readonly i: number; readonly t: 'invoke'; readonly ts: number; readonly p: number; readonly op: HistoryOp; readonly k: string; readonly x?: string | readonly [string | null, string]; readonly id: string; readonly node: string; readonly level?: HistoryLevel }
  | { readonly i: number; readonly t: 'ok'; readonly ts: number; readonly p: number; readonly op: HistoryOp; readonly k: string; readonly r: string | boolean | null; readonly id: string; readonly term?: number; readonly index: number; readonly level?: HistoryLevel; readonly token?: number }
  | { readonly i: number; readonly t: 'fail' | 'info'; readonly ts: number; readonly p: number; readonly op: HistoryOp; readonly k: string; readonly id: string; readonly err: string }
  | { readonly i: number; readonly t: 'fault'; readonly ts: number; readonly kind: string; readonly detail: unknown; readonly phase: 'start' | 'end' }
  /** Ground truth, written at the end: an entry of the log that an operation made. An outside checker may ignore it. */
  | { readonly i: number; readonly t: 'applied'; readonly index: number; readonly id: string };

/** A line without its number. */
type Numbered<T> = T extends unknown ? Omit<T, 'i'> : never;
export type NewHistoryLine = Numbered<HistoryLine>;

export interface History {
  readonly header: HistoryHeader;
  readonly lines: readonly HistoryLine[];
}

/** Collects lines in order. No line is ever changed. */
export class HistoryRecorder implements History {
  readonly lines: HistoryLine[] = [];

  constructor(readonly header: HistoryHeader) {}

  add(line: NewHistoryLine): void {
    this.lines.push({ i: this.lines.length + 1, ...line } as HistoryLine);
  }
}

export function renderHistory({ header, lines }: History): string {
  return [header, ...lines].map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** @throws {RangeError} Naming the line that is none, or out of order. */
export function parseHistory(text: string): History {
  const rows = text.split('\n').filter((row) => row.trim() !== '');
  const values = rows.map((row, at): Record<string, unknown> => {
    try {
      const value: unknown = JSON.parse(row);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    } catch (error) {
      throw new RangeError(`history, line ${at + 1}: not JSON`, { cause: error });
    }
    throw new RangeError(`history, line ${at + 1}: no object`);
  });
  const [header, ...lines] = values;
  if (header?.['t'] !== 'header' || header['v'] !== 1 || header['model'] !== 'kv') throw new RangeError('history, line 1: no header of a kv history, version 1');
  let last = 0;
  for (const [at, line] of lines.entries()) {
    const { i, t } = line as { i?: unknown; t?: unknown };
    if (typeof i !== 'number' || i <= last) throw new RangeError(`history, line ${at + 2}: "i" must grow`);
    if (typeof t !== 'string' || !['invoke', 'ok', 'fail', 'info', 'fault', 'applied'].includes(t)) throw new RangeError(`history, line ${at + 2}: unknown kind ${String(t)}`);
    last = i;
  }
  return { header: header as unknown as HistoryHeader, lines: lines as unknown as HistoryLine[] };
}

/** An operation with both its ends. Times are line numbers: they order as time does, and never tie. */
export interface Operation {
  readonly id: string;
  readonly p: number;
  readonly op: HistoryOp;
  readonly k: string;
  readonly x: string | readonly [string | null, string] | undefined;
  readonly level: HistoryLevel;
  readonly invoked: number;
  /** Null: never answered, or answered with `info`. */
  readonly ended: number | null;
  readonly outcome: 'ok' | 'fail' | 'info';
  readonly r: string | boolean | null | undefined;
  readonly index: number | null;
  readonly token: number | null;
}

/** Pairs invocations with their ends. @throws {RangeError} When an end has no beginning, or a process does two things at once. */
export function operationsOf({ lines }: History): Operation[] {
  const open = new Map<number, Operation>();
  const lost = new Set<number>();
  const done: Operation[] = [];
  for (const line of lines) {
    if (line.t === 'fault' || line.t === 'applied') continue;
    if (line.t === 'invoke') {
      if (open.has(line.p) || lost.has(line.p)) throw new RangeError(`history, i=${line.i}: process ${line.p} begins an operation while another is open or unknown`);
      open.set(line.p, { id: line.id, p: line.p, op: line.op, k: line.k, x: line.x, level: line.level ?? 'linearizable', invoked: line.i, ended: null, outcome: 'info', r: undefined, index: null, token: null });
      continue;
    }
    const begun = open.get(line.p);
    if (begun === undefined || begun.id !== line.id) throw new RangeError(`history, i=${line.i}: process ${line.p} ends ${line.id}, which it did not begin`);
    open.delete(line.p);
    if (line.t === 'info') lost.add(line.p);
    if (line.t === 'ok') done.push({ ...begun, ended: line.i, outcome: 'ok', r: line.r, index: line.index, token: line.token ?? null });
    else done.push({ ...begun, ended: line.t === 'fail' ? line.i : null, outcome: line.t });
  }
  return [...done, ...open.values()].sort((a, b) => a.invoked - b.invoked);
}
