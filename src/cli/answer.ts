import type { ExitCode } from '../engine/errors.ts';
import type { Finding } from '../engine/model/finding.ts';
import type { Style } from './render/style.ts';

/** What a command gives back. The base command alone turns it into a screen, an envelope and an exit code. */
export interface Answer<T> {
  data: T;
  findings: Finding[];
  /** Commands to type next, arguments filled in and shell-quoted; at most three are shown. */
  next: string[];
  /** Exit codes that hold besides the one that `error` findings imply; the strongest counts. */
  exits?: ExitCode[];
  /** False where error findings must not change the exit code (`recover pick`). Default true. */
  findingsDecide?: boolean;
  /** The screen, made only when one is shown; an iterable is written as it comes. Lines without a trailing newline. */
  screen(style: Style): Iterable<string>;
  /** The answer as a Markdown document of its own; default is the screen in a code block. */
  markdown?(): Iterable<string>;
  /** The rows of `--format ndjson`, where the command streams; default is one line holding the envelope. */
  rows?(): Iterable<unknown>;
  /** An answer that comes as it happens and has no end of its own (`kv watch`, `member list --watch`); takes the place of `screen` and of the envelope. */
  live?: LiveAnswer;
}

/** Rows, a JSON document a line, where JSON was asked for or nobody looks; frames of lines on a terminal. Each is written at once. */
export interface LiveAnswer {
  rows(): AsyncIterable<unknown>;
  frames(style: Style): AsyncIterable<readonly string[]>;
  /** Whether a frame follows the one before, or takes its place. */
  mode: 'append' | 'redraw';
}
