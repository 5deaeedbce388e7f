import type { MemberReading } from '../../src/engine/model/reading.ts';
import type { TruthComparison } from '../helpers/truth-fields.ts';

interface ExpectedError {
  member: string;
  file?: string | string[];
  kind: string;
  offset?: number | number[];
  record_start?: number;
  batch_start?: number;
}

/** Every damage that was done is named: by the file it was done to, at the record's start, and it is not just an `info`. */
export function compareExpectedErrors(truth: TruthComparison, readings: Map<string, MemberReading>): void {
  const errors = (truth.peek('expected_errors') ?? []) as ExpectedError[];
  errors.forEach((error, at) => {
    const reading = readings.get(error.member);
    const fields = ['member', 'file', 'kind', 'offset', 'record_start', 'batch_start'].map((field) => `expected_errors/${at}/${field}`);
    if (reading === undefined || /foreign cluster id/.test(error.kind)) return; // seen only beside the others: see the pick
    const files = [error.file ?? []].flat();
    const told = [...reading.report.damage.map((place) => ({ ...place, severity: 'error' })), ...reading.findings].filter(({ severity }) => severity !== 'info');
    const isTold = /segment missing/.test(error.kind) ? told.some(({ file }) => isNextSegment(files[0] ?? '', file)) : isNamed(files, told);
    truth.holds(`expected_errors/${at}`, fields, isTold, `${error.member}: nothing names ${files.join(', ') || error.kind}; told: ${JSON.stringify(told.map(({ file, byteOffset }) => [file, byteOffset]))}`);
    const start = error.record_start ?? error.batch_start;
    if (start === undefined) return;
    truth.holds(`expected_errors/${at}: offset`, [], told.some(({ byteOffset }) => byteOffset === start), `${error.member}: no record start ${start}; told: ${JSON.stringify(told.map(({ file, byteOffset }) => [file, byteOffset]))}`);
  });
}

/** A segment that is not there is told at the one behind it: nobody knows its full name. */
function isNextSegment(missing: string, file: string | null): boolean {
  const sequence = (name: string): number => Number.parseInt(/([0-9a-f]{16})-[0-9a-f]{16}\.wal$/.exec(name)?.[1] ?? '', 16);
  return file !== null && sequence(file) === sequence(missing) + 1;
}

/** Several files of one kind (all .snap files gone) need not be listed one by one: the newest must be. */
function isNamed(files: string[], told: { file: string | null }[]): boolean {
  if (files.length === 0) return told.length > 0;
  const newest = [...files].sort().at(-1) ?? '';
  return told.some(({ file }) => file !== null && (newest.endsWith(file) || file.endsWith(newest)));
}

/**
 * Members without stated damage are healthy: a false alarm at three in the morning costs trust. Hot copies are left out:
 * their parts are of different moments, whether or not the case states it.
 */
export function compareHealthOfTheOthers(truth: TruthComparison, readings: Map<string, MemberReading>): void {
  const damaged = new Set(((truth.peek('expected_errors') ?? []) as ExpectedError[]).map(({ member }) => member));
  for (const [member, { report, findings }] of readings) {
    if (damaged.has(member) || truth.has('copy_order')) continue;
    const errors = findings.filter(({ severity }) => severity === 'error').map(({ rule, message }) => `${rule}: ${message}`);
    truth.holds(`members/${member}/health`, [], report.health === 'ok' && report.damage.length === 0 && errors.length === 0, `health ${report.health}, ${errors.join('; ')}`);
  }
}
