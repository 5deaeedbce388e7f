import { CorruptDataError } from '../errors.ts';
import { type Evidence, looksLikeEvidence as textLooksLikeEvidence, parseEvidence } from '../model/evidence.ts';
import { FileSource } from '../readers/file-source.ts';

const HEAD_BYTES = 1024;
const MAX_BYTES = 64 * 1024 ** 2;

/** Whether a regular file begins like evidence. Never throws. */
export function looksLikeEvidence(file: string): boolean {
  try {
    const source = FileSource.open(file);
    try {
      return textLooksLikeEvidence(source.read(0, HEAD_BYTES).toString('utf8'));
    } finally {
      source.close();
    }
  } catch {
    return false;
  }
}

/**
 * Reads an evidence file as a place.
 * @throws {CorruptDataError} When it is too large, cut short, or was changed.
 */
export async function openEvidence(file: string, shown: string): Promise<{ kind: 'evidence'; evidence: Evidence; own: string | null }> {
  const text = readText(file, shown);
  const evidence = await parseEvidence(text, shown);
  return { kind: 'evidence', evidence, own: evidence.report.label };
}

function readText(file: string, shown: string): string {
  const source = FileSource.open(file, shown);
  try {
    if (source.size > MAX_BYTES) throw new CorruptDataError(shown, 0, `is ${source.size} bytes long, evidence has at most ${MAX_BYTES}`, 'Collect it again: raft-inspector recover collect');
    return source.read(0, source.size).toString('utf8');
  } finally {
    source.close();
  }
}
