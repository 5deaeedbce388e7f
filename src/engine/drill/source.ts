import path from 'node:path';
import { drillSchema, MAX_DRILL_FILE_BYTES, parseDrill } from './drill-file.ts';
import type { DrillSource } from './run.ts';
import { scenarioOf } from './scenarios/index.ts';
import { readSmallFile } from './small-file.ts';
import { drillTemplate } from './template.ts';

/** A scenario's name, or a drill file: a word with a dot or a slash is a file. @throws {UsageError} When it is neither. */
export function openDrill(word: string, seed: string | undefined): DrillSource {
  if (/[./]/.test(word)) {
    const text = readSmallFile(word, MAX_DRILL_FILE_BYTES);
    const file = parseDrill(text, word, (name) => scenarioOf(name).load);
    // What a drill file names is meant from where the file lies.
    const backup = file.backup === undefined ? undefined : path.resolve(path.dirname(word), file.backup);
    return { file: { ...file, ...(backup === undefined ? {} : { backup }), ...(seed === undefined ? {} : { seed }) }, text };
  }
  const scenario = scenarioOf(word);
  const file = drillSchema.parse({ scenario: scenario.name, ...(scenario.load === undefined ? {} : { load: scenario.load }), ...(seed === undefined ? {} : { seed }) });
  return { file, text: drillTemplate(word) };
}
