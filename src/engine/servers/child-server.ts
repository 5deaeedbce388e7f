import { type ChildProcess, spawn } from 'node:child_process';
import { UnreachableError } from '../errors.ts';

/** What is kept of a server's log, from its end. */
const LAST_WORDS_BYTES = 16 * 1024;
const STOP_MS = 10_000;
const POLL_MS = 50;

/** Servers that this process started and that still run: none may outlive it. */
const running = new Set<ChildProcess>();
let isWatching = false;

/** A server process: started without a shell, its log kept to the last 16 KiB, ended by its own pid, at the latest when this process ends. */
export class ChildServer {
  private log = Buffer.alloc(0);
  private readonly gone: Promise<void>;
  private failure: Error | null = null;

  private constructor(
    private readonly child: ChildProcess,
    private readonly what: string,
  ) {
    running.add(child);
    watch();
    this.gone = new Promise((resolve) => {
      const end = (): void => {
        running.delete(child);
        resolve();
      };
      child.once('exit', end);
      child.once('error', (error) => {
        this.failure = error;
        end();
      });
    });
    const keep = (chunk: Buffer): void => {
      const all = Buffer.concat([this.log, chunk]);
      this.log = Buffer.from(all.subarray(Math.max(0, all.length - LAST_WORDS_BYTES)));
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
  }

  /** @param what The server in words, for errors: `etcd`. */
  static start(what: string, file: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): ChildServer {
    return new ChildServer(spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options }), what);
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get hasEnded(): boolean {
    return this.failure !== null || this.child.exitCode !== null || this.child.signalCode !== null;
  }

  lastWords(): string {
    return this.log.toString('utf8');
  }

  /** Polls until it serves. @throws {UnreachableError} When it ends first, or not in time: with its last words; it is ended then. */
  async ready(serves: () => Promise<boolean>, timeoutMs: number): Promise<void> {
    const endsAt = performance.now() + timeoutMs;
    for (;;) {
      if (this.hasEnded) throw new UnreachableError(`${this.what} ended as soon as it was started (${this.endedHow()}): ${this.shortWords()}`, 'Its last words say why');
      if (await serves()) return;
      if (performance.now() >= endsAt) {
        await this.kill();
        throw new UnreachableError(`${this.what} did not serve within ${Math.round(timeoutMs / 1000)} s: ${this.shortWords()}`, 'Its last words say why');
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** SIGTERM, and SIGKILL to one that does not listen. Settles when it is gone. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  private async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.hasEnded) return;
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
    this.child.kill(signal);
    await this.gone;
    clearTimeout(timer);
  }

  private endedHow(): string {
    if (this.failure !== null) return this.failure.message;
    return this.child.signalCode ?? `exit ${this.child.exitCode}`;
  }

  private shortWords(): string {
    const lines = this.lastWords().trim().split('\n');
    return lines.slice(-3).join(' | ').slice(-1000) || 'it said nothing';
  }
}

function watch(): void {
  if (isWatching) return;
  isWatching = true;
  process.on('exit', () => {
    for (const child of running) child.kill('SIGKILL');
  });
}
