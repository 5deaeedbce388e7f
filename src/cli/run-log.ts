import fs from 'node:fs';
import { UsageError } from '../engine/errors.ts';
import { toJson } from './json-stream.ts';

/** Appends what a run did to a file, a JSON document a line, for `--log-file`. */
export class RunLog {
  private constructor(private readonly fd: number | undefined) {}

  static none(): RunLog {
    return new RunLog(undefined);
  }

  /** @throws {UsageError} When the file cannot be appended to. */
  static open(file: string): RunLog {
    try {
      return new RunLog(fs.openSync(file, fs.constants.O_WRONLY | fs.constants.O_APPEND | fs.constants.O_CREAT | fs.constants.O_NONBLOCK, 0o600));
    } catch (error) {
      throw new UsageError(`--log-file ${file} cannot be written: ${(error as NodeJS.ErrnoException).code ?? 'failed'}`, 'Name a file in a directory you may write to', { cause: error });
    }
  }

  add(level: 'info' | 'warn' | 'error', event: string, fields: Record<string, unknown> = {}): void {
    if (this.fd === undefined) return;
    fs.writeSync(this.fd, `${toJson({ time: new Date().toISOString(), level, event, ...fields })}\n`);
  }
}
