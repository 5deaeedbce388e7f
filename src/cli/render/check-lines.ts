import type { CheckLine } from '../../engine/model/check-line.ts';
import { escapeControl } from '../escape.ts';
import type { Style } from './style.ts';
import { wrapAfter } from './wrap.ts';

const COLUMN = 41;
const MARK = 4;
const ROOM = COLUMN - MARK - 4;

/** Checks, two in a line where both are short: what was found, behind `ok`, `FAIL`, or `-` for what could not be looked at. */
export function* checkLines(checks: readonly CheckLine[], style: Style): Generator<string> {
  let open: CheckLine | null = null;
  for (const check of checks) {
    const isShort = check.ok !== false && check.detail.length <= ROOM;
    if (open !== null && check.ok !== false && check.detail.length <= Math.max(80, style.width) - COLUMN - MARK) {
      yield `  ${mark(open, style)}${escapeControl(open.detail).padEnd(ROOM + 2)}${mark(check, style)}${escapeControl(check.detail)}`;
      open = null;
      continue;
    }
    if (open !== null) yield* whole(open, style);
    open = isShort ? check : null;
    if (!isShort) yield* whole(check, style);
  }
  if (open !== null) yield* whole(open, style);
}

function* whole(check: CheckLine, style: Style): Generator<string> {
  yield* wrapAfter(`  ${mark(check, style)}`, escapeControl(check.detail), Math.max(80, style.width));
}

function mark({ ok }: CheckLine, style: Style): string {
  const [word, paint] = ok === true ? (['ok', style.good] as const) : ok === false ? (['FAIL', style.bad] as const) : (['-', style.dim] as const);
  return `${paint(word)}${' '.repeat(Math.max(1, MARK + (ok === false ? 2 : 0) - word.length))}`;
}
