import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import type { FromMember, LabMemberStatus, MemberError, MemberSelfReport, MemberState, ToMember } from './orders.ts';

const READY_DEADLINE_MS = 20_000;
const STATUS_DEADLINE_MS = 500;

/** How to start a member: `[node, run.js, node, start, --config, file]`. */
export interface MemberCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly logFile: string;
}

/** The process of one member, as the supervisor's child: started, signalled and asked over its channel. */
export class MemberProcess {
  private child: ChildProcess | null = null;
  private isReady = false;
  private isPaused = false;
  private wasAsked = false;
  private lastError: MemberError | null = null;
  private ended: LabMemberStatus['ended'] = null;
  private nextId = 1;
  private readonly waiting = new Map<number, (status: MemberSelfReport) => void>();
  private readyWaiters: (() => void)[] = [];
  private exitWaiters: (() => void)[] = [];

  constructor(
    private readonly command: MemberCommand,
    /** The first thing a new process is told. */
    private readonly world: () => ToMember,
    private readonly onChange: () => void,
  ) {}

  get pid(): number | null {
    return this.child?.pid ?? null;
  }

  get isRunning(): boolean {
    return this.child !== null;
  }

  get outcome(): LabMemberStatus['ended'] {
    return this.ended;
  }

  get state(): MemberState {
    if (this.child !== null) return this.isPaused ? 'paused' : this.isReady ? 'running' : 'starting';
    if (this.ended === null) return 'stopped';
    return this.ended.signal !== null ? 'killed' : this.ended.code === 0 ? 'stopped' : 'failed';
  }

  /** Starts the process; settles when it serves, or has ended. Look at `isRunning` and `outcome` then. */
  async start(): Promise<void> {
    if (this.child !== null) return this.untilReady();
    const log = fs.openSync(this.command.logFile, 'a', 0o600);
    const child = spawn(this.command.file, this.command.args, { stdio: ['ignore', 'ignore', log, 'ipc'] });
    fs.closeSync(log);
    Object.assign(this, { child, isReady: false, isPaused: false, wasAsked: false, lastError: null, ended: null });
    child.on('message', (message) => this.hear(message as FromMember));
    child.once('error', (error) => this.onExit(child, null, null, error));
    child.once('exit', (code, signal) => this.onExit(child, code, signal));
    this.tell(this.world());
    this.onChange();
    await this.untilReady();
  }

  /** Tells a running member of new links or faults; a paused one hears it when it goes on. */
  tell(message: ToMember): void {
    if (this.child?.connected) this.child.send(message, () => undefined); // a member that just ended cannot hear
  }

  /** SIGKILL and SIGTERM settle when the process is gone; SIGSTOP and SIGCONT at once. */
  async signal(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void> {
    const child = this.child;
    if (child === null) return;
    this.wasAsked ||= signal === 'SIGKILL' || signal === 'SIGTERM';
    child.kill(signal);
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') {
      this.isPaused = signal === 'SIGSTOP';
      return;
    }
    await this.untilGone();
  }

  /** What it says of itself; null when it does not answer in time. */
  ask(): Promise<MemberSelfReport | null> {
    if (this.child === null || !this.isReady || this.isPaused) return Promise.resolve(null);
    const id = this.nextId;
    this.nextId += 1;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        resolve(null);
      }, STATUS_DEADLINE_MS);
      this.waiting.set(id, (status) => {
        clearTimeout(timer);
        this.waiting.delete(id);
        resolve(status);
      });
      this.tell({ kind: 'status', id });
    });
  }

  private hear(message: FromMember): void {
    switch (message.kind) {
      case 'ready':
        this.isReady = true;
        for (const resolve of this.readyWaiters.splice(0)) resolve();
        break;
      case 'status':
        this.waiting.get(message.id)?.(message.status);
        break;
      case 'ended':
        this.lastError = message.error;
        break;
    }
  }

  private onExit(child: ChildProcess, code: number | null, signal: string | null, error?: Error): void {
    if (this.child !== child) return;
    const told = error === undefined ? this.lastError : { code: 'SPAWN', rule: null, message: error.message, hint: 'Is the program still there?', exit: 1 as const };
    Object.assign(this, { child: null, isReady: false, isPaused: false, ended: { code, signal, error: told } });
    for (const resolve of [...this.readyWaiters.splice(0), ...this.exitWaiters.splice(0)]) resolve();
    this.onChange();
  }

  private untilReady(): Promise<void> {
    if (this.child === null || this.isReady) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, READY_DEADLINE_MS);
      this.readyWaiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private untilGone(): Promise<void> {
    if (this.child === null) return Promise.resolve();
    return new Promise((resolve) => this.exitWaiters.push(resolve));
  }
}
