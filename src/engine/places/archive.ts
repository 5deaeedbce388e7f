import fs from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import zlib from 'node:zlib';
import { UnreadableError } from '../errors.ts';
import { FileSource } from '../readers/file-source.ts';
import { type ArchiveEntry, parseListing, refusalOf } from './archive-listing.ts';
import { runChild } from './child.ts';

export interface ArchiveLimits {
  entries: number;
  /** Of the tar stream: sparse files carry no holes there, so this is what lands on the disk. */
  streamBytes: number;
  /** Of all files as declared, holes included. */
  declaredBytes: number;
}

export const ARCHIVE_LIMITS: ArchiveLimits = { entries: 20_000, streamBytes: 64 * 1024 ** 3, declaredBytes: 4 * 1024 ** 4 };
const SPARE_BYTES = 64 * 1024 ** 2;
const SHORT_COPY = 'The copy is short, not the database: make the archive again and compare sizes';
const ENVIRONMENT = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/**
 * Unpacks a tar archive, gzipped or not, into `target`. The system's tar does it, since archives of etcd directories hold GNU
 * sparse files. The entries are listed and judged first; nothing is unpacked when one of them is refused.
 * @throws {UnreadableError} When it is cut short, no archive, too large, or would write outside `target`.
 */
export async function unpackArchive(file: string, target: string, limits: ArchiveLimits = ARCHIVE_LIMITS): Promise<void> {
  const source = FileSource.open(file, file);
  try {
    if (source.size === 0) throw new UnreadableError(file, 'is empty, 0 bytes', SHORT_COPY);
    const free = fs.statfsSync(target);
    const room = Math.max(0, free.bavail * free.bsize - SPARE_BYTES);
    const bounded = { ...limits, streamBytes: Math.min(limits.streamBytes, room) };
    const entries = await list(source, bounded);
    const refusal = refusalOf(entries, bounded);
    if (refusal !== null) throw new UnreadableError(file, refusal, 'Nothing was unpacked. If you trust it, unpack it yourself and name the directory');
    await tar(source, ['-xf', '-', '-C', target, '--no-same-owner', '--no-same-permissions'], bounded);
  } finally {
    source.close();
  }
  makeReadable(target);
}

async function list(source: FileSource, limits: ArchiveLimits): Promise<ArchiveEntry[]> {
  const entries: ArchiveEntry[] = [];
  let rest = '';
  const output = new Writable({
    decodeStrings: true,
    write(chunk: Buffer, _encoding, done): void {
      const lines = (rest + chunk.toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') entries.push(parseListing(line));
      if (entries.length > limits.entries || rest.length > 1 << 16) {
        done(new UnreadableError(source.name, `holds more than ${limits.entries} entries`, 'Pack only the data directory'));
      } else done();
    },
  });
  await tar(source, ['-tvf', '-'], limits, output);
  return entries;
}

async function tar(source: FileSource, args: string[], limits: ArchiveLimits, output?: Writable): Promise<void> {
  const end = await runChild('tar', args, { input: content(source, limits), env: ENVIRONMENT, ...(output ? { output } : {}) });
  if (end.missing) throw new UnreadableError(source.name, 'the program tar is not installed', 'Install tar, or unpack the archive elsewhere and name the directory');
  if (end.code === 0) return;
  if (/unexpected eof|truncated|lone zero/i.test(end.said)) throw new UnreadableError(source.name, `the archive is cut short, ${source.size} bytes are here`, SHORT_COPY);
  const words = end.said.split('\n')[0]?.replace(/^(?:\S*tar: )/, '') ?? '';
  throw new UnreadableError(source.name, `tar cannot read it: ${words || `exit ${end.code}`}`, 'Is it a tar archive, whole and unencrypted? Compare its size and checksum with the original');
}

/** The tar stream: the file itself, or what gunzip makes of it, bounded. */
async function* content(source: FileSource, limits: ArchiveLimits): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of isGzip(source) ? gunzip(source) : copies(source)) {
    bytes += chunk.length;
    if (bytes > limits.streamBytes) throw new UnreadableError(source.name, `unpacks to more than ${limits.streamBytes} bytes, too much for the temporary directory`, 'Set TMPDIR to a larger disk, or unpack it yourself and name the directory');
    yield chunk;
  }
}

async function* gunzip(source: FileSource): AsyncGenerator<Uint8Array> {
  const inflate = zlib.createGunzip({ chunkSize: 1 << 18 });
  const feed = async (): Promise<void> => {
    for (const chunk of copies(source)) {
      if (!inflate.write(chunk)) await new Promise((resolve) => inflate.once('drain', resolve).once('close', resolve));
      if (inflate.destroyed) return;
    }
    inflate.end();
  };
  const fed = feed();
  try {
    for await (const chunk of inflate) yield chunk as Uint8Array;
    await fed;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'Z_BUF_ERROR') throw new UnreadableError(source.name, `the archive is cut short, ${source.size} bytes are here`, SHORT_COPY, { cause });
    if (code?.startsWith('Z_')) throw new UnreadableError(source.name, `its gzip data is damaged (${(cause as Error).message})`, 'Copy it again and compare checksums', { cause });
    throw cause;
  } finally {
    inflate.destroy();
  }
}

function* copies(source: FileSource): Generator<Buffer> {
  for (const chunk of source.chunks(0, source.size, 1 << 18)) yield Buffer.from(chunk);
}

function isGzip(source: FileSource): boolean {
  return source.read(0, 2).equals(Buffer.from([0x1f, 0x8b]));
}

/** Lets the owner read what was packed without such rights; on our private copy only. */
function makeReadable(directory: string): void {
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    const name = path.join(directory, entry.name);
    if (entry.isSymbolicLink()) continue;
    fs.chmodSync(name, entry.isDirectory() ? 0o700 : 0o600);
    if (entry.isDirectory()) makeReadable(name);
  }
}
