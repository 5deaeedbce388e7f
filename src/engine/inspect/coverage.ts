import type { LogIndex } from '../core/types.ts';
import type { MemberReport } from '../model/member-report.ts';

export interface Span {
  from: LogIndex;
  to: LogIndex;
}

type Covering = Pick<MemberReport, 'log' | 'damage'>;

/** The ranges of entries that can be read, ascending: the log's, and what is whole behind damage. */
export function readableSpans(report: Covering): Span[] {
  const spans: Span[] = report.log.entries > 0 ? [{ from: report.log.firstIndex, to: report.log.lastIndex }] : [];
  for (const one of report.damage) {
    if (one.tail === null || one.toIndex === null || one.tail.index <= one.toIndex) continue;
    spans.push({ from: one.toIndex + 1, to: one.tail.index });
  }
  spans.sort((a, b) => a.from - b.from);
  const lost = report.damage.flatMap((one) => (one.fromIndex !== null && one.toIndex !== null ? [{ from: one.fromIndex, to: one.toIndex }] : []));
  return joined(spans.flatMap((span) => without(span, lost)));
}

/** `1-2171, 2173-3563`; `-` when there is none. */
export function showSpans(spans: readonly Span[], most = 3): string {
  if (spans.length === 0) return '-';
  const shown = spans.slice(0, most).map((span) => (span.from === span.to ? String(span.from) : `${span.from}-${span.to}`));
  return `${shown.join(', ')}${spans.length > most ? `, ${spans.length - most} more` : ''}`;
}

export function holdsEntry(report: Covering, index: LogIndex): boolean {
  return readableSpans(report).some((span) => span.from <= index && index <= span.to);
}

/** Whether every entry of a range can be read there. */
export function holdsRange(report: Covering, from: LogIndex, to: LogIndex): boolean {
  return readableSpans(report).some((span) => span.from <= from && to <= span.to);
}

function without(span: Span, lost: readonly Span[]): Span[] {
  return lost.reduce<Span[]>(
    (kept, hole) =>
      kept.flatMap((one) =>
        [
          { from: one.from, to: Math.min(one.to, hole.from - 1) },
          { from: Math.max(one.from, hole.to + 1), to: one.to },
        ].filter((part) => part.from <= part.to),
      ),
    [span],
  );
}

function joined(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const last = result.at(-1);
    if (last !== undefined && span.from <= last.to + 1) last.to = Math.max(last.to, span.to);
    else result.push({ ...span });
  }
  return result;
}
