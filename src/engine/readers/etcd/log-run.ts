import type { LogIndex, Term } from '../../core/types.ts';
import type { LogReport, TermRun } from '../../model/member-report.ts';
import type { EntryHeader } from './entry-header.ts';

/** A run of readable entries that no longer belongs to the end of the log, and what ended it. */
export interface HistoryRun {
  first: LogIndex;
  last: LogIndex;
  endedBy: 'snapshot' | 'damage';
}

/** More term runs than any log has; past them neighbouring runs are not told apart. */
const MAX_TERM_RUNS = 100_000;

/** The run of consecutive entries that ends the log as far as it was read, and the runs before it. */
export class LogRun {
  readonly history: HistoryRun[] = [];
  /** 0 while the run is empty and nothing says where it would begin. */
  first: LogIndex = 0;
  last: LogIndex = 0;
  bytes = 0;
  byKind = { command: 0, noop: 0, confChange: 0 };
  termRuns: TermRun[] = [];
  /** Term of the last entry, or of the snapshot that the run continues. */
  lastTerm: Term = 0;

  get isEmpty(): boolean {
    return this.first === 0 || this.last < this.first;
  }

  append(entry: EntryHeader): void {
    if (this.first === 0) this.first = entry.index;
    this.last = entry.index;
    this.count(entry);
    const run = this.termRuns.at(-1);
    if (run && (run.term === entry.term || this.termRuns.length > MAX_TERM_RUNS)) run.last = entry.index;
    else this.termRuns.push({ term: entry.term, first: entry.index, last: entry.index });
    this.lastTerm = entry.term;
  }

  count(entry: EntryHeader): void {
    this.bytes += entry.dataTo - entry.dataFrom;
    this.byKind[entry.kind]++;
  }

  /** Drops `index` and all behind it. The counts no longer fit then: they need a second walk. */
  truncateFrom(index: LogIndex): void {
    if (this.isEmpty || index > this.last) return;
    if (index <= this.first) return this.clear(0);
    this.last = index - 1;
    while ((this.termRuns.at(-1)?.first ?? 0) >= index) this.termRuns.pop();
    const run = this.termRuns.at(-1);
    if (run) run.last = index - 1;
    this.lastTerm = run?.term ?? 0;
  }

  /** Ends the run: what it held is history, the next one begins at `first` (0: wherever the next entry is). */
  close(endedBy: HistoryRun['endedBy'], first: LogIndex = 0, lastTerm: Term = 0): void {
    if (!this.isEmpty) this.history.push({ first: this.first, last: this.last, endedBy });
    this.clear(first, lastTerm);
  }

  resetCounts(): void {
    this.bytes = 0;
    this.byKind = { command: 0, noop: 0, confChange: 0 };
  }

  /** `emptyFirst`: where an empty log would begin. */
  report(emptyFirst: LogIndex): LogReport {
    const { byKind, termRuns, bytes, lastTerm } = this;
    if (this.isEmpty) {
      const firstIndex = this.first === 0 ? emptyFirst : this.first;
      return { firstIndex, lastIndex: firstIndex - 1, lastTerm, entries: 0, bytes: 0, byKind: { command: 0, noop: 0, confChange: 0 }, termRuns: [] };
    }
    return { firstIndex: this.first, lastIndex: this.last, lastTerm, entries: this.last - this.first + 1, bytes, byKind: { ...byKind }, termRuns };
  }

  private clear(first: LogIndex, lastTerm: Term = 0): void {
    this.first = first;
    this.last = first === 0 ? 0 : first - 1;
    this.termRuns = [];
    this.lastTerm = lastTerm;
    this.resetCounts();
  }
}
