import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface ChildRun {
  input?: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  /** Takes stdout; without it stdout is thrown away. An error from it stops the child and is thrown. */
  output?: Writable;
  /** Kills the child when neither side moved a byte for so long. */
  idleMs?: number;
  env?: NodeJS.ProcessEnv;
}

export interface ChildEnd {
  /** Null when it was killed. */
  code: number | null;
  /** What it said on stderr, cut to 4 KB. */
  said: string;
  /** Whether the program was missing. */
  missing: boolean;
  timedOut: boolean;
}

const SAID_CHARS = 4096;

/** Runs a program without a shell, streaming both ways with bounded memory. */
export async function runChild(program: string, args: readonly string[], run: ChildRun = {}): Promise<ChildEnd> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: run.env ?? process.env });
  const end: ChildEnd = { code: null, said: '', missing: false, timedOut: false };
  const closed = once(child, 'close').then(([code]) => {
    end.code = code as number | null;
  });
  const failed = new Promise<void>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      end.missing = error.code === 'ENOENT' || error.code === 'EACCES';
      end.said ||= error.message;
      resolve();
    });
  });
  let timer: NodeJS.Timeout | undefined;
  const alive = (): void => {
    clearTimeout(timer);
    if (run.idleMs === undefined) return;
    timer = setTimeout(() => {
      end.timedOut = true;
      child.kill('SIGKILL');
    }, run.idleMs);
  };
  alive();
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    alive();
    if (end.said.length < SAID_CHARS) end.said = (end.said + text).slice(0, SAID_CHARS);
  });
  child.stdout.on('data', alive);
  const trouble: unknown[] = [];
  const stop = (error: unknown): void => {
    trouble.push(error);
    child.kill('SIGKILL');
  };
  const writing = run.input === undefined ? Promise.resolve(child.stdin.end()) : pipeline(Readable.from(watched(run.input, alive)), child.stdin);
  const reading = run.output === undefined ? Promise.resolve(child.stdout.resume()) : pipeline(child.stdout, run.output);
  // A child that has read enough closes its input: its exit code tells whether that was right.
  const feeding = writing.catch((error: NodeJS.ErrnoException) => (error.code === 'EPIPE' || error.code === 'ERR_STREAM_PREMATURE_CLOSE' ? undefined : stop(error)));
  const taking = reading.catch((error: NodeJS.ErrnoException) => (error.code === 'ERR_STREAM_PREMATURE_CLOSE' ? undefined : stop(error)));
  await Promise.race([closed.then(() => Promise.all([feeding, taking])), failed]).finally(() => clearTimeout(timer));
  if (trouble.length > 0) throw trouble[0];
  return end;
}

async function* watched(input: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, alive: () => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of input) {
    alive();
    yield chunk;
  }
}
