import type { LogIndex } from '../core/types.ts';
import type { DoubtSummary } from '../model/evidence.ts';
import type { DecodedEntry, EntryDecoder, LogEntry } from '../model/reading.ts';

/** Distinct prefixes counted at once; a log made to exhaust memory ends in "other". */
const MAX_PREFIXES = 512;
const SHOWN_PREFIXES = 8;

/** How an operation moves an etcd store's revision. */
function revisionEffect(decoded: DecodedEntry): 'one' | 'maybe' | 'none' {
  if (decoded.op === 'put') return 'one';
  return /^(delete-range|delete|txn)$/.test(decoded.op) ? 'maybe' : 'none';
}

/** The folder of a key: up to its last slash, else up to its last `:` or `.`, else the whole key. */
export function prefixOf(key: string): string {
  for (const separator of ['/', ':', '.']) {
    const at = key.lastIndexOf(separator);
    if (at > 0 || (at === 0 && separator === '/')) return key.slice(0, at + 1);
  }
  return key;
}

/** Describes a range of entries while they stream by. */
export class DoubtBuilder {
  private entries = 0;
  private bytes = 0;
  private readonly ops = new Map<string, number>();
  private readonly prefixes = new Map<string, number>();
  private single: DoubtSummary['single'] = null;
  private worded = 0;
  private raised = 0;
  private maybe = 0;

  constructor(
    private readonly from: LogIndex,
    private readonly to: LogIndex,
    private readonly decode: EntryDecoder | null,
  ) {}

  add(entry: LogEntry): void {
    if (entry.index < this.from || entry.index > this.to) return;
    this.entries += 1;
    this.bytes += entry.bytes;
    if (entry.kind !== 'command' || this.decode === null) {
      count(this.ops, entry.kind === 'command' ? 'command' : entry.kind === 'confChange' ? 'membership change' : entry.kind);
      if (entry.kind !== 'noop') this.describe(entry, null);
      return;
    }
    const decoded = this.decode(entry);
    count(this.ops, decoded.op);
    if (decoded.key !== null) count(this.prefixes, prefixOf(decoded.key));
    const effect = revisionEffect(decoded);
    if (effect === 'one') this.raised += 1;
    else if (effect === 'maybe') this.maybe += 1;
    this.describe(entry, decoded);
  }

  /** @param revisionAtEnd Revision after the last entry, where the store has revisions. */
  finish(revisionAtEnd: number | null): DoubtSummary {
    const raised = this.raised + this.maybe;
    const exact = this.maybe === 0;
    return {
      from: this.from,
      to: this.to,
      entries: this.entries,
      bytes: this.bytes,
      ops: ranked(this.ops).map(([op, entries]) => ({ op, entries })),
      prefixes: ranked(this.prefixes).slice(0, SHOWN_PREFIXES).map(([prefix, entries]) => ({ prefix, entries })),
      single: this.worded === 1 ? this.single : null,
      revisions: revisionAtEnd === null || this.decode === null ? null : { before: Math.max(0, revisionAtEnd - raised), after: revisionAtEnd, exact },
    };
  }

  private describe(entry: LogEntry, decoded: DecodedEntry | null): void {
    this.worded += 1;
    if (this.worded > 1) return;
    this.single = {
      index: entry.index,
      op: decoded?.op ?? (entry.kind === 'confChange' ? 'membership change' : entry.kind),
      key: decoded?.key ?? null,
      valueBytes: decoded?.valueBytes ?? null,
      detail: decoded?.detail ?? '',
    };
  }
}

function count(counts: Map<string, number>, name: string): void {
  const known = counts.get(name);
  if (known === undefined && counts.size >= MAX_PREFIXES) return count(counts, 'other');
  counts.set(name, (known ?? 0) + 1);
}

function ranked(counts: Map<string, number>): [string, number][] {
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}
