import path from 'node:path';
import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { durationFlag } from '../../cli/flags.ts';
import { labAnswer, labCommand, LAB_LIFETIME_MS, labDirFlag, programOf, supervisorOf } from '../../cli/lab-frame.ts';
import { showDuration } from '../../cli/measure.ts';
import { commandLine } from '../../cli/quote.ts';
import type { LabStatus } from '../../engine/lab/orders.ts';

export interface LabUpReport extends LabStatus {
  /** `already-up`: nothing was done. */
  outcome: 'created' | 'started' | 'already-up';
  /** Until a leader was elected and a write accepted. */
  readyMs: number;
}

const DEADLINE_MS = 30_000;
const WORDS = { created: 'MADE', started: 'STARTED', 'already-up': 'ALREADY UP' } as const;

export default class LabUp extends BaseCommand<LabUpReport> {
  static override summary = 'Make and start a practice cluster of real member processes on this machine';
  static override description = 'Makes certificates, configurations and data directories, starts the members and a supervisor that carries their traffic, and waits until a write is accepted. On a directory that holds a lab it starts that one again, data and all. The supervisor ends everything when its lifetime is over.';
  static override examples = ['<%= config.bin %> lab up --dir ./lab --nodes 3', '<%= config.bin %> lab up --dir ./lab --nodes 5 --timing calm --lifetime 1h'];
  static override flags = {
    dir: labDirFlag,
    nodes: Flags.option({ options: ['1', '3', '5', '7'] as const })({ summary: 'Members (default 3)' }),
    sm: Flags.option({ options: ['kv'] as const })({ summary: 'State machine (default kv)' }),
    timing: Flags.option({ options: ['fast', 'calm'] as const })({ summary: 'fast: elections in 150 to 300 ms; calm: ten times that' }),
    'snapshot-entries': Flags.integer({ min: 10, helpValue: '<n>', summary: 'Entries after which a member takes a snapshot (only when made)' }),
    lifetime: durationFlag({ summary: 'When the lab ends by itself (default 12h)' }),
  };

  protected async execute(): Promise<Answer<LabUpReport>> {
    const { flags } = await this.parse(LabUp);
    const { labUp } = await import('../../engine/lab/up.ts');
    const { outcome, readyMs, status } = await labUp({
      dir: path.resolve(flags.dir),
      program: programOf(this.config.root),
      supervisor: supervisorOf(this.config.root),
      lifetimeMs: flags.lifetime ?? LAB_LIFETIME_MS,
      deadlineMs: this.globals.timeout ?? DEADLINE_MS,
      ...(flags.nodes === undefined ? {} : { nodes: Number(flags.nodes) }),
      ...(flags.sm === undefined ? {} : { machine: flags.sm }),
      ...(flags.timing === undefined ? {} : { timing: flags.timing }),
      ...(flags['snapshot-entries'] === undefined ? {} : { snapshotEntries: flags['snapshot-entries'] }),
    });
    const next = [commandLine('raft-inspector', 'kv', 'put', 'hello', 'world', '--lab', flags.dir), labCommand(flags.dir, 'kill', status.leader ?? 'n1'), labCommand(flags.dir, 'down')];
    return labAnswer({ ...status, dir: flags.dir, outcome, readyMs }, next, `${WORDS[outcome]}  ready in ${showDuration(readyMs)}`);
  }
}
