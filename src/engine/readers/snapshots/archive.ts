import crypto from 'node:crypto';
import { CorruptDataError } from '../../errors.ts';
import type { SnapshotFileReport } from '../../model/snapshot-file.ts';
import type { FileSource } from '../file-source.ts';
import type { SnapshotMeta } from '../hashicorp/file-snapshots.ts';
import type { VerifyOptions } from './options.ts';
import { blankReport, CheckList, concluded, type Verified } from './check-list.ts';
import { readGzip } from './gzip.ts';
import { checkContent, formatVersionOf, MAX_META_BYTES, metaFields, parseMeta } from './snapshot-meta.ts';
import { type ContentDepth, StateCounter, type StateContent } from './state-content.ts';
import { readTar, type EntrySink, type TarEntry } from './tar.ts';

const SMALL_FILES: Readonly<Record<string, number>> = { 'meta.json': MAX_META_BYTES, SHA256SUMS: 64 * 1024, 'SHA256SUMS.sealed': 1 << 20 };
const SUMS = 'SHA256SUMS';
const SEALED = 'SHA256SUMS.sealed';

/** What an archive held, hashed as it went by. */
interface Contents {
  small: Map<string, Buffer>;
  digests: Map<string, string>;
  stateBytes: number | null;
  state: StateContent | null;
  /** What was counted of a state that never came to its end. */
  counter: StateCounter | null;
  /** Where each file's content began, in packed bytes: the place a finding names. */
  offsets: Map<string, number>;
}

/**
 * A gzip-compressed tar of `meta.json`, `state.bin` and `SHA256SUMS`, as Consul, Nomad and (with `SHA256SUMS.sealed`) Vault
 * save it (consul snapshot/archive.go 1.8 to 1.20, vault physical/raft/snapshot.go). One pass, memory flat.
 */
export async function verifyArchive(source: FileSource, path: string, options: VerifyOptions = {}): Promise<Verified> {
  const list = new CheckList(source.name);
  const contents: Contents = { small: new Map(), digests: new Map(), stateBytes: null, state: null, counter: null, offsets: new Map() };
  const reading = readGzip(source);
  let trailingBytes = 0;
  try {
    const open = (entry: TarEntry) => openEntry(entry, contents, { file: source.name, at: reading.position(), depth: options.depth ?? 'count' });
    const chunks = reported(reading.chunks, () => options.progress?.(reading.position(), source.size, source.name));
    ({ trailingBytes } = await readTar(chunks, source.name, reading.position, open));
    list.pass('archive', 'gzip and tar read to their ends');
  } catch (error) {
    if (!(error instanceof CorruptDataError)) throw error;
    list.fail('archive', error.problem, error.byteOffset);
  }
  const format = formatOf(contents);
  if (trailingBytes > 0) checkTrailing(list, format, trailingBytes, source.size);
  const meta = checkMeta(list, contents);
  checkSums(list, contents, format);
  if (contents.state !== null) checkContent(list, contents.state, meta, { file: source.name, byteOffset: contents.offsets.get('state.bin') ?? 0 });
  return concluded(reportOf(path, format, source, contents, meta), list);
}

async function* reported(chunks: AsyncIterable<Buffer>, report: () => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    report();
    yield chunk;
  }
}

function reportOf(path: string, format: SnapshotFileReport['format'], source: FileSource, contents: Contents, meta: SnapshotMeta | null): SnapshotFileReport {
  const blank = blankReport(path, format, source.size);
  const state = contents.state;
  return {
    ...blank,
    ...(meta === null ? {} : metaFields(meta)),
    parts: state?.parts ?? [],
    formatVersion: state === null ? (meta?.Version ?? null) : formatVersionOf(state, meta),
    takenAt: (meta && metaFields(meta).takenAt) ?? new Date(source.mtimeMs).toISOString(),
  };
}

/** Any file beyond the known four is refused, as the servers do: nothing is ever unpacked, whatever its name says. */
function openEntry(entry: TarEntry, contents: Contents, { file, at, depth }: { file: string; at: number; depth: ContentDepth }): EntrySink {
  const isState = entry.name === 'state.bin';
  const limit = isState ? Number.MAX_SAFE_INTEGER : SMALL_FILES[entry.name];
  const shown = JSON.stringify(entry.name.slice(0, 120));
  if (limit === undefined || !(isState || Object.hasOwn(SMALL_FILES, entry.name))) {
    const isOutside = entry.name.startsWith('/') || entry.name.split('/').includes('..');
    throw new CorruptDataError(file, at, isOutside ? `holds ${shown}, a path that leads outside` : `holds ${shown}, which no snapshot has`);
  }
  if (contents.offsets.has(entry.name)) throw new CorruptDataError(file, at, `holds ${shown} twice`);
  if (entry.size > limit) throw new CorruptDataError(file, at, `${shown} has ${entry.size} bytes, limit ${limit}`);
  contents.offsets.set(entry.name, at);
  return isState ? stateSink(contents, depth) : smallSink(entry.name, contents);
}

function stateSink(contents: Contents, depth: ContentDepth): EntrySink {
  const hash = crypto.createHash('sha256');
  const counter = new StateCounter(depth);
  contents.counter = counter;
  let bytes = 0;
  return {
    write(chunk) {
      hash.update(chunk);
      counter.write(chunk);
      bytes += chunk.length;
    },
    end() {
      contents.digests.set('state.bin', hash.digest('hex'));
      contents.stateBytes = bytes;
      contents.state = counter.end();
    },
  };
}

function smallSink(name: string, contents: Contents): EntrySink {
  const held: Buffer[] = [];
  return {
    write: (chunk) => void held.push(Buffer.from(chunk)),
    end() {
      const bytes = Buffer.concat(held);
      contents.small.set(name, bytes);
      contents.digests.set(name, crypto.createHash('sha256').update(bytes).digest('hex'));
    },
  };
}

function formatOf(contents: Contents): SnapshotFileReport['format'] {
  const kind = (contents.state ?? contents.counter?.end())?.kind;
  if (contents.offsets.has(SEALED) || kind === 'vault') return 'vault-archive';
  if (kind === 'consul') return 'consul-archive';
  return kind === 'nomad' ? 'nomad-archive' : 'raft-archive';
}

/** Consul and Nomad refuse plain bytes behind the tar (consul snapshot/archive.go `concludeGzipRead`). */
function checkTrailing(list: CheckList, format: string, trailingBytes: number, size: number): void {
  const detail = `${trailingBytes} bytes follow the end of the tar`;
  if (format === 'vault-archive') list.note('snapshot-trailing-bytes', 'warn', detail, 'Find out what repacked it');
  else list.fail('trailing', `${detail}: a restore would refuse it`, size);
}

function checkMeta(list: CheckList, contents: Contents): SnapshotMeta | null {
  const bytes = contents.small.get('meta.json');
  if (bytes === undefined) {
    if (!isBroken(list)) list.fail('meta', 'meta.json is missing', null);
    return null;
  }
  const meta = parseMeta(bytes);
  const at = contents.offsets.get('meta.json') ?? 0;
  if (typeof meta === 'string') {
    list.fail('meta', meta, at);
    return null;
  }
  if (meta.Version > 1) list.fail('meta', `meta.json has version ${meta.Version}, known are 0 and 1`, at);
  else list.pass('meta', `version ${meta.Version}, term ${meta.Term}, index ${meta.Index}`);
  if (contents.stateBytes !== null) checkSize(list, meta, contents.stateBytes, contents.offsets.get('state.bin') ?? 0);
  return meta;
}

function checkSize(list: CheckList, meta: SnapshotMeta, bytes: number, at: number): void {
  if (meta.Size === bytes) list.pass('size', `state.bin has ${bytes} bytes`);
  else list.fail('size', `state.bin has ${bytes} bytes, meta.json says ${meta.Size}`, at);
}

/** Of an archive that could not be read to its end, what is missing says nothing new. */
function isBroken(list: CheckList): boolean {
  return list.checks.some((check) => check.name === 'archive' && check.ok === false);
}

/** Both files must be listed and match; lines are `<hex>  <name>` in any order. */
function checkSums(list: CheckList, contents: Contents, format: string): void {
  const sums = contents.small.get(SUMS);
  if (sums === undefined) {
    if (!isBroken(list)) list.fail('sha256', 'SHA256SUMS is missing: the archive is not whole', null);
    return;
  }
  const listed = new Map(
    sums
      .toString('latin1')
      .split('\n')
      .map((line) => /^([0-9a-fA-F]{64}) [ *](.+)$/.exec(line))
      .filter((match) => match !== null)
      .map((match) => [match[2] as string, (match[1] as string).toLowerCase()]),
  );
  for (const name of ['meta.json', 'state.bin']) {
    const digest = contents.digests.get(name);
    const at = contents.offsets.get(name) ?? null;
    if (digest === undefined) list.fail('sha256', `${name} is missing or cut short`, at);
    else if (!listed.has(name)) list.fail('sha256', `SHA256SUMS does not list ${name}`, contents.offsets.get(SUMS) ?? null);
    else if (listed.get(name) !== digest) list.fail('sha256', `the SHA-256 of ${name} is not the one in SHA256SUMS`, at);
    else list.pass('sha256', `${name} matches SHA256SUMS`);
  }
  if (format !== 'vault-archive') return;
  if (contents.small.has(SEALED)) list.pass('sealed', "SHA256SUMS.sealed is present; only Vault's seal can open it");
  else list.fail('sealed', 'SHA256SUMS.sealed is missing: an interrupted download', null);
}
