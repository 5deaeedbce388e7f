import { EXIT, type ExitCode, InspectorError, UsageError } from '../engine/errors.ts';
import { type ErrorBody, errorBody } from './envelope.ts';

/** Any thrown thing as what to print and the code to end with. */
export interface Failure {
  exit: ExitCode;
  body: ErrorBody;
  /** Only for failures of the tool itself, and only shown with `--verbose`. */
  stack?: string;
  /** What there is to tell all the same, and what to type. */
  told?: Told;
}

/** What an error comes with where a command had got somewhere: its answer so far, and the commands to type next. */
export interface Told {
  readonly data: unknown;
  readonly next: readonly string[];
}

const TOLD = new WeakMap<Error, Told>();

/** The same error, which now brings an answer with it. */
export function telling<E extends Error>(error: E, told: Told): E {
  TOLD.set(error, told);
  return error;
}

/**
 * Sorts errors: ours as they are, the framework's complaints about arguments as wrong usage, everything else as a failure of
 * the tool itself.
 */
export function toFailure(thrown: unknown, command: string): Failure {
  if (thrown instanceof InspectorError) {
    const told = TOLD.get(thrown);
    return { exit: thrown.exitCode, body: plainBody(errorBody(thrown)), ...(told === undefined ? {} : { told }) };
  }
  if (isUsageComplaint(thrown)) {
    const usage = new UsageError(tidy(thrown.message), `See: raft-inspector ${command === '' ? '' : `${command} `}--help`);
    return { exit: usage.exitCode, body: errorBody(usage) };
  }
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const body: ErrorBody = {
    code: 'BUG',
    message: `unexpected failure: ${error.message || error.name}`,
    hint: 'Run it again with --verbose and report what it prints; no data was changed by looking',
  };
  return error.stack === undefined ? { exit: EXIT.bug, body } : { exit: EXIT.bug, body, stack: error.stack };
}

/** The framework wraps what the parser of a flag throws: `Parsing --timeout`, a line break, the words, and a reference to the help. */
function plainBody(body: ErrorBody): ErrorBody {
  const wrapped = /^Parsing (--\S+)\s+([\s\S]*?)\s*See more help with --help\s*$/.exec(body.message);
  return wrapped === null ? body : { ...body, message: `${wrapped[1]}: ${wrapped[2]}` };
}

/** oclif marks its own argument errors with the exit code 2 and nothing else that is common to all. */
function isUsageComplaint(thrown: unknown): thrown is Error {
  return thrown instanceof Error && (thrown as { oclif?: { exit?: number } }).oclif?.exit === EXIT.usage;
}

function tidy(message: string): string {
  const lacking = /^Missing \d+ required args?:\s*\n([a-z]+)/.exec(message);
  if (lacking) return `no ${lacking[1]} was named`;
  const lines = message.replace(/\s*See more help with --help\s*$/, '').replace(/^The following errors? occurred:\s*/, '');
  return lines
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join('; ');
}
