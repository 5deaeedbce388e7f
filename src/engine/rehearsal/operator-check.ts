import { spawn } from 'node:child_process';
import type { CheckLine } from '../model/check-line.ts';

/** What is kept of its output, from the end. */
const OUTPUT_BYTES = 4096;
const SHOWN_CHARS = 300;

export interface OperatorCheckOptions {
  readonly timeoutMs: number;
  /** Given to the command as RAFT_INSPECTOR_ENDPOINTS. */
  readonly endpoints: readonly string[];
  /** More of its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a check of the operator's own in a shell: exit 0 is good, anything else is not. It and what it started end by the deadline. */
export async function operatorCheck(command: string, { timeoutMs, endpoints, env }: OperatorCheckOptions): Promise<CheckLine> {
  // A group of its own: a shell that is killed would leave its children behind.
  const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...process.env, ...env, RAFT_INSPECTOR_ENDPOINTS: endpoints.join(',') } });
  let said = Buffer.alloc(0);
  const keep = (chunk: Buffer): void => {
    const all = Buffer.concat([said, chunk]);
    said = Buffer.from(all.subarray(Math.max(0, all.length - OUTPUT_BYTES)));
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let isLate = false;
  const endGroup = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has just ended by itself.
    }
  };
  const timer = setTimeout(() => {
    isLate = true;
    endGroup();
  }, timeoutMs);
  process.once('exit', endGroup);
  const ended = await new Promise<string | null>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    // Not `close`: something in the background may hold the pipes for ever.
    child.once('exit', (code, signal) => resolve(code === 0 ? null : signal === null ? `exit ${code}` : signal));
  });
  clearTimeout(timer);
  process.off('exit', endGroup);
  child.stdout.destroy();
  child.stderr.destroy();
  const name = 'check';
  if (ended === null) return { name, ok: true, detail: `--check ${command}: exit 0` };
  const words = said.toString('utf8').trim().slice(-SHOWN_CHARS);
  const how = isLate ? `not done after ${Math.round(timeoutMs / 1000)} s, ended` : ended;
  return { name, ok: false, detail: `--check ${command}: ${words === '' ? how : `${how}: ${words}`}` };
}
