import fs from 'node:fs';
import { UnreadableError } from '../errors.ts';

/** The text of a file that is no larger than it may be. @throws {UnreadableError} */
export function readSmallFile(file: string, maxBytes: number): string {
  try {
    const stat = fs.statSync(file);
    if (!stat.isFile()) throw new UnreadableError(file, 'is no file');
    if (stat.size > maxBytes) throw new UnreadableError(file, `is ${stat.size} bytes, more than the ${maxBytes} that are read`);
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof UnreadableError) throw error;
    throw new UnreadableError(file, `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`, 'Check the path and its permissions', { cause: error });
  }
}
