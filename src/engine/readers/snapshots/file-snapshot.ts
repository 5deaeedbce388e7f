import path from 'node:path';
import { UnreadableError } from '../../errors.ts';
import { Crc64 } from '../crc64.ts';
import { FileSource } from '../file-source.ts';
import type { SnapshotMeta } from '../hashicorp/file-snapshots.ts';
import type { VerifyOptions } from './options.ts';
import { blankReport, CheckList, concluded, type Verified } from './check-list.ts';
import { checkContent, formatVersionOf, MAX_META_BYTES, metaFields, parseMeta, takenAtOf } from './snapshot-meta.ts';
import { StateCounter, type StateContent } from './state-content.ts';

/**
 * A snapshot directory of hashicorp/raft's FileSnapshotStore (file_snapshot.go, v1.7.3): `meta.json` with a CRC-64 of
 * `state.bin`. The state is read once, for checksum and count together.
 * @param name The directory's path below the member's, to name it in findings.
 */
export function verifyFileSnapshot(directory: string, name: string, options: VerifyOptions = {}): Verified {
  const list = new CheckList(name);
  const id = path.basename(path.resolve(directory));
  const meta = readMeta(list, directory, name);
  const state = readState(list, directory, name, options);
  if (meta !== null) checkMeta(list, meta, id, `${name}/meta.json`);
  if (meta !== null && state !== null) checkState(list, meta, state, name);
  if (state !== null) checkContent(list, state.content, meta, { file: `${name}/state.bin`, byteOffset: state.content.problem?.byteOffset ?? 0 });
  const [, term, index] = /^(\d{1,15})-(\d{1,15})-\d+$/.exec(id) ?? [];
  return concluded(
    {
      ...blankReport(directory, 'file-snapshot', state?.bytes ?? 0),
      term: term === undefined ? null : Number(term),
      index: index === undefined ? null : Number(index),
      ...(meta === null ? {} : metaFields(meta)),
      parts: state?.content.parts ?? [],
      formatVersion: state === null ? (meta?.Version ?? null) : formatVersionOf(state.content, meta),
      takenAt: takenAtOf(meta?.ID ?? id) ?? takenAtOf(id),
    },
    list,
  );
}

interface State {
  bytes: number;
  crc: Buffer;
  content: StateContent;
}

function readMeta(list: CheckList, directory: string, name: string): SnapshotMeta | null {
  try {
    using source = FileSource.open(path.join(directory, 'meta.json'), `${name}/meta.json`);
    const meta = source.size > MAX_META_BYTES ? `meta.json has ${source.size} bytes` : parseMeta(source.read(0, source.size));
    if (typeof meta !== 'string') return meta;
    list.fail('meta', meta, 0, { file: `${name}/meta.json` });
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    list.fail('meta', `meta.json: ${error.problem}`, null, { file: `${name}/meta.json` });
  }
  return null;
}

function readState(list: CheckList, directory: string, name: string, { progress, depth }: VerifyOptions): State | null {
  try {
    using source = FileSource.open(path.join(directory, 'state.bin'), `${name}/state.bin`);
    const crc = new Crc64();
    const counter = new StateCounter(depth);
    let done = 0;
    for (const chunk of source.chunks()) {
      crc.update(chunk);
      counter.write(chunk);
      done += chunk.length;
      progress?.(done, source.size, source.name);
    }
    return { bytes: source.size, crc: crc.digest(), content: counter.end() };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    list.fail('state', `state.bin: ${error.problem}`, null, { file: `${name}/state.bin` });
    return null;
  }
}

function checkMeta(list: CheckList, meta: SnapshotMeta, id: string, file: string): void {
  if (meta.Version > 1) return list.fail('meta', `meta.json has version ${meta.Version}; raft knows 0 and 1`, 0, { file });
  if (meta.ID !== id) return list.fail('meta', `meta.json says ID ${JSON.stringify(meta.ID.slice(0, 80))}, the directory is ${id}`, 0, { file });
  list.pass('meta', `version ${meta.Version}, term ${meta.Term}, index ${meta.Index}`);
}

/** Raft itself only compares the CRC; a wrong size tells a truncated copy from a flipped bit. */
function checkState(list: CheckList, meta: SnapshotMeta, state: State, name: string): void {
  const file = `${name}/state.bin`;
  if (meta.Size === state.bytes) list.pass('size', `state.bin has ${state.bytes} bytes`);
  else list.fail('size', `state.bin has ${state.bytes} bytes, meta.json says ${meta.Size}`, Math.min(state.bytes, meta.Size), { file });
  if (!meta.CRC) list.fail('crc64', 'meta.json has no CRC: the snapshot was never finished', 0, { file: `${name}/meta.json` });
  else if (state.crc.equals(Buffer.from(meta.CRC, 'base64'))) list.pass('crc64', 'the CRC-64 of state.bin matches meta.json');
  else list.fail('crc64', 'the CRC-64 of state.bin is not the one in meta.json', 0, { file });
}
