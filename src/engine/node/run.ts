import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { format } from 'node:util';
import { EXIT, type ExitCode, InspectorError } from '../errors.ts';
import { BALLAST_FILE } from '../native/layout.ts';
import type { NodeConfig } from './config.ts';
import type { Decorators } from './decorators.ts';
import { UNDECORATED } from './decorators.ts';
import { LineLog } from './line-log.ts';
import { Member } from './member.ts';

/** The lab's hand inside the process: see the practice cluster. Absent for a real member. */
export interface LabHand {
  readonly decorators: Decorators;
  dial(id: string, address: string): string;
  ready(status: Member['status']): void;
  ended(error: Error): void;
  detach(): void;
}

export interface RunOptions {
  readonly version: string;
  /** File descriptor of the log. */
  readonly logTo: number;
  /** Written (with the process number) when the member serves, removed when it no longer does. */
  readonly readyFile?: string | undefined;
  /** Given for a member of a practice cluster, and only then. `orphaned` is to be called when its supervisor is gone. */
  readonly attachLab?: (orphaned: () => void) => Promise<LabHand>;
}

/** How a member's process came to its end. */
export interface MemberEnd {
  readonly memberId: string;
  readonly reason: 'SIGTERM' | 'SIGINT' | 'failed';
  readonly exit: ExitCode;
  readonly error: Error | null;
}

/**
 * Runs a member until it is told to end: SIGTERM or SIGINT hand leadership over and close everything; a second one ends it at once, as
 * a crash would. A failed storage commit ends the process on the spot, with one line that says why.
 */
export async function runMember(config: NodeConfig, options: RunOptions): Promise<MemberEnd> {
  const log = new LineLog(options.logTo, { cluster: config.clusterId, member: config.member.id });
  // Libraries that print go into the log as well: what reads it expects one JSON object a line.
  for (const name of ['log', 'info', 'warn', 'error'] as const) console[name] = (...words: unknown[]) => log.write(name === 'error' ? 'error' : 'warn', format(...words));
  const asked = waitForSignal();
  const startedAt = performance.now();
  const onBug = (error: Error): never => endAtOnce(log, lab, error, config);
  process.on('uncaughtException', onBug);
  let lab: LabHand | undefined;
  try {
    log.write('info', 'starting', { version: options.version, pid: process.pid, config: config.file, dataDir: config.dataDir, listen: config.listen });
    if (config.isLab) lab = await options.attachLab?.(() => endOrphan(log));
    const member = await Member.start(config, {
      version: options.version,
      log,
      decorators: lab?.decorators ?? UNDECORATED,
      ...(lab === undefined ? {} : { dial: (id: string, address: string) => lab?.dial(id, address) ?? address }),
      fatal: (error) => endAtOnce(log, lab, error, config),
    });
    const { term, appliedIndex, lastEntry } = member.status();
    log.write('info', 'ready', { term, appliedIndex, lastEntry, advertise: config.advertise, startMs: Math.round(performance.now() - startedAt) });
    lab?.ready(() => member.status());
    notifySystemd('--ready');
    if (options.readyFile !== undefined) fs.writeFileSync(options.readyFile, `${process.pid}\n`);
    const reason = await asked.signal;
    log.write('info', 'stopping', { reason });
    notifySystemd('--stopping');
    if (options.readyFile !== undefined) fs.rmSync(options.readyFile, { force: true });
    await member.drain();
    log.last('info', 'stopped', { reason });
    return { memberId: config.member.id, reason, exit: EXIT.ok, error: null };
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    log.last('fatal', error.message, describe(error, config));
    lab?.ended(error);
    return { memberId: config.member.id, reason: 'failed', exit: exitOf(error), error };
  } finally {
    asked.forget();
    process.off('uncaughtException', onBug);
    if (options.readyFile !== undefined) fs.rmSync(options.readyFile, { force: true });
    lab?.detach();
  }
}

/** What the disk holds is unknown, or the member must not go on for another reason: no goodbye, nothing more is sent. */
function endAtOnce(log: LineLog, lab: LabHand | undefined, error: Error, config: NodeConfig): never {
  log.last('fatal', error.message, describe(error, config));
  lab?.ended(error);
  process.exit(exitOf(error));
}

function endOrphan(log: LineLog): never {
  log.last('fatal', 'the supervisor of the lab is gone: this member ends with it');
  process.exit(EXIT.ok);
}

function exitOf(error: Error): ExitCode {
  return error instanceof InspectorError ? error.exitCode : EXIT.bug;
}

function describe(error: Error, { dataDir }: Pick<NodeConfig, 'dataDir'>): Record<string, unknown> {
  const { rule, where, reason } = error as { rule?: unknown; where?: unknown; reason?: unknown };
  const known = error instanceof InspectorError ? { code: error.code, exit: error.exitCode, hint: error.hint } : { code: 'BUG', exit: EXIT.bug, stack: error.stack };
  const ballast = path.join(dataDir, BALLAST_FILE);
  const relief = reason === 'full' && fs.existsSync(ballast) ? { relief: `${ballast} may be removed in need: it is there to be` } : {};
  return { ...known, ...relief, ...(rule === undefined ? {} : { rule }), ...(where === undefined ? {} : { where }), ...(reason === undefined ? {} : { reason }) };
}

function waitForSignal(): { signal: Promise<'SIGTERM' | 'SIGINT'>; forget(): void } {
  const names = ['SIGTERM', 'SIGINT'] as const;
  let settle: (name: 'SIGTERM' | 'SIGINT') => void = () => undefined;
  let isAsked = false;
  const signal = new Promise<'SIGTERM' | 'SIGINT'>((resolve) => (settle = resolve));
  const onSignal = (name: NodeJS.Signals): void => {
    // Whoever asks twice does not want to wait; for the data it is a crash like any other.
    if (isAsked) process.kill(process.pid, 'SIGKILL');
    isAsked = true;
    settle(name as 'SIGTERM' | 'SIGINT');
  };
  for (const name of names) process.on(name, onSignal);
  return {
    signal,
    forget: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

/**
 * Tells systemd where it asks to be told (`Type=notify`, `NotifyAccess=all`). Node has no sockets of that kind: the stock tool sends it,
 * and where there is none the unit's start times out and says so.
 */
function notifySystemd(state: '--ready' | '--stopping'): void {
  if (process.env['NOTIFY_SOCKET'] === undefined) return;
  execFile('systemd-notify', [state, `--pid=${process.pid}`], { timeout: 5000 }, () => undefined);
}
