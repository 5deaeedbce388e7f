import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { InspectorError, RefusedError, UnreachableError, UsageError } from '../errors.ts';
import { giveOrder } from './control.ts';
import { createLab, type LabPlan } from './create.ts';
import { isAlive, isLab, isLabRunning, labConnection, labPaths, readLabFile } from './lab-file.ts';
import type { LabStatus } from './orders.ts';
import { probeWrite } from './probe.ts';

const POLL_MS = 20;

export interface UpOptions extends Partial<LabPlan> {
  readonly dir: string;
  /** How to run the tool: `[node, run.js]`. */
  readonly program: readonly [file: string, ...args: string[]];
  /** Script of the supervisor's process. */
  readonly supervisor: string;
  readonly lifetimeMs: number;
  readonly deadlineMs: number;
}

/** What `lab up` did: made a lab, started one that was there, or found it running. */
export interface UpResult {
  readonly outcome: 'created' | 'started' | 'already-up';
  readonly readyMs: number;
  readonly status: LabStatus;
}

/**
 * Makes or restarts the practice cluster in `dir` and waits until it has a leader and has accepted a write.
 * @throws {UsageError} When it exists with another number of members or another state machine.
 * @throws {UnreachableError} When it is not ready by the deadline; it goes on starting.
 */
export async function labUp(options: UpOptions): Promise<UpResult> {
  const { dir } = options;
  const began = performance.now();
  const readyMs = (): number => Math.round(performance.now() - began);
  let outcome: UpResult['outcome'] = 'created';
  if (isLab(dir)) {
    const lab = readLabFile(dir);
    checkSame(options, lab.members.filter((one) => one.origin === 'initial').length, lab.machine, lab.timing);
    outcome = isLabRunning(dir) ? 'already-up' : 'started';
    if (outcome === 'started') refuseLeftovers(dir);
  } else {
    await create(options);
  }
  if (outcome !== 'already-up') startSupervisor(options);
  const status = await untilReady(dir, began + options.deadlineMs);
  return { outcome, readyMs: readyMs(), status };
}

async function create({ dir, nodes, machine, timing, snapshotEntries, clusterId }: UpOptions): Promise<void> {
  try {
    await createLab(dir, { nodes: nodes ?? 3, machine: machine ?? 'kv', timing: timing ?? 'fast', ...(snapshotEntries === undefined ? {} : { snapshotEntries }), ...(clusterId === undefined ? {} : { clusterId }) });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof InspectorError || typeof code !== 'string') throw error;
    throw new UsageError(`${dir} cannot be used (${code})`, 'Name a directory that this user may make and write to: --dir', { cause: error });
  }
}

/** Members whose supervisor was killed while they were paused could not hear of it. */
export function leftovers(dir: string): number[] {
  return readLabFile(dir)
    .members.filter(({ id, pid }) => pid !== null && isAlive(pid) && commandLineOf(pid).includes(labPaths.config(path.resolve(dir), id)))
    .map(({ pid }) => pid as number);
}

function refuseLeftovers(dir: string): void {
  const pids = leftovers(dir);
  if (pids.length > 0) throw new RefusedError('lab-leftovers', `members of an earlier run are still there: processes ${pids.join(', ')}`, `End them first: raft-inspector lab down --dir ${dir}`);
}

function commandLineOf(pid: number): string {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function checkSame(options: UpOptions, nodes: number, machine: string, timing: string): void {
  const differs = [
    { flag: '--nodes', asked: options.nodes, is: nodes },
    { flag: '--sm', asked: options.machine, is: machine },
    { flag: '--timing', asked: options.timing, is: timing },
  ].find(({ asked, is }) => asked !== undefined && asked !== is);
  if (differs !== undefined) throw new UsageError(`${options.dir} holds a lab made with ${differs.flag} ${differs.is}, not ${differs.asked}`, 'Leave the flag out, or name another directory with --dir');
}

/** The supervisor outlives this process and its terminal. */
function startSupervisor({ dir, program, supervisor, lifetimeMs }: UpOptions): void {
  const log = fs.openSync(labPaths.log(dir, 'supervisor'), 'a', 0o600);
  const child = spawn(process.execPath, [supervisor, path.resolve(dir), String(lifetimeMs), ...program], { detached: true, stdio: ['ignore', log, log] });
  fs.closeSync(log);
  child.unref();
}

async function untilReady(dir: string, deadline: number): Promise<LabStatus> {
  let last: LabStatus | null = null;
  let problem = 'its supervisor did not start';
  while (performance.now() < deadline) {
    try {
      const status = await giveOrder(dir, { kind: 'status' }, 2000);
      last = status;
      problem = describe(status);
      if (isSettled(status)) {
        await probeWrite(labConnection(dir, readLabFile(dir)), Math.max(200, deadline - performance.now()));
        return await giveOrder(dir, { kind: 'status' }, 2000);
      }
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const failed = last?.members.find((one) => one.ended?.error);
  const why = failed?.ended?.error ? `; ${failed.id}: ${failed.ended.error.message}` : last === null ? lastWords(dir) : '';
  throw new UnreachableError(`the lab is not ready: ${problem}${why}`, `Look at it: raft-inspector lab status --dir ${dir}; logs are in ${path.join(dir, 'log')}`);
}

/** The end of the supervisor's log, when it never answered. */
function lastWords(dir: string): string {
  try {
    const words = fs.readFileSync(labPaths.log(dir, 'supervisor'), 'utf8').slice(-2000).trim();
    return words === '' ? '' : `: ${words}`;
  } catch {
    return '';
  }
}

/** A quorum of the lab's members knows one leader. Members that were down before may have failed: a lab is for such things. */
function isSettled(status: LabStatus): boolean {
  const starting = status.members.some((one) => one.state === 'starting');
  const present = status.members.filter((one) => one.generation === status.generation);
  // The initial members are voters, a recovered one was the only voter; of those that joined nobody here knows.
  const voters = present.filter((one) => one.origin !== 'joined').length;
  const following = present.filter((one) => one.leader !== null && one.leader === status.leader).length;
  return !starting && status.leader !== null && following > voters / 2;
}

function describe(status: LabStatus): string {
  if (status.leader === null) return `no leader yet (${status.members.map((one) => `${one.id} ${one.state}`).join(', ')})`;
  return `${status.leader} leads and has accepted no write yet`;
}

function isPassing(error: unknown): boolean {
  return error instanceof UnreachableError || (error instanceof RefusedError && error.rule === 'lab-down');
}
