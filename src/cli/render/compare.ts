import type { CompareReport } from '../../engine/recovery/invariants.ts';
import type { Style } from './style.ts';
import { columns } from './table.ts';
import type { Column } from './table.ts';
import { wrapAfter } from './wrap.ts';

type Pair = CompareReport['pairs'][number];
type Invariant = CompareReport['invariants'][number];

/** `recover compare`: how the logs relate pair by pair, then the properties that must hold across them. */
export function* compareScreen(report: CompareReport, labels: readonly string[], style: Style): Generator<string> {
  const broken = report.invariants.filter((one) => one.holds === false);
  const parted = report.pairs.filter((one) => one.divergesAt !== null);
  const words = parted.length === 0 ? 'no logs part' : `${parted.length} of ${report.pairs.length} pairs part`;
  if (broken.length > 0) yield `${style.bad('BROKEN')}  ${broken.map((one) => one.name).join(', ')}  ${words}`;
  else yield `${style.good('CONSISTENT')}  ${labels.length} members, ${words}`;
  const range = (one: { from: number; to: number } | null): string | null => (one ? `${one.from}-${one.to}` : null);
  const spec: Column<Pair>[] = [
    { header: 'PAIR', cell: (one) => `${one.a}, ${one.b}` },
    { header: 'SAME UP TO', cell: (one) => one.commonPrefixEnd, align: 'right' },
    { header: 'PART AT', cell: (one) => one.divergesAt, align: 'right', paint: (text, one) => (one.divergesAt === null ? text : style.caution(text)) },
    { header: 'TERMS', cell: (one) => (one.divergesAt === null ? null : `${one.aTerm} and ${one.bTerm}`) },
    { header: 'ONLY IN FIRST', cell: (one) => range(one.onlyInA), align: 'right', drop: 1 },
    { header: 'ONLY IN SECOND', cell: (one) => range(one.onlyInB), align: 'right', drop: 2 },
  ];
  if (report.pairs.length > 0) yield* columns(report.pairs, spec, { width: style.width });
  for (const one of report.invariants) yield* invariantLines(one, style);
}

function invariantLines(one: Invariant, style: Style): string[] {
  const word = one.holds === null ? '??' : one.holds ? 'ok' : 'NO';
  const paint = one.holds === null ? style.caution : one.holds ? style.good : style.bad;
  const lines = wrapAfter(`  ${word}  ${one.name}  `, one.where, style.width);
  return lines.map((line, at) => (at === 0 ? `  ${paint(word)}${line.slice(2 + word.length)}` : line).trimEnd());
}
