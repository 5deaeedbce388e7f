import fs from 'node:fs';

/** What begins an operation. */
export interface InvokeLine {
  readonly p: number;
  readonly op: 'append' | 'get';
  readonly k: string;
  readonly x?: string;
  readonly id: string;
}

/** How an operation ended: certainly done, certainly not, or nobody knows. */
export type Ending = { readonly t: 'ok'; readonly r: string | number | null; readonly index: number } | { readonly t: 'fail'; readonly err: string } | { readonly t: 'info'; readonly err: string };

/**
 * The history of a run, one JSON document a line, written in the order things happened and never rewritten: what clients asked for, what
 * they were told, and what was done to the cluster. Times are nanoseconds of one monotonic clock. Enough for an outside checker.
 */
export class HistoryFile {
  private readonly fd: number;
  private count = 0;
  private pending: string[] = [];

  constructor(
    readonly file: string,
    header: { readonly seed: string; readonly nodes: readonly string[]; readonly version: string },
    private readonly nowMs: () => number,
  ) {
    this.fd = fs.openSync(file, 'wx', 0o600);
    this.add({ v: 1, t: 'header', model: 'kv', seed: header.seed, nodes: header.nodes, unit: 'ns', version: header.version });
  }

  invoke(line: InvokeLine): void {
    this.number({ t: 'invoke', ...line, ...(line.op === 'get' ? { level: 'linearizable' } : {}) });
  }

  end(line: InvokeLine, ending: Ending): void {
    this.number({ ...ending, p: line.p, op: line.op, k: line.k, ...(line.x === undefined || ending.t === 'ok' ? {} : { x: line.x }), id: line.id });
  }

  fault(kind: string, detail: string, phase: 'start' | 'end'): void {
    this.number({ t: 'fault', kind, detail, phase });
  }

  /** What was written so far. */
  text(): string {
    this.flush();
    return fs.readFileSync(this.file, 'utf8');
  }

  close(): void {
    this.flush();
    fs.closeSync(this.fd);
  }

  private number(line: Record<string, unknown>): void {
    this.count += 1;
    const { t, ...rest } = line;
    this.add({ i: this.count, t, ts: Math.round(this.nowMs() * 1e6), ...rest });
  }

  private add(line: Record<string, unknown>): void {
    this.pending.push(JSON.stringify(line));
    if (this.pending.length >= 256) this.flush();
  }

  private flush(): void {
    if (this.pending.length === 0) return;
    fs.writeSync(this.fd, `${this.pending.join('\n')}\n`);
    this.pending = [];
  }
}
