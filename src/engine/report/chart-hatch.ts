import type { LaneState } from '../model/drill-record.ts';
import { type Markup, markup, NOTHING } from './markup.ts';
import { round } from './scale.ts';

const SLANT_GAP = 8;

/**
 * A bar of one state: hue, and a hatch that tells it apart without colour. Drawn with plain lines: a pattern would be printed as a picture
 * for every bar, megabytes of them.
 */
export function stateBar(state: LaneState, x: number, y: number, width: number, height: number): Markup {
  const rect = markup`<rect class="span s-${state}" x="${x}" y="${y}" width="${width}" height="${height}" rx="${width > 6 ? 3 : 0}"/>`;
  return width < 3 ? rect : markup`${rect}${hatch(state, x, y, width, height)}`;
}

function hatch(state: LaneState, x: number, y: number, width: number, height: number): Markup {
  const [from, to] = [round(x + 1), round(x + width - 1)];
  const middle = round(y + height / 2);
  // A thick dashed line is a row of upright strokes.
  const upright = markup`<path class="h-upright h-${state}" stroke-width="${height - 1}" d="M${from} ${middle}H${to}"/>`;
  switch (state) {
    case 'voter':
      return markup`<path class="h-dots" d="${[0.25, 0.5, 0.75].map((part, row) => `M${round(from + 2 + (row % 2) * 3.5)} ${round(y + height * part)}H${to}`).join('')}"/>`;
    case 'learner':
      return upright;
    case 'rebuilding':
      return markup`${upright}<path class="h-level" d="M${from} ${round(y + height / 3)}H${to}M${from} ${round(y + (height * 2) / 3)}H${to}"/>`;
    case 'down':
      return markup`<path class="h-slant" d="${slants(from, to, y + 1, height - 2)}"/>`;
    default:
      return NOTHING;
  }
}

/** Strokes that rise to the right, cut at the ends of the bar. */
function slants(from: number, to: number, top: number, height: number): string {
  const strokes: string[] = [];
  for (let foot = from - height; foot < to; foot += SLANT_GAP) {
    const [start, end] = [Math.max(foot, from), Math.min(foot + height, to)];
    if (end - start < 0.5) continue;
    strokes.push(`M${tenth(start)} ${tenth(top + height - (start - foot))}L${tenth(end)} ${tenth(top + height - (end - foot))}`);
  }
  return strokes.join('');
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
