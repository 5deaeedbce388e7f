import { escapeControl } from './escape.ts';

export type StepStatus = 'started' | 'done' | 'failed';

interface Row {
  readonly name: string;
  startedAt: number | null;
  tookMs: number | null;
  isFailed: boolean;
}

const NAME_WIDTH = 9;

/** The steps of a change while they run: what is done and how long it took, what runs, what is still to come. */
export class StepRows {
  private readonly rows: Row[];

  constructor(names: readonly string[]) {
    this.rows = names.map((name) => ({ name, startedAt: null, tookMs: null, isFailed: false }));
  }

  /** The step that runs. */
  get running(): string | undefined {
    return this.rows.find((row) => row.startedAt !== null && row.tookMs === null)?.name;
  }

  note(name: string, status: StepStatus, at: number): void {
    const row = this.rows.find((one) => one.name === name);
    if (row === undefined) return;
    if (status === 'started') row.startedAt = at;
    else [row.tookMs, row.isFailed] = [at - (row.startedAt ?? at), status === 'failed'];
  }

  /** One line a step; `bar` stands in that of the one that runs. */
  lines(bar: string): string[] {
    return this.rows.map(({ name, startedAt, tookMs, isFailed }, at) => {
      const state = startedAt === null ? '' : tookMs === null ? bar : `${isFailed ? 'FAIL' : 'done'}   ${(tookMs / 1000).toFixed(1)} s`;
      return `  ${at + 1} ${escapeControl(name).padEnd(NAME_WIDTH)} ${state}`.trimEnd();
    });
  }
}
