import { Flags } from '@oclif/core';
import { DeclinedError, RefusedError, UsageError } from '../engine/errors.ts';
import { escapeLine } from './escape.ts';
import { askedBy, mannerOf } from './manner.ts';
import { isTerminal, writeError } from './output.ts';
import type { Style } from './render/style.ts';

/** Shortest part of a cluster id that confirms. */
export const CONFIRM_CHARS = 8;

const group = 'CHANGE';

/** What every command that changes something takes. */
export const changeFlags = {
  execute: Flags.boolean({ helpGroup: group, summary: 'Do it; without this flag it is only shown' }),
  confirm: Flags.string({ helpGroup: group, helpValue: '<cluster id>', summary: `The cluster's id, or its first ${CONFIRM_CHARS} characters or more, where a change has to be confirmed` }),
};

/** A change that somebody wants done. */
export interface ConsentRequest {
  readonly execute: boolean;
  readonly confirm: string | undefined;
  readonly clusterId: string;
  /** A practice cluster: nothing there has to be confirmed. */
  readonly isLab: boolean;
  /** Why it has to be confirmed; null when it has not. */
  readonly severe: string | null;
  /** What would be done: shown before the question. */
  readonly preview: (style: Style) => Iterable<string>;
}

/** Asks on a terminal; a test puts its own in place. */
export interface Prompter {
  readonly isInteractive: boolean;
  show(preview: ConsentRequest['preview']): void;
  ask(question: string): Promise<string>;
}

/**
 * Whether to act. A change previews unless `--execute` was given; one that leaves no margin, or lifts a rule, needs the cluster's id as
 * well: `--confirm`, or typed at a terminal. `--yes` never confirms.
 * @throws {UsageError} Off a terminal without `--confirm`, or with too short a one. @throws {RefusedError} `confirm-mismatch`.
 * @throws {DeclinedError} When something else was typed.
 */
export async function consentTo(request: ConsentRequest, prompter: Prompter = TERMINAL): Promise<'preview' | 'go'> {
  const { confirm, clusterId, severe } = request;
  if (confirm !== undefined) checkConfirmation(confirm, clusterId);
  if (!request.execute) return 'preview';
  if (severe === null || request.isLab || confirm !== undefined) return 'go';
  if (!prompter.isInteractive) throw new UsageError(`this has to be confirmed: ${severe}`, `Give the id of the cluster that is meant: --confirm ${shortId(clusterId)}`);
  prompter.show(request.preview);
  const typed = (await prompter.ask(`Type the cluster's id (${CONFIRM_CHARS} characters or more) to go on:`)).trim();
  if (typed.length >= Math.min(CONFIRM_CHARS, clusterId.length) && clusterId.startsWith(typed)) return 'go';
  throw new DeclinedError('not confirmed; nothing was changed', `The cluster's id is ${clusterId}`);
}

/** What `--confirm` takes: the first characters of the id. */
export function shortId(clusterId: string): string {
  return clusterId.slice(0, CONFIRM_CHARS);
}

function checkConfirmation(confirm: string, clusterId: string): void {
  if (confirm.length < Math.min(CONFIRM_CHARS, clusterId.length)) throw new UsageError(`--confirm ${confirm} is too short`, `Give ${CONFIRM_CHARS} characters of the cluster's id or more`);
  if (!clusterId.startsWith(confirm)) {
    throw new RefusedError('confirm-mismatch', `--confirm ${confirm} names another cluster: this one is ${clusterId}`, 'Look whether the endpoints, or the plan, are those of the cluster you mean; nothing was changed');
  }
}

const TERMINAL: Prompter = {
  // The prompt library waits for ever on a closed stdin, and takes a piped answer for a typed one: it is reached on a terminal only.
  get isInteractive() {
    return isTerminal(0) && isTerminal(2);
  },
  show(preview) {
    const { errorStyle, errorColour } = mannerOf(askedBy([]));
    for (const line of preview(errorStyle)) writeError(`${escapeLine(line, errorColour)}\n`);
  },
  async ask(question) {
    const { default: inquirer } = await import('inquirer');
    const prompt = inquirer.createPromptModule({ output: process.stderr });
    try {
      const { typed } = await prompt<{ typed: string }>([{ type: 'input', name: 'typed', message: question }]);
      return typed;
    } catch (cause) {
      throw new DeclinedError('not confirmed; nothing was changed', '', { cause });
    }
  },
};
