import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { giveOrder } from '../../src/engine/lab/control.ts';
import { isAlive, labConnection, type LabConnection, labPaths, readLabFile } from '../../src/engine/lab/lab-file.ts';
import type { LabMemberStatus, LabStatus, Order } from '../../src/engine/lab/orders.ts';
import { BIN, type Envelope } from './cli.ts';
import { pause } from './pause.ts';

export interface Ran<T = unknown> {
  code: number | null;
  stdout: string;
  stderr: string;
  tookMs: number;
  /** Of a run with `--json`. */
  envelope: Envelope<T>;
}

/** Runs the tool beside the test, which goes on writing meanwhile. */
export function cli<T = unknown>(...args: string[]): Promise<Ran<T>> {
  const began = performance.now();
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } });
  const out = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (out.stdout += piece));
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (out.stderr += piece));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({
        code,
        ...out,
        tookMs: performance.now() - began,
        get envelope(): Envelope<T> {
          try {
            return JSON.parse(out.stdout) as Envelope<T>;
          } catch (cause) {
            throw new Error(`${args.join(' ')}: no JSON on stdout (exit ${code}): ${out.stdout.slice(0, 300)} ${out.stderr.slice(0, 800)}`, { cause });
          }
        },
      }),
    );
  });
}


/** Polls until `look` gives something; the last problem is part of the complaint. */
export async function until<T>(what: string, look: () => Promise<T | null | undefined | false> | T | null | undefined | false, deadlineMs = 20_000): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  let problem: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== null && found !== undefined && found !== false) return found;
    } catch (error) {
      problem = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`, { cause: problem });
    await pause(20);
  }
}

/** A practice cluster of real processes for one test; `end` leaves no process and no file, whatever happened before. */
export class TestLab {
  private constructor(
    readonly root: string,
    readonly dir: string,
    readonly readyMs: number,
  ) {}

  static async up(nodes: 1 | 3 | 5, ...flags: string[]): Promise<TestLab> {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-test-lab-'));
    const dir = path.join(root, 'lab');
    const ran = await cli<{ readyMs: number }>('lab', 'up', '--dir', dir, '--nodes', String(nodes), '--lifetime', '20m', ...flags, '--json');
    const lab = new TestLab(root, dir, ran.code === 0 ? ran.envelope.data.readyMs : 0);
    if (ran.code === 0) return lab;
    const logs = lab.logTails();
    await lab.end();
    throw new Error(`lab up ended with ${ran.code}: ${ran.stderr}\n${logs}`);
  }

  get connection(): LabConnection {
    return labConnection(this.dir, readLabFile(this.dir));
  }

  order(order: Order): Promise<LabStatus> {
    return giveOrder(this.dir, order, 40_000);
  }

  status(): Promise<LabStatus> {
    return this.order({ kind: 'status' });
  }

  async member(id: string): Promise<LabMemberStatus> {
    const found = (await this.status()).members.find((one) => one.id === id);
    if (found === undefined) throw new Error(`${id} is no member`);
    return found;
  }

  /** Waits for a leader that a majority follows, and gives its id. */
  leader(deadlineMs = 20_000): Promise<string> {
    return until('a leader that a majority follows', async () => {
      const { members, leader } = await this.status();
      return members.filter((one) => one.leader === leader && leader !== null).length > members.length / 2 ? leader : null;
    }, deadlineMs);
  }

  /** Waits until all running members have applied the same index and agree on the state. */
  settled(deadlineMs = 20_000): Promise<LabStatus> {
    return until('equal members', async () => {
      const status = await this.status();
      const shown = new Set(status.members.filter((one) => one.state === 'running').map((one) => `${one.appliedIndex} ${one.stateHash} ${one.leader}`));
      return shown.size === 1 && status.leader !== null ? status : null;
    }, deadlineMs);
  }

  /** Log lines of a member, newest process last. */
  log(id: string): Record<string, unknown>[] {
    const text = fs.readFileSync(labPaths.log(this.dir, id), 'utf8');
    return text.split('\n').flatMap((line) => {
      try {
        return line === '' ? [] : [JSON.parse(line) as Record<string, unknown>];
      } catch {
        throw new Error(`${id} wrote a log line that is no JSON: ${line}`);
      }
    });
  }

  logTails(): string {
    const directory = path.join(this.dir, 'log');
    if (!fs.existsSync(directory)) return '';
    return fs.readdirSync(directory).map((name) => `${name}: ${fs.readFileSync(path.join(directory, name), 'utf8').slice(-1500)}`).join('\n');
  }

  async end(): Promise<void> {
    const pids = this.pids();
    await cli('lab', 'down', '--dir', this.dir, '--purge');
    for (const pid of pids.filter(isAlive)) process.kill(pid, 'SIGKILL');
    fs.rmSync(this.root, { recursive: true, force: true, maxRetries: 3 });
  }

  private pids(): number[] {
    try {
      const { supervisor, members } = readLabFile(this.dir);
      return [...(supervisor === null ? [] : [supervisor.pid]), ...members.flatMap((one) => (one.pid === null ? [] : [one.pid]))];
    } catch {
      return []; // it was never made
    }
  }
}
