import { CorruptDataError, DriftError, type ExitCode, exitName, InspectorError, RefusedError, UnreadableError } from '../engine/errors.ts';
import type { Finding } from '../engine/model/finding.ts';

/** What every `--json` answer looks like. Field names and order are stable. */
export interface Envelope<T> {
  schema: string;
  command: string;
  version: string;
  startedAt: string;
  durationMs: number;
  exit: { code: ExitCode; name: string };
  data: T | null;
  findings: Finding[];
  next: string[];
  error?: ErrorBody;
}

export interface ErrorBody {
  code: string;
  message: string;
  hint: string;
  /** The safety rule of a refusal. */
  rule?: string;
  file?: string;
  byteOffset?: number;
}

/** The command a run belongs to: its words separated by spaces (`inspect member`), empty for the root. */
export interface Run {
  command: string;
  version: string;
  startedAt: Date;
}

export function schemaOf(command: string): string {
  return `raft-inspector/${command === '' ? 'root' : command.replaceAll(' ', '-')}/v1`;
}

/** The fields before the answer. */
export function envelopeHead(run: Run): Pick<Envelope<never>, 'schema' | 'command' | 'version' | 'startedAt'> {
  return { schema: schemaOf(run.command), command: run.command, version: run.version, startedAt: run.startedAt.toISOString() };
}

/** The fields that are known only at the end. */
export function envelopeEnd(run: Run, exit: ExitCode): Pick<Envelope<never>, 'durationMs' | 'exit'> {
  return { durationMs: Date.now() - run.startedAt.getTime(), exit: { code: exit, name: exitName(exit) } };
}

export function errorEnvelope(run: Run, exit: ExitCode, error: ErrorBody): Envelope<never> {
  return { ...envelopeHead(run), ...envelopeEnd(run, exit), data: null, findings: [], next: [], error };
}

/** The JSON face of an error; a stack is never part of it. */
export function errorBody(error: InspectorError): ErrorBody {
  const body: ErrorBody = { code: error.code, message: error.message, hint: error.hint };
  if (error instanceof RefusedError || error instanceof DriftError) body.rule = error.rule;
  if (error instanceof CorruptDataError) Object.assign(body, { file: error.file, byteOffset: error.byteOffset });
  if (error instanceof UnreadableError) body.file = error.file;
  return body;
}
