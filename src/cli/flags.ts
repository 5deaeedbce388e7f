import { Args, Flags } from '@oclif/core';
import { parseDuration, parseSize } from './measure.ts';
import type { Redaction } from './redact.ts';

export const FORMATS = ['table', 'json', 'ndjson', 'yaml', 'md'] as const;
export type Format = (typeof FORMATS)[number];

/** A flag whose value is `250ms`, `5s`, `2m`; parsed to milliseconds. */
export const durationFlag = Flags.custom<number>({ helpValue: '<duration>', parse: async (text) => parseDuration(text) });

/** A flag whose value is `64KiB`, `1GB`; parsed to bytes. */
export const sizeFlag = Flags.custom<number>({ helpValue: '<size>', parse: async (text) => parseSize(text) });

/** Spread into a flag that may be given several times: takes one value a time, so it never eats the places after it. */
export const REPEATABLE = { multiple: true, multipleNonGreedy: true } as const;

const group = 'GLOBAL';

/** What every command takes. A subclass lists only its own flags. */
export const globalFlags = {
  json: Flags.boolean({ helpGroup: group, summary: 'Print one JSON document and nothing else on stdout' }),
  format: Flags.string({ helpGroup: group, options: [...FORMATS], helpValue: FORMATS.join('|'), summary: 'How to print the answer' }),
  'no-color': Flags.boolean({ helpGroup: group, summary: 'No colours (also NO_COLOR, TERM=dumb)' }),
  quiet: Flags.boolean({ helpGroup: group, summary: 'No progress, hints or next steps on stderr', exclusive: ['verbose'] }),
  verbose: Flags.boolean({ helpGroup: group, summary: 'Whole lists, and the stack trace of an unexpected failure' }),
  yes: Flags.boolean({ helpGroup: group, summary: 'Answer yes to prompts; lifts no refusal, confirms no loss' }),
  override: Flags.string({ ...REPEATABLE, helpGroup: group, helpValue: '<rule-id>', summary: 'Lift the one refusal named' }),
  'no-wait': Flags.boolean({ helpGroup: group, summary: 'Return before the effect was observed' }),
  timeout: durationFlag({ helpGroup: group, summary: 'Give up after this long (exit 6)' }),
  redact: Flags.option({ options: ['none', 'values', 'all'] as const, default: 'values' as Redaction })({
    helpGroup: group,
    helpValue: 'none|values|all',
    summary: 'Hide values; all hashes keys too; none shows everything',
  }),
  'log-file': Flags.string({ helpGroup: group, helpValue: '<path>', summary: 'Append a JSON log of this run' }),
};

/** One place: `[label=]path`. Commands that take several also set `static strict = false` and read `argv`. */
export const placeArg = Args.custom<string>({
  description: 'A data directory, store or WAL file, archive or evidence file, as [label=]path',
});

/** The WAL directory of a server that keeps it apart from its data. */
export const walDirFlag = Flags.string({ helpValue: '<dir>', summary: 'WAL directory of a server that keeps it apart from its data' });
