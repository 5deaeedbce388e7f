import type { Finding } from '../../engine/model/finding.ts';
import type { Style } from './style.ts';
import { wrap } from './wrap.ts';

const SHOWN = 12;
const RANK = { error: 0, warn: 1, info: 2 } as const;

/** Findings as every screen shows them: the worst first, where it is, and what to do. */
export function* findingLines(findings: readonly Finding[], style: Style): Generator<string> {
  const sorted = [...findings].sort((a, b) => RANK[a.severity] - RANK[b.severity]);
  const shown = style.verbose ? sorted : sorted.filter((one) => one.severity !== 'info').slice(0, SHOWN);
  for (const one of shown) {
    const where = [one.file, one.byteOffset === null ? null : `byte ${one.byteOffset}`].filter((part) => part !== null).join(', ');
    const word = one.severity === 'error' ? style.bad('ERROR') : one.severity === 'warn' ? style.caution('warn ') : 'info ';
    const text = [where === '' || one.message.includes(where) ? '' : `${where}: `, one.message, one.fix === '' ? '' : `. ${one.fix}`].join('');
    const [first = '', ...rest] = wrap(`${one.member === null ? '' : `${one.member}  `}${text}`, Math.max(style.width, 80) - 9);
    yield `  ${word}  ${first}`;
    for (const line of rest) yield `         ${line}`;
  }
  const left = sorted.length - shown.length;
  if (left > 0) yield style.dim(`  ${left} more: --verbose`);
}
