import fs from 'node:fs';
import path from 'node:path';
import { InspectorError, UnknownStoreError, UnreadableError } from '../../errors.ts';
import type { Finding } from '../../model/finding.ts';
import type { SnapshotFileReport } from '../../model/snapshot-file.ts';
import { FileSource, isDirectory, isFile } from '../file-source.ts';
import type { VerifyOptions } from './options.ts';
import { verifyArchive } from './archive.ts';
import { blankReport, CheckList, concluded, type Verified } from './check-list.ts';
import { verifyEtcdDbFile } from './etcd-db-file.ts';
import { verifyEtcdSnap } from './etcd-snap.ts';
import { verifyFileSnapshot } from './file-snapshot.ts';
import { verifyNativeSnapshot } from './native.ts';
import { findSnapshots, type Place } from './places.ts';
import { detectFormat, formatByName } from './signature.ts';

export type { VerifyOptions } from './options.ts';

export interface Verification {
  reports: SnapshotFileReport[];
  findings: Finding[];
}

/**
 * Verifies a snapshot file, a snapshot directory, or all snapshots a directory holds (a data directory, its `snapshots`, a
 * folder of files). What a file is, its content says, not its name. Nothing is written or unpacked.
 * @throws {UnreadableError} When the path does not exist or cannot be opened.
 * @throws {UnknownStoreError} When a directory holds no snapshot.
 */
export async function verifySnapshotPath(target: string, options: VerifyOptions = {}): Promise<Verification> {
  const findings: Finding[] = [];
  checkReadable(target);
  const places = isDirectory(target) ? findSnapshots(target, findings) : [{ kind: 'file', path: target, name: path.basename(target) } as Place];
  if (places.length === 0 && findings.length === 0) {
    throw new UnknownStoreError(
      `${target}: holds no snapshot`,
      'Name a snapshot file, a snapshots directory, or a data directory; etcd takes one with `etcdctl snapshot save`',
    );
  }
  const reports: SnapshotFileReport[] = [];
  for (const place of places) {
    const verified = await verifyPlace(place, places.length > 1, options);
    reports.push(verified.report);
    findings.push(...verified.findings);
  }
  return { reports, findings };
}

/** An unreadable directory must not pass for an empty one. */
function checkReadable(target: string): void {
  if (!isDirectory(target)) return;
  try {
    fs.accessSync(target, fs.constants.R_OK | fs.constants.X_OK);
  } catch (cause) {
    throw new UnreadableError(target, 'permission denied', 'Run it as the user that owns the data, or with sudo', { cause });
  }
}

async function verifyPlace(place: Place, isOneOfMany: boolean, options: VerifyOptions): Promise<Verified> {
  if (place.kind === 'directory') return verifyFileSnapshot(place.path, place.name, options);
  try {
    using source = FileSource.open(place.path, place.name);
    return await verifyFile(source, place.path, options);
  } catch (error) {
    // One unreadable file of a directory must not hide the others.
    if (!(error instanceof UnreadableError) || !(isOneOfMany || isFile(place.path))) throw error;
    return unreadable(place, error);
  }
}

async function verifyFile(source: FileSource, target: string, options: VerifyOptions): Promise<Verified> {
  const format = detectFormat(source);
  switch (format) {
    case 'bolt':
      return verifyEtcdDbFile(source, target, options);
    case 'gzip':
      return verifyArchive(source, target, options);
    case 'etcd-snap':
      return verifyEtcdSnap(source, target, options);
    case 'native':
      return verifyNativeSnapshot(source, target, options);
    default:
      return unknownFile(source, target, format, options);
  }
}

function unknownFile(source: FileSource, target: string, format: 'empty' | 'unknown', options: VerifyOptions): Verified | Promise<Verified> {
  const byName = formatByName(source.name);
  if (format === 'empty' && byName === 'etcd-db') return verifyEtcdDbFile(source, target, options);
  if (byName === 'native') return verifyNativeSnapshot(source, target, options);
  if (byName === 'etcd-snap') return verifyEtcdSnap(source, target, options);
  const list = new CheckList(source.name);
  list.fail('format', format === 'empty' ? 'is empty' : 'begins like no snapshot this tool knows', 0);
  return concluded(blankReport(target, byName, source.size), list);
}

function unreadable(place: Place, error: InspectorError): Verified {
  const list = new CheckList(place.name);
  list.fail('readable', error instanceof UnreadableError ? error.problem : error.message, null, { fix: error.hint });
  return concluded(blankReport(place.path, formatByName(place.name), 0), list);
}
