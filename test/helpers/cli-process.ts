import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { BIN } from './cli.ts';

/** A run of the built tool that goes on beside the test: a watch. */
export class RunningCli {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<number | null>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [BIN, ...args], { env: { ...process.env, NO_COLOR: '1' } });
    this.child.stdin.end();
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
  }

  /** The JSON documents printed so far, one a line. */
  rows<T>(): T[] {
    return this.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line) as T);
  }

  /** Ends it whatever it does; a test that fails must leave nothing running. */
  kill(): void {
    this.child.kill('SIGKILL');
  }

  /** As Ctrl-C at a terminal does. */
  interrupt(): Promise<number | null> {
    this.child.kill('SIGINT');
    return this.ended;
  }
}
