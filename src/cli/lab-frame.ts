import path from 'node:path';
import { Flags } from '@oclif/core';
import type { LabStatus } from '../engine/lab/orders.ts';
import type { Answer } from './answer.ts';
import { commandLine } from './quote.ts';
import { renderLab } from './render/lab.ts';

/** Where the practice cluster lies: on every `lab` command. */
export const labDirFlag = Flags.string({ char: 'd', default: './lab', helpValue: '<dir>', summary: 'Directory of the practice cluster' });

/** When a practice cluster ends by itself, unless told otherwise. */
export const LAB_LIFETIME_MS = 12 * 3_600_000;

/** How this tool is started, for the processes of a lab. */
export function programOf(root: string): [file: string, script: string] {
  return [process.execPath, path.join(root, 'bin', 'run.js')];
}

/** The script of the process behind a lab. */
export function supervisorOf(root: string): string {
  return path.join(root, 'dist', 'cli', 'lab-supervisor.js');
}

/** A `lab` command to type, with the directory as it was given. */
export function labCommand(dir: string, ...words: (string | number | false | undefined)[]): string {
  return commandLine('raft-inspector', 'lab', ...words, ...(dir === './lab' ? [] : ['--dir', dir]));
}

/** A lab as the answer of a command. */
export function labAnswer<T extends LabStatus>(data: T, next: string[], headline?: string): Answer<T> {
  return {
    data,
    findings: [],
    next,
    *screen(style) {
      if (headline !== undefined) yield headline;
      yield* renderLab(data, style);
    },
  };
}
