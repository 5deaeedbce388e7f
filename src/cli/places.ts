import { Flags } from '@oclif/core';
import { UsageError } from '../engine/errors.ts';
import type { Finding } from '../engine/model/finding.ts';
import type { MemberReading, Progress } from '../engine/model/reading.ts';
import { type OpenedMember, type OpenOptions, openPlaces } from '../engine/places/open.ts';
import { unreadableFinding } from '../engine/places/unreadable.ts';
import { walDirFlag } from './flags.ts';

/** The flags of every command that takes places. */
export const placeFlags = {
  'wal-dir': walDirFlag,
  from: Flags.string({ helpValue: '<file>', summary: 'Take the directory from a static pod manifest, systemd unit or server configuration' }),
};

/** Opens what the command line names. @throws {UsageError} When it names nothing. */
export async function openNamed(words: string[], flags: { 'wal-dir'?: string | undefined; from?: string | undefined }, options: OpenOptions & { progress: Progress }): Promise<OpenedMember[]> {
  if (words.length === 0 && flags.from === undefined) throw new UsageError('no place was named', 'Name a data directory, or --from <manifest, unit or configuration>');
  const walDir = flags['wal-dir'];
  return openPlaces(words, { ...options, ...(walDir === undefined ? {} : { walDir }), ...(flags.from === undefined ? {} : { from: flags.from }) });
}

/** The one member whose log is to be walked: evidence holds no entries. */
export function oneReading(opened: readonly OpenedMember[]): MemberReading {
  const [only] = opened;
  if (only === undefined || opened.length > 1) throw new UsageError('this command takes one place', 'Run it once for each');
  if (only.kind === 'unreadable') throw only.error;
  if (only.kind === 'evidence') throw new UsageError(`${only.path} is evidence, which holds no entries`, 'Name the data directory it was collected from');
  return only.reading;
}

/** The directories that were read where they lie: nothing may be written into them. */
export function originals(opened: readonly OpenedMember[]): string[] {
  return opened.flatMap((one) => (one.kind === 'reading' && one.isOriginal ? [one.directory] : []));
}

/** What the places themselves have to say: readers' findings, and why a place could not be read. */
export function placeFindings(opened: readonly OpenedMember[]): Finding[] {
  return opened.flatMap((one) => (one.kind === 'reading' ? one.reading.findings : one.kind === 'evidence' ? one.evidence.findings : [unreadableFinding(one.label, one.error)]));
}
