import type { LogPosition } from '../../core/types.ts';
import { crc32c } from '../../native/crc32c.ts';
import { FileSource } from '../file-source.ts';
import { ProtobufError } from '../protobuf.ts';
import { decodeSnapshotMetadata, type StoredConfState } from './raft-messages.ts';
import { readV2Store, type V2Store } from './v2-store.ts';

/** A `.snap` file as read: `problem` null when its checksum holds and its content is a raft snapshot. */
export interface SnapFile {
  /** Path below the member's directory. */
  file: string;
  /** As the content says where it can be read, else as the name says. */
  position: LogPosition;
  bytes: number;
  problem: string | null;
  confState: StoredConfState | null;
  /** Null where it was not asked for, or is too large or broken. */
  store: V2Store | null;
  /** The store is there and was asked for, but is too large to be read. */
  isStoreSkipped?: boolean;
  mtimeMs: number;
}

const SNAP_NAME = /^([0-9a-f]{16})-([0-9a-f]{16})\.snap$/;
/** Term, index and a list of members: more than this is no metadata. */
const MAX_METADATA_BYTES = 1 << 20;
/** The v2 store is a few kilobytes of members unless somebody still keeps v2 keys; past this it is left alone. */
const MAX_STORE_BYTES = 16 << 20;

/** Term first, then index; null for a file of another name. */
export function parseSnapName(file: string): LogPosition | null {
  const match = SNAP_NAME.exec(file);
  if (!match) return null;
  const position = { term: Number.parseInt(match[1] as string, 16), index: Number.parseInt(match[2] as string, 16) };
  return Number.isSafeInteger(position.term) && Number.isSafeInteger(position.index) ? position : null;
}

export function snapName({ term, index }: LogPosition): string {
  return `${term.toString(16).padStart(16, '0')}-${index.toString(16).padStart(16, '0')}.snap`;
}

/**
 * Reads snappb.Snapshot {1 V crc, 2 L data}, data being a raftpb.Snapshot {1 L data, 2 L metadata} whose own data is the v2 store
 * as JSON. The checksum is streamed, only metadata and (when asked for) the store are held.
 * @throws {UnreadableError}
 * @see etcd v3.6.14, server/etcdserver/api/snap/snapshotter.go (Read)
 */
export function readSnapFile(file: string, name: string, options: { store: boolean }): SnapFile {
  using source = FileSource.open(file, name);
  const named = parseSnapName(file.slice(file.lastIndexOf('/') + 1)) ?? { term: 0, index: 0 };
  const snap: SnapFile = { file: name, position: named, bytes: source.size, problem: null, confState: null, store: null, mtimeMs: source.mtimeMs };
  try {
    readInto(snap, source, options.store);
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    snap.problem = `cannot be decoded (${error.message})`;
  }
  return snap;
}

function readInto(snap: SnapFile, source: FileSource, wantsStore: boolean): void {
  const outer = topFields(source, 0, source.size);
  const data = outer.find(({ field }) => field === 2);
  const crc = outer.find(({ field }) => field === 1)?.value ?? 0;
  if (source.size === 0) throw new ProtobufError('the file is empty');
  if (!data || data.to === data.from || crc === 0) throw new ProtobufError('it has no data or no checksum');
  let computed = 0;
  for (const chunk of source.chunks(data.from, data.to)) computed = crc32c(chunk, computed);
  if (computed !== crc) {
    snap.problem = `checksum wrong (stored ${crc.toString(16)}, computed ${computed.toString(16)})`;
    return;
  }
  const inner = topFields(source, data.from, data.to);
  const metadata = inner.find(({ field }) => field === 2);
  if (!metadata || metadata.to - metadata.from > MAX_METADATA_BYTES) throw new ProtobufError('it has no usable metadata');
  const { term, index, confState } = decodeSnapshotMetadata(source.read(metadata.from, metadata.to - metadata.from));
  snap.position = { term, index };
  snap.confState = confState;
  const json = inner.find(({ field }) => field === 1);
  if (!wantsStore || !json) return;
  snap.isStoreSkipped = json.to - json.from > MAX_STORE_BYTES;
  if (snap.isStoreSkipped) return;
  snap.store = readV2Store(source.read(json.from, json.to - json.from).toString('utf8'));
}

interface FileField {
  field: number;
  /** Of a varint field. */
  value: number;
  from: number;
  to: number;
}

/** Fields of a message that may be larger than memory: only tags and lengths are read. */
function topFields(source: FileSource, start: number, end: number): FileField[] {
  const fields: FileField[] = [];
  for (let at = start; at < end; ) {
    if (fields.length > 64) throw new ProtobufError('too many fields');
    const tag = varintAt(source, at, end);
    const value = varintAt(source, tag.next, end);
    const isBytes = (tag.value & 7) === 2;
    if (!isBytes && (tag.value & 7) !== 0) throw new ProtobufError(`wire type ${tag.value & 7}`);
    const to = isBytes ? value.next + value.value : value.next;
    if (to > end) throw new ProtobufError('a field runs past its end');
    fields.push({ field: Math.floor(tag.value / 8), value: value.value, from: value.next, to });
    at = to;
  }
  return fields;
}

function varintAt(source: FileSource, at: number, end: number): { value: number; next: number } {
  const bytes = source.read(at, Math.min(10, end - at));
  let value = 0;
  for (let i = 0, scale = 1; i < bytes.length; i++, scale *= 128) {
    const byte = bytes[i] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (!Number.isSafeInteger(value)) throw new ProtobufError('a number is outside 0..2^53-1');
      return { value, next: at + i + 1 };
    }
  }
  throw new ProtobufError('a number runs past the end');
}
