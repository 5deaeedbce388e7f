/** Exit codes of the command contract. Scripts match on them, so a value never changes its meaning. */
export const EXIT = {
  ok: 0,
  bug: 1,
  usage: 2,
  findings: 3,
  refused: 4,
  declined: 5,
  unreachable: 6,
  drift: 7,
  partial: 8,
  'no-candidate': 9,
  'objective-missed': 10,
  unverifiable: 11,
} as const;

export type ExitName = keyof typeof EXIT;
export type ExitCode = (typeof EXIT)[ExitName];

/** When several exits hold, the first of this list counts. */
export const EXIT_PRECEDENCE: readonly ExitCode[] = [1, 2, 4, 9, 7, 8, 6, 3, 10, 11, 5, 0];

export function exitName(code: number): ExitName {
  const found = (Object.keys(EXIT) as ExitName[]).find((name) => EXIT[name] === code);
  return found ?? 'bug';
}

/** The exit code that counts when several hold. */
export function strongestExit(codes: readonly ExitCode[]): ExitCode {
  return EXIT_PRECEDENCE.find((code) => codes.includes(code)) ?? EXIT.ok;
}

/** For sorting: the exit that counts comes first. */
export function byPrecedence(a: ExitCode, b: ExitCode): number {
  return EXIT_PRECEDENCE.indexOf(a) - EXIT_PRECEDENCE.indexOf(b);
}

/** Every error the tool raises on purpose: a stable code, an exit code, and what to type next. */
export abstract class InspectorError extends Error {
  abstract readonly code: string;
  abstract readonly exitCode: ExitCode;

  constructor(
    message: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The bytes were read, and what they say cannot be true. `byteOffset` is the start of the record or page. */
export class CorruptDataError extends InspectorError {
  readonly code = 'CORRUPT_DATA';
  readonly exitCode = EXIT.findings;

  constructor(
    readonly file: string,
    readonly byteOffset: number,
    readonly problem: string,
    hint = 'Compare with the other members: inspect member lists what each still holds',
    options?: ErrorOptions,
  ) {
    super(`${file}, byte ${byteOffset}: ${problem}`, hint, options);
  }
}

/** The file or directory cannot be opened or read: missing, a FIFO, a link loop, no permission, an I/O error. */
export class UnreadableError extends InspectorError {
  readonly code = 'UNREADABLE';
  readonly exitCode = EXIT.findings;

  constructor(
    readonly file: string,
    readonly problem: string,
    hint = 'Check the path and its permissions',
    options?: ErrorOptions,
  ) {
    super(`${file}: ${problem}`, hint, options);
  }
}

/** The place holds no store that any reader knows. */
export class UnknownStoreError extends InspectorError {
  readonly code = 'UNKNOWN_STORE';
  readonly exitCode = EXIT.findings;
}

/** The command line asks for something that cannot be. */
export class UsageError extends InspectorError {
  readonly code: string = 'USAGE';
  readonly exitCode = EXIT.usage;
}

/** A safety rule stands in the way; `rule` is its id. */
export class RefusedError extends InspectorError {
  readonly code = 'REFUSED';
  readonly exitCode = EXIT.refused;

  constructor(
    readonly rule: string,
    message: string,
    hint: string,
    options?: ErrorOptions,
  ) {
    super(`${rule}: ${message}`, hint, options);
  }
}

/** A host or command did not answer, or not in time. */
export class UnreachableError extends InspectorError {
  readonly code = 'UNREACHABLE';
  readonly exitCode = EXIT.unreachable;
}

/** The operator stopped or declined before anything was changed. */
export class DeclinedError extends InspectorError {
  readonly code = 'DECLINED';
  readonly exitCode = EXIT.declined;
}

/** The world is no longer what the plan was made for; nothing was changed. `rule` names what differs, `files` where. */
export class DriftError extends InspectorError {
  readonly code = 'DRIFT';
  readonly exitCode = EXIT.drift;

  constructor(
    readonly rule: string,
    message: string,
    hint: string,
    readonly files: readonly string[] = [],
    options?: ErrorOptions,
  ) {
    super(`${rule}: ${message}`, hint, options);
  }
}

/** A change of several steps ended before its last: what was done stays, and running it again goes on from there. */
export class PartialError extends InspectorError {
  readonly code = 'PARTIAL';
  readonly exitCode = EXIT.partial;
}

/** What was built or is running was checked, and is not as planned; the message says what. */
export class CheckFailedError extends InspectorError {
  readonly code = 'CHECK_FAILED';
  readonly exitCode = EXIT.findings;
}
