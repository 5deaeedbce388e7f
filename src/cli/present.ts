import { EXIT, type ExitCode, exitName, strongestExit } from '../engine/errors.ts';
import type { Answer, LiveAnswer } from './answer.ts';
import { type Envelope, type ErrorBody, envelopeEnd, envelopeHead, errorEnvelope, type Run } from './envelope.ts';
import { escapeControl, escapeLine } from './escape.ts';
import { type Failure, toFailure } from './failure.ts';
import type { Format } from './flags.ts';
import { holdsLazy, jsonPieces, toJson } from './json-stream.ts';
import { ClosedPipe, Output, writeAll, writeError } from './output.ts';
import { displayWidth } from './render/table.ts';
import type { Style } from './render/style.ts';

/** How this run talks. */
export interface Manner {
  format: Format;
  quiet: boolean;
  verbose: boolean;
  /** For stdout. */
  style: Style;
  colour: 'plain' | 'coloured';
  /** For stderr. */
  errorStyle: Style;
  errorColour: 'plain' | 'coloured';
}

const SHOWN_NEXT = 3;
const FULL_WIDTH = 100;
/** Refusals that nothing lifts: two programs on the same files. */
const NEVER_LIFTED: readonly string[] = ['process-running', 'apply-running'];

/** The code an answer ends with; only valid once its lazy parts were read, since they may still add findings. */
export function exitOf(answer: Answer<unknown>): ExitCode {
  const codes: ExitCode[] = [...(answer.exits ?? [])];
  if (answer.findingsDecide !== false && answer.findings.some((one) => one.severity === 'error')) codes.push(EXIT.findings);
  return strongestExit(codes);
}

/** Prints an answer and returns the exit code. */
export async function present<T>(answer: Answer<T>, run: Run, manner: Manner): Promise<ExitCode> {
  const output = new Output();
  let failure: Failure | undefined;
  try {
    failure = await print(answer, run, manner, output);
    output.flush();
  } catch (error) {
    // The reader of a pipe had enough: what was read so far decides the code, and nobody is told.
    if (error instanceof ClosedPipe) return exitOf(answer);
    throw error;
  }
  const exit = failure ? strongestExit([failure.exit, exitOf(answer)]) : exitOf(answer);
  if (failure) showFailure(failure, manner);
  if (!manner.quiet) writeError(closing(answer.next, exit, manner));
  return exit;
}

async function print<T>(answer: Answer<T>, run: Run, manner: Manner, output: Output): Promise<Failure | undefined> {
  let failure: Failure | undefined;
  const onError = (error: unknown): void => {
    if (error instanceof ClosedPipe) throw error;
    failure = toFailure(error, run.command);
  };
  const envelope = (): Envelope<T> => ({
    ...envelopeHead(run),
    ...envelopeEnd(run, exitOf(answer)),
    data: answer.data,
    findings: answer.findings,
    next: answer.next,
  });
  if (answer.live !== undefined) return printLive(answer.live, run, manner);
  switch (manner.format) {
    case 'json':
      for (const piece of holdsLazy(answer.data) ? lazyDocument(answer, run, onError, () => failure) : [toJson(envelope(), 2)]) output.write(piece);
      output.write('\n');
      break;
    case 'ndjson':
      for (const row of answer.rows?.() ?? [envelope()]) output.write(`${toJson(row)}\n`);
      break;
    case 'yaml': {
      const { dump } = await import('js-yaml');
      output.write(dump(JSON.parse(toJson(envelope()))));
      break;
    }
    case 'md':
      for (const line of answer.markdown?.() ?? markdown(answer, run, manner)) output.write(`${line}\n`);
      break;
    default:
      for (const line of answer.screen(manner.style)) output.write(`${escapeLine(line, manner.colour)}\n`);
  }
  return failure;
}

/** Writes each row or frame when it comes: somebody is waiting for it. An error becomes the last row. */
async function printLive(live: LiveAnswer, run: Run, manner: Manner): Promise<Failure | undefined> {
  const isScreen = manner.format === 'table' && manner.style.terminal;
  try {
    if (isScreen) await printFrames(live, manner);
    else for await (const row of live.rows()) writeAll(1, `${toJson(row)}\n`);
    return undefined;
  } catch (error) {
    if (error instanceof ClosedPipe) throw error;
    const failure = toFailure(error, run.command);
    if (!isScreen) writeAll(1, `${toJson({ error: failure.body })}\n`);
    return failure;
  }
}

async function printFrames(live: LiveAnswer, manner: Manner): Promise<void> {
  let shown = 0;
  for await (const frame of live.frames(manner.style)) {
    const back = live.mode === 'redraw' && shown > 0 ? `\r\u001b[${shown}A\u001b[J` : '';
    writeAll(1, back + frame.map((line) => `${escapeLine(line, manner.colour)}\n`).join(''));
    shown = frame.length;
  }
}

/** The envelope of a streamed answer: data first, and what only its end can tell after it. */
function* lazyDocument(answer: Answer<unknown>, run: Run, onError: (error: unknown) => void, failed: () => Failure | undefined): Generator<string> {
  const opening = toJson(envelopeHead(run), 2).slice(0, -2);
  yield `${opening},\n  "data": `;
  yield* jsonPieces(answer.data, onError, 1);
  const failure = failed();
  const exit = failure ? strongestExit([failure.exit, exitOf(answer)]) : exitOf(answer);
  const rest: Partial<Envelope<never>> & { error?: ErrorBody } = { findings: answer.findings, next: answer.next, ...envelopeEnd(run, exit) };
  if (failure) rest.error = failure.body;
  yield `,${toJson(rest, 2).slice(1)}`;
}

function* markdown(answer: Answer<unknown>, run: Run, manner: Manner): Generator<string> {
  yield `## raft-inspector ${run.command}`;
  yield '';
  yield '```text';
  for (const line of answer.screen(manner.style)) yield escapeLine(line, 'plain').replaceAll('```', "'''");
  yield '```';
  if (answer.findings.length > 0) {
    const cell = (value: string | number | null): string => (value === null ? '-' : escapeControl(String(value)).replaceAll('|', '\\|'));
    yield '';
    yield '| severity | rule | member | file | byte | message |';
    yield '|---|---|---|---|---|---|';
    for (const one of answer.findings) yield `| ${[one.severity, one.rule, one.member, one.file, one.byteOffset, one.message].map(cell).join(' | ')} |`;
  }
  yield '';
  yield `Exit ${exitOf(answer)}, ${exitName(exitOf(answer))}.`;
}

/** The last lines: what to type next, and the name of a code that is not 0. */
export function closing(next: readonly string[], exit: ExitCode, manner: Pick<Manner, 'errorStyle' | 'errorColour'>, rule?: string): string {
  const code = exit === EXIT.ok ? '' : `exit ${exit}, ${exitName(exit)}${rule !== undefined && NEVER_LIFTED.includes(rule) ? ', cannot be overridden' : ''}`;
  const lines = next.slice(0, SHOWN_NEXT).map((command, at) => `${at === 0 ? 'Next: ' : '      '}${manner.errorStyle.command(escapeControl(command))}`);
  if (code !== '') {
    const last = lines.pop() ?? '';
    const room = FULL_WIDTH - displayWidth(last) - code.length;
    if (last !== '' && room < 2) lines.push(last, code);
    else lines.push(last === '' ? code : `${last}${' '.repeat(room)}${code}`);
  }
  return lines.map((line) => `${escapeLine(line, manner.errorColour)}\n`).join('');
}

/** An error on stderr: what, where, and what to type. */
export function showFailure(failure: Failure, manner: Manner): void {
  const { body } = failure;
  const head = failure.exit === EXIT.refused ? 'REFUSED' : 'ERROR';
  const lines = [`${manner.errorStyle.bad(head)}  ${escapeControl(body.message)}`];
  // A hint of several lines ends with a command to type, which must not be broken.
  if (body.hint !== '') lines.push(...body.hint.split('\n').map((line) => `  ${manner.errorStyle.dim(escapeControl(line))}`));
  if (failure.stack !== undefined && manner.verbose) lines.push(...failure.stack.split('\n'));
  writeError(lines.map((line) => `${escapeLine(line, manner.errorColour)}\n`).join(''));
}

/** Ends a run that has no answer, or not the whole of it: the envelope on stdout where one was asked for, words on stderr, and the code. */
export async function presentFailure(failure: Failure, run: Run, manner: Manner): Promise<ExitCode> {
  if (manner.format === 'json' || manner.format === 'ndjson' || manner.format === 'yaml') {
    const { data = null, next = [] } = failure.told ?? {};
    const envelope = { ...errorEnvelope(run, failure.exit, failure.body), data, next };
    const output = new Output();
    try {
      if (manner.format === 'yaml') output.write((await import('js-yaml')).dump(JSON.parse(toJson(envelope))));
      else output.write(`${toJson(envelope, manner.format === 'json' ? 2 : undefined)}\n`);
      output.flush();
    } catch (error) {
      if (!(error instanceof ClosedPipe)) throw error;
    }
  }
  showFailure(failure, manner);
  // What stands in the hint already is not said twice.
  const next = (failure.told?.next ?? []).filter((one) => !failure.body.hint.includes(one));
  if (!manner.quiet) writeError(closing(next, failure.exit, manner, failure.body.rule));
  return failure.exit;
}
