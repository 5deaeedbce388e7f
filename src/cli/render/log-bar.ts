/** A part of a log drawn as a bar: `1 ==== safe ==== 554`. */
export interface BarPart {
  from: number | null;
  /** Equal to `from` for a single entry, null for an open end. */
  to: number | null;
  /** `=` known, `~` in doubt, `-` never committed, `x` lost, `?` unknown. */
  fill: '=' | '~' | '-' | 'x' | '?';
  text: string;
  /** Said instead where there is no room. */
  short?: string;
  /** Fill characters on each side of the text when there is room. */
  half: number;
  paint?(text: string): string;
}

const SEPARATOR = ' | ';

/** A line of bars; `cut` is the column of the last separator, for a mark below. */
export interface DrawnBar {
  line: string;
  cut: number;
}

const WORDINGS: readonly ['full' | 'short' | 'none', readonly number[]][] = [
  ['full', [1, 0.75, 0.5, 0.25]],
  ['short', [1, 0.5, 0.25]],
];

/** Lines of bars, all at the one scale at which they fit, so that what they share lines up. */
export function drawLogBars(rows: readonly (readonly BarPart[])[], width: number): DrawnBar[] {
  for (const [wording, scales] of WORDINGS) {
    for (const scale of scales) {
      const drawn = rows.map((parts) => parts.map((part) => drawPart(part, scale, wording)));
      if (drawn.every((texts) => texts.join(SEPARATOR).length <= width)) return drawn.map((texts, at) => finish(texts, rows[at] ?? []));
    }
  }
  return rows.map((parts) => finish(parts.map((part) => drawPart(part, 0, 'none')), parts));
}

function finish(texts: readonly string[], parts: readonly BarPart[]): DrawnBar {
  const plain = texts.join(SEPARATOR);
  const line = texts.map((text, at) => parts[at]?.paint?.(text) ?? text).join(SEPARATOR);
  return { line, cut: parts.length > 1 ? plain.length - (texts.at(-1) ?? '').length - 2 : -1 };
}

function drawPart(part: BarPart, scale: number, wording: 'full' | 'short' | 'none'): string {
  const side = Math.max(1, Math.round(part.half * scale));
  const fill = part.fill === '?' ? Array(Math.max(1, Math.round(3 * scale))).fill('?').join(' ') : part.fill.repeat(side);
  const text = wording === 'full' ? part.text : wording === 'short' ? (part.short ?? '') : '';
  const single = part.from !== null && part.from === part.to;
  const body = text === '' ? fill : single ? `${part.fill} ${text}` : `${fill} ${text} ${fill}`;
  const ends = [part.from === null ? '' : `${part.from} `, single || part.to === null ? '' : ` ${part.to}`];
  return `${ends[0]}${body}${ends[1]}`;
}
