import fs from 'node:fs';
import path from 'node:path';
import { type Evidence, evidenceText } from '../model/evidence.ts';
import { FileSource, listDirectory } from '../readers/file-source.ts';
import { writeNewFile } from './case-directory.ts';
import { CASE_EVIDENCE } from './case-files.ts';

const MAX_BYTES = 64 * 1024 ** 2;

/**
 * Keeps what a plan was made of in its case, and returns the files written. Evidence that is there already, known by its digest, is not
 * written again, and none is ever overwritten.
 */
export function keepEvidence(caseDir: string, evidences: readonly Evidence[]): string[] {
  const home = path.join(caseDir, CASE_EVIDENCE);
  const there = listDirectory(home).filter((name) => name.endsWith('.json')).map((name) => textOf(path.join(home, name)));
  const written: string[] = [];
  for (const one of evidences) {
    if (there.some((text) => text.includes(`"digest": "${one.digest}"`))) continue;
    const file = freeName(home, one.report.label.replaceAll(/[^A-Za-z0-9._-]/g, '-'));
    writeNewFile(file, evidenceText(one));
    written.push(file);
  }
  return written;
}

function freeName(home: string, label: string): string {
  for (let number = 1; ; number += 1) {
    const file = path.join(home, number === 1 ? `${label}.json` : `${label}-${number}.json`);
    if (!fs.existsSync(file)) return file;
  }
}

function textOf(file: string): string {
  try {
    using source = FileSource.open(file);
    return source.size > MAX_BYTES ? '' : source.read(0, source.size).toString('utf8');
  } catch {
    return ''; // not to be read, so not known to be it
  }
}
