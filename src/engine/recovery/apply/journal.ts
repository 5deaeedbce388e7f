import path from 'node:path';
import { CorruptDataError, RefusedError } from '../../errors.ts';
import { syncPath } from '../../files/durable.ts';
import type { FileOps } from '../../files/file-ops.ts';
import type { TreeFile } from '../../files/tree.ts';
import { isRecord } from '../../model/is-record.ts';

const MAX_JOURNAL_BYTES = 256 * 1024 ** 2;

export type ApplyStepId = 'backup' | 'build' | 'check' | 'swap';
export type UndoStepId = 'check' | 'restore';

/** How an undo brings the original back: the changed files, one directory below the data directory, or the whole of it. */
export interface UndoManner {
  readonly kind: 'files' | 'directory';
  /** Of `directory`: below the data directory, empty for all of it. */
  readonly path: string;
  /** Where what is there now is kept; null when it is what the apply made, and needs no keeping. */
  readonly setAside: string | null;
}

/** One line of the journal. `plan` is the whole id. */
export type JournalEvent =
  | { event: 'begin'; digest: string; dataDir: string; backup: string; overrides: readonly string[]; tool: string }
  | { event: 'started'; step: ApplyStepId }
  | { event: 'done'; step: ApplyStepId; detail: string; manifest?: string; result?: readonly TreeFile[] }
  | { event: 'failed'; step: ApplyStepId; detail: string }
  | { event: 'applied' }
  | { event: 'undo'; manner: UndoManner; from: readonly TreeFile[]; overrides: readonly string[] }
  | { event: 'undo-started'; step: UndoStepId }
  | { event: 'undo-done'; step: UndoStepId; detail: string }
  /** `overrides` where the plan was only let go: there was no undo to begin. */
  | { event: 'undone'; overrides?: readonly string[] }
  | { event: 'fenced'; to: string }
  | { event: 'unfenced' };

export type JournalLine = JournalEvent & { at: string; plan: string };

/**
 * What was done to one data directory, in order, and by which plan: a JSON document a line, each durable before the run goes on. It lies
 * beside the data and is the authority; the copy in the case directory is for people. A last line without its end was never acted on.
 */
export class Journal {
  private constructor(
    private readonly ops: FileOps,
    readonly file: string,
    private readonly known: JournalLine[],
  ) {}

  /** Reads; nothing is created. @throws {CorruptDataError} When a line in it is none of ours. */
  static read(file: string, ops: FileOps): Journal {
    return new Journal(ops, file, parse(file, content(file, ops)).lines);
  }

  get lines(): readonly JournalLine[] {
    return this.known;
  }

  linesOf(planId: string): JournalLine[] {
    return this.known.filter((one) => one.plan === planId);
  }

  /** Appends a line and makes it durable. An unfinished line of a run that was killed is cut off first. */
  append(plan: string, at: Date, event: JournalEvent): void {
    const line: JournalLine = { at: at.toISOString(), plan, ...event };
    const isNew = this.ops.facts(this.file) === null;
    const fd = this.ops.open(this.file, 'append', 0o600);
    try {
      const { wholeBytes } = parse(this.file, content(this.file, this.ops));
      if ((this.ops.facts(this.file)?.bytes ?? 0) > wholeBytes) this.ops.truncate(fd, wholeBytes);
      this.ops.write(fd, Buffer.from(`${JSON.stringify(line)}\n`), null);
      this.ops.fsync(fd);
    } finally {
      this.ops.close(fd);
    }
    if (isNew) syncPath(this.ops, path.dirname(this.file));
    this.known.push(line);
  }
}

function content(file: string, ops: FileOps): Buffer {
  const facts = ops.facts(file);
  if (facts === null) return Buffer.alloc(0);
  if (facts.kind !== 'file') throw new CorruptDataError(file, 0, 'the journal is not a plain file', 'Somebody put something else in its place: nothing is done before that is understood');
  if (facts.bytes > MAX_JOURNAL_BYTES) throw new CorruptDataError(file, MAX_JOURNAL_BYTES, `the journal has ${facts.bytes} bytes, limit ${MAX_JOURNAL_BYTES}`, 'It cannot be ours');
  const fd = ops.open(file, 'read');
  try {
    const bytes = Buffer.alloc(facts.bytes);
    return bytes.subarray(0, ops.read(fd, bytes, 0));
  } finally {
    ops.close(fd);
  }
}

function parse(file: string, bytes: Buffer): { lines: JournalLine[]; wholeBytes: number } {
  const lines: JournalLine[] = [];
  let from = 0;
  for (let end = bytes.indexOf(10, from); end >= 0; end = bytes.indexOf(10, from)) {
    const line = lineOf(bytes.toString('utf8', from, end), file);
    if (line === null) throw new CorruptDataError(file, from, 'a line of the journal cannot be read', 'The backup beside it is whole as long as its hashes agree; restore by hand from its manifest.json, or send the journal with a bug report');
    lines.push(line);
    from = end + 1;
  }
  return { lines, wholeBytes: from };
}

/** Null when it is none of ours. @throws {RefusedError} `journal-newer` when it tells of something this version does not do. */
function lineOf(text: string, file: string): JournalLine | null {
  const value = jsonOf(text);
  if (!isRecord(value) || typeof value['plan'] !== 'string' || typeof value['event'] !== 'string' || typeof value['at'] !== 'string') return null;
  const check = Object.hasOwn(EVENTS, value['event']) ? EVENTS[value['event'] as JournalEvent['event']] : undefined;
  if (check === undefined) throw new RefusedError('journal-newer', `${file} tells of "${value['event'].slice(0, 40)}", which this version does not know`, 'Go on with the version of raft-inspector that wrote it, or a newer one');
  return check(value) ? (value as unknown as JournalLine) : null;
}

type Fields = Record<string, unknown>;

const isString = (value: unknown): value is string => typeof value === 'string';
const areStrings = (value: unknown): boolean => Array.isArray(value) && value.every(isString);
const areFiles = (value: unknown): boolean => Array.isArray(value) && value.every((one) => isRecord(one) && isString(one['path']) && isString(one['sha256']) && typeof one['bytes'] === 'number');
const isApplyStep = ({ step }: Fields): boolean => step === 'backup' || step === 'build' || step === 'check' || step === 'swap';
const isUndoStep = ({ step }: Fields): boolean => step === 'check' || step === 'restore';
const isManner = (value: unknown): boolean => isRecord(value) && (value['kind'] === 'files' || value['kind'] === 'directory') && isString(value['path']) && (value['setAside'] === null || isString(value['setAside']));

/** What has to be on a line of each kind: what follows is done by it. */
const EVENTS: Readonly<Record<JournalEvent['event'], (line: Fields) => boolean>> = {
  begin: (line) => isString(line['digest']) && isString(line['dataDir']) && isString(line['backup']) && areStrings(line['overrides']),
  started: isApplyStep,
  done: (line) => isApplyStep(line) && isString(line['detail']) && (line['manifest'] === undefined || isString(line['manifest'])) && (line['result'] === undefined || areFiles(line['result'])),
  failed: (line) => isApplyStep(line) && isString(line['detail']),
  applied: () => true,
  undo: (line) => isManner(line['manner']) && areFiles(line['from']) && areStrings(line['overrides']),
  'undo-started': isUndoStep,
  'undo-done': (line) => isUndoStep(line) && isString(line['detail']),
  undone: (line) => line['overrides'] === undefined || areStrings(line['overrides']),
  fenced: (line) => isString(line['to']),
  unfenced: () => true,
};

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
