import type { Style } from './style.ts';

export interface Look {
  colour: boolean;
  width: number;
  unicode: boolean;
  terminal: boolean;
  verbose: boolean;
}

/**
 * Whether to colour. `--no-color` and `NO_COLOR` (no-color.org: any value but the empty one) win over `FORCE_COLOR`, which wins
 * over a pipe and over `TERM=dumb`.
 */
export function wantsColour(env: NodeJS.ProcessEnv, asked: { noColour: boolean; terminal: boolean }): boolean {
  if (asked.noColour || (env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return asked.terminal && env['TERM'] !== 'dumb';
}

/** Whether the locale can show block characters. */
export function isUtf8Locale(env: NodeJS.ProcessEnv): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return /utf-?8/i.test(locale);
}

export function createStyle(look: Look): Style {
  const paint = (on: number, off: number) => (text: string) => (look.colour && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text);
  return {
    width: look.width,
    unicode: look.unicode,
    terminal: look.terminal,
    verbose: look.verbose,
    good: paint(32, 39),
    caution: paint(33, 39),
    bad: paint(31, 39),
    command: paint(36, 39),
    strong: paint(1, 22),
    dim: paint(2, 22),
  };
}

/** No colour, 80 columns, ASCII: what a pipe or a test gets. */
export function plainStyle(look: Partial<Look> = {}): Style {
  return createStyle({ colour: false, width: 80, unicode: false, terminal: false, verbose: false, ...look });
}
