import fs from 'node:fs';
import path from 'node:path';
import { UsageError } from '../errors.ts';
import type { DrillRecord } from '../model/drill-record.ts';
import { writeNewFile } from '../recovery/case-directory.ts';
import { pageOfDrill } from '../report/drill-page.ts';
import { renderHtml } from '../report/html.ts';
import { renderJunit } from '../report/junit.ts';
import { renderMarkdown } from '../report/markdown.ts';
import { makeDirectory } from './history.ts';

export const RECORD_FILE = 'record.json';
export const HISTORY_FILE = 'history.ndjson';

/** Makes sure that results can be written, before an hour's work is done. @throws {UsageError} */
export function prepareResults(directory: string): void {
  makeDirectory(directory, '--out');
  const taken = fs.readdirSync(directory);
  if (taken.includes(RECORD_FILE)) throw new UsageError(`${directory} holds the results of an earlier drill`, 'Name a new directory with --out: nothing is overwritten');
}

/** Writes everything that a run leaves: its record, the history of its clients, and the report in every form. Gives the paths. */
export function writeResults(directory: string, record: DrillRecord, past: readonly DrillRecord[], historyFile: string): Record<'record' | 'history' | 'drill' | 'html' | 'markdown' | 'junit', string> {
  const page = pageOfDrill(record, past);
  const files = { record: RECORD_FILE, history: HISTORY_FILE, drill: 'drill.yaml', html: 'report.html', markdown: 'report.md', junit: 'junit.xml' };
  const place = (name: string): string => path.join(directory, name);
  fs.copyFileSync(historyFile, place(files.history), fs.constants.COPYFILE_EXCL);
  writeNewFile(place(files.drill), record.drillFile);
  writeNewFile(place(files.html), renderHtml(page));
  writeNewFile(place(files.markdown), renderMarkdown(page));
  writeNewFile(place(files.junit), renderJunit(page));
  // Last: where there is a record, the rest is there.
  writeNewFile(place(files.record), `${JSON.stringify(record, null, 1)}\n`);
  return { record: place(files.record), history: place(files.history), drill: place(files.drill), html: place(files.html), markdown: place(files.markdown), junit: place(files.junit) };
}
