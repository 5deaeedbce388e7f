import { FORMATS, type Format } from './flags.ts';
import { isTerminal, terminalWidth } from './output.ts';
import type { Manner } from './present.ts';
import { createStyle, isUtf8Locale, wantsColour } from './render/terminal-style.ts';

/** The global flags that decide how a run talks. */
export interface Asked {
  format: Format;
  quiet: boolean;
  verbose: boolean;
  noColour: boolean;
}

/**
 * What was asked for, from the raw words: errors have to be printed the right way before (or because) parsing fails. Words
 * after `--` are data.
 */
export function askedBy(argv: readonly string[]): Asked {
  const end = argv.indexOf('--');
  const words = end === -1 ? argv : argv.slice(0, end);
  const given = words.flatMap((word, at) => (word === '--format' ? [words[at + 1]] : word.startsWith('--format=') ? [word.slice(9)] : []));
  const format = FORMATS.find((one) => given.includes(one));
  return {
    format: words.includes('--json') ? 'json' : (format ?? 'table'),
    quiet: words.includes('--quiet'),
    verbose: words.includes('--verbose'),
    noColour: words.includes('--no-color'),
  };
}

export function mannerOf(asked: Asked, env: NodeJS.ProcessEnv = process.env): Manner {
  const terminal = isTerminal(1);
  const colour = asked.format === 'table' && wantsColour(env, { noColour: asked.noColour, terminal });
  const errorColour = wantsColour(env, { noColour: asked.noColour, terminal: isTerminal(2) });
  const look = { width: terminalWidth(env), unicode: terminal && isUtf8Locale(env), terminal, verbose: asked.verbose };
  return {
    format: asked.format,
    quiet: asked.quiet,
    verbose: asked.verbose,
    style: createStyle({ ...look, colour }),
    colour: colour ? 'coloured' : 'plain',
    errorStyle: createStyle({ ...look, colour: errorColour }),
    errorColour: errorColour ? 'coloured' : 'plain',
  };
}
