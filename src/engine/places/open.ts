import fs from 'node:fs';
import path from 'node:path';
import { InspectorError, UnreadableError } from '../errors.ts';
import type { Evidence } from '../model/evidence.ts';
import type { MemberReading, ReadOptions } from '../model/reading.ts';
import { isFile } from '../readers/file-source.ts';
import { readerFor } from '../readers/index.ts';
import { unpackArchive } from './archive.ts';
import { looksLikeEvidence, openEvidence } from './evidence-file.ts';
import { findMember } from './find-member.ts';
import { labelsOf } from './label.ts';
import { type Place, parsePlace } from './place.ts';
import { scratchDirectory } from './scratch.ts';
import { fetchRemote } from './ssh.ts';

/** Where the files of a reading lie. */
export interface PlaceFiles {
  /** The place itself, or where a copy of it was unpacked for the time of this run. */
  directory: string;
  /** False for the unpacked copy of an archive or of another host's directory. */
  isOriginal: boolean;
}

export type OpenedMember =
  | ({ label: string; path: string; kind: 'reading'; reading: MemberReading } & PlaceFiles)
  | { label: string; path: string; kind: 'evidence'; evidence: Evidence }
  | { label: string; path: string; kind: 'unreadable'; error: InspectorError };

export interface OpenOptions extends ReadOptions {
  /** A manifest, unit or server configuration that names one more directory. */
  from?: string;
  /** `report`: evidence is as good as the files (a host may send that). Default `records`. */
  need?: 'report' | 'records';
  /** Gives up on a silent host after this long. */
  idleMs?: number;
}

type Content = { own: string | null } & (
  | ({ kind: 'reading'; reading: MemberReading } & PlaceFiles)
  | { kind: 'evidence'; evidence: Evidence }
  | { kind: 'unreadable'; error: InspectorError }
);

/**
 * Opens every place. One that cannot be read comes back as `unreadable` and does not hide the others.
 * @throws {UsageError} On a word that is no place, and on equal labels.
 */
export async function openPlaces(args: readonly string[], options: OpenOptions = {}): Promise<OpenedMember[]> {
  const wanted: { place: Place; walDir: string | undefined }[] = args.map((word) => ({ place: parsePlace(word), walDir: options.walDir }));
  if (options.from !== undefined) {
    const { serverFrom } = await import('./from.ts');
    const server = await serverFrom(options.from);
    wanted.push({ place: { kind: 'local', label: server.name, path: server.dataDir }, walDir: options.walDir ?? server.walDir ?? undefined });
  }
  const opened: { place: Place; content: Content }[] = [];
  for (const { place, walDir } of wanted) opened.push({ place, content: await contentOf(place, walDir, options) });
  const labels = labelsOf(opened.map(({ place, content }) => ({ given: place.label, own: content.own, path: place.path })));
  return opened.map(({ place, content }, at) => toMember(content, labels[at] ?? place.path, place.path));
}

function toMember(content: Content, label: string, shown: string): OpenedMember {
  if (content.kind === 'unreadable') return { label, path: shown, kind: 'unreadable', error: content.error };
  if (content.kind === 'evidence') return { label, path: shown, kind: 'evidence', evidence: content.evidence };
  const { reading, directory, isOriginal } = content;
  reading.report.label = label;
  reading.report.path = shown;
  for (const one of reading.findings) one.member ??= label;
  return { label, path: shown, kind: 'reading', reading, directory, isOriginal };
}

async function contentOf(place: Place, walDir: string | undefined, options: OpenOptions): Promise<Content> {
  try {
    return await open(place, walDir, options);
  } catch (error) {
    if (!(error instanceof InspectorError) || error.exitCode === 2) throw error;
    // A deadline is the run's, not the place's.
    if (error.code === 'UNREACHABLE' && place.kind !== 'remote') throw error;
    return { kind: 'unreadable', error, own: null };
  }
}

async function open(place: Place, walDir: string | undefined, options: OpenOptions): Promise<Content> {
  const { from: _from, need, idleMs, walDir: _walDir, ...rest } = options;
  const read: ReadOptions = walDir === undefined ? rest : { ...rest, walDir };
  if (place.kind === 'remote') {
    const scratch = scratchDirectory();
    const fetched = await fetchRemote(place, scratch, { need: need ?? 'records', ...(idleMs === undefined ? {} : { idleMs }) });
    if (fetched.kind === 'evidence') return openEvidence(fetched.file, place.path);
    return openArchive(fetched.file, place.path, read);
  }
  checkExists(place.path);
  if (place.kind === 'archive' && isFile(place.path)) return openArchive(place.path, place.path, read);
  if (isFile(place.path) && looksLikeEvidence(place.path)) return openEvidence(place.path, place.path);
  return readMember(place.path, place.path, read);
}

async function openArchive(file: string, shown: string, read: ReadOptions): Promise<Content> {
  const target = scratchDirectory();
  await unpackArchive(file, target).catch((error: unknown) => {
    throw renamed(error, file, shown);
  });
  return readMember(findMember(target, shown, read), shown, read);
}

function readMember(directory: string, shown: string, read: ReadOptions): Content {
  const reading = readerFor(directory, shown, read).read(directory, read);
  return { kind: 'reading', reading, own: reading.report.name, directory, isOriginal: directory === shown };
}

/** Messages name what the operator named, never our temporary copy of it. */
function renamed(error: unknown, file: string, shown: string): unknown {
  if (!(error instanceof UnreadableError) || file === shown || error.file !== file) return error;
  return new UnreadableError(shown, error.problem, error.hint, { cause: error });
}

/** @throws {UnreadableError} For what is neither file nor directory; nothing is opened, so a FIFO cannot block. */
function checkExists(file: string): void {
  let stat: fs.Stats;
  try {
    stat = fs.statSync(file);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    const words: Record<string, string> = { ENOENT: 'no such file or directory', ELOOP: 'a loop of symbolic links', EACCES: 'permission denied', ENOTDIR: 'part of its path is not a directory', ENAMETOOLONG: 'the name is too long' };
    throw new UnreadableError(file, words[code] ?? code, undefined, { cause });
  }
  if (stat.isFIFO()) throw new UnreadableError(file, 'is a FIFO, not a file or directory', 'Name the data directory');
  if (!stat.isFile() && !stat.isDirectory()) throw new UnreadableError(file, 'is neither a file nor a directory', 'Name the data directory');
  if (stat.isFile() && stat.size === 0) throw new UnreadableError(file, 'is empty, 0 bytes', 'The copy may have failed: copy it again');
  try {
    fs.accessSync(file, stat.isDirectory() ? fs.constants.R_OK | fs.constants.X_OK : fs.constants.R_OK);
  } catch (cause) {
    throw new UnreadableError(path.normalize(file), 'permission denied', 'Run it as the user that owns the data, or with sudo', { cause });
  }
}
