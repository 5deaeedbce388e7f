import fs from 'node:fs';
import tty from 'node:tty';

/** The reader of a pipe went away (`| head`): nothing left to do, and nothing to complain about. */
export class ClosedPipe extends Error {}

const CHUNK_CHARS = 64 * 1024;
const pause = new Int32Array(new SharedArrayBuffer(4));

let stage: Int32Array | undefined;

/** Lets the thread that watches this one know when the answer has begun. */
export function shareStage(shared: Int32Array): void {
  stage = shared;
}

/**
 * Writes to a file descriptor before it returns. A slow reader then slows us down instead of filling memory, and nothing is
 * lost when the process ends. Retries while a non-blocking pipe is full.
 */
export function writeAll(fd: number, text: string): void {
  let bytes = Buffer.from(text, 'utf8');
  if (fd === 1 && stage !== undefined) Atomics.store(stage, 0, 1);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(fs.writeSync(fd, bytes));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EPIPE') throw new ClosedPipe('the reader closed the pipe', { cause: error });
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

/** Talk: progress, hints, errors. A closed stderr is no reason to fail. */
export function writeError(text: string): void {
  try {
    writeAll(2, text);
  } catch {
    // Nobody is left to tell.
  }
}

/** Collects pieces and writes them to stdout in chunks. */
export class Output {
  private held = '';

  write(text: string): void {
    this.held += text;
    if (this.held.length >= CHUNK_CHARS) this.flush();
  }

  flush(): void {
    const text = this.held;
    this.held = '';
    if (text !== '') writeAll(1, text);
  }
}

export function isTerminal(fd: 0 | 1 | 2): boolean {
  return tty.isatty(fd);
}

/** Columns of the terminal behind stdout; `COLUMNS` where that is set; 80 when unknown. */
export function terminalWidth(env: NodeJS.ProcessEnv = process.env): number {
  const set = Number(env['COLUMNS']);
  if (Number.isInteger(set) && set >= 20) return set;
  const columns = isTerminal(1) ? process.stdout.columns : undefined;
  return columns !== undefined && columns >= 20 ? columns : 80;
}
