import { asBuffer, readCounter, writeCounter } from './counter.ts';
import { crc32c } from './crc32c.ts';
import { decoded, undecodable, type Decoded } from './decoded.ts';
import { BODY_OFFSET, emptyFrame, FRAME_BYTES, frameRecord, sealFrame, unframeRecord } from './record-frame.ts';
import { CHUNK_BYTES, encodeManifest, MAX_MANIFEST_BYTES, parseManifest } from './snapshot-manifest.ts';
import type { SnapshotManifest } from '../ports/snapshot-files.ts';

/**
 * A snapshot file, `<id>.snap`. Content first, manifest behind it: whoever writes knows the digest only at the end.
 *
 * ```text
 *  0          8          16
 *  | RISNAP01 | reserved | chunk 0 | chunk 1 | ... | manifest | trailer |
 *  | 8 bytes  |   8 x 0  | frames of type 9        | type 10  | 32 bytes|
 *
 *  chunk, body of its frame:          trailer, the last 32 bytes of the file:
 *  0           4                      0                 8                 16     20         24         32
 *  | number    | content    |         | manifest offset | manifest length | zero | crc32c   | RISNAPND |
 *  | u32, at 0 | up to 1 MiB|         | u64             | u64             | u32  | of 0..20 | 8 bytes  |
 * ```
 *
 * Every chunk but the last is whole, so that any offset of the content is found without an index. The key id of each frame is the
 * place for encryption; the chunk's number then stays readable.
 */
export const SNAPSHOT_HEADER_BYTES = 16;
export const TRAILER_BYTES = 32;
/** Name of a finished file, and of one on its way. */
export const SNAPSHOT_SUFFIX = '.snap';
export const PART_SUFFIX = '.part';

const MAGIC = 'RISNAP01';
const END_MAGIC = 'RISNAPND';
const NUMBER_BYTES = 4;
/** What a chunk takes in the file beside its content. */
export const CHUNK_OVERHEAD_BYTES = FRAME_BYTES + NUMBER_BYTES;
/** Bytes of a whole chunk in the file. */
export const CHUNK_STRIDE = CHUNK_OVERHEAD_BYTES + CHUNK_BYTES;

/** Where the manifest lies. */
export interface SnapshotTrailer {
  readonly manifestOffset: number;
  readonly manifestBytes: number;
}

export function encodeSnapshotHeader(): Buffer {
  const header = Buffer.alloc(SNAPSHOT_HEADER_BYTES);
  header.write(MAGIC, 0, 'ascii');
  return header;
}

export function checkSnapshotHeader(bytes: Uint8Array): Decoded<null> {
  return encodeSnapshotHeader().equals(bytes) ? decoded(null) : undecodable('record-damaged', 'the file does not begin as a snapshot does');
}

/** Place of a chunk in the file, in bytes. */
export function chunkOffset(number: number): number {
  return SNAPSHOT_HEADER_BYTES + number * CHUNK_STRIDE;
}

export function encodeChunk(number: number, content: Uint8Array): Buffer {
  if (content.length === 0 || content.length > CHUNK_BYTES) throw new RangeError(`chunk of ${content.length} bytes`);
  const record = emptyFrame(NUMBER_BYTES + content.length);
  record.writeUInt32BE(number, BODY_OFFSET);
  record.set(content, BODY_OFFSET + NUMBER_BYTES);
  return sealFrame('chunk', record);
}

/** Content of a chunk that is exactly `bytes`; a view. */
export function decodeChunk(bytes: Uint8Array, number: number): Decoded<Buffer> {
  const body = unframeRecord('chunk', bytes);
  if (!body.ok) return body;
  if (body.value.length <= NUMBER_BYTES || body.value.length > NUMBER_BYTES + CHUNK_BYTES) return undecodable('record-invalid', `chunk of ${body.value.length} bytes`);
  if (body.value.readUInt32BE(0) !== number) return undecodable('record-invalid', `chunk ${body.value.readUInt32BE(0)} lies where chunk ${number} belongs`);
  return decoded(body.value.subarray(NUMBER_BYTES));
}

/** Manifest and trailer: what ends a file whose chunks end at `offset`. */
export function encodeSnapshotEnd(manifest: SnapshotManifest, offset: number): Buffer {
  const record = frameRecord('manifest', encodeManifest(manifest));
  const trailer = Buffer.alloc(TRAILER_BYTES);
  writeCounter(trailer, 0, offset, 'manifest offset');
  writeCounter(trailer, 8, record.length, 'manifest length');
  trailer.writeUInt32BE(crc32c(trailer.subarray(0, 20)), 20);
  trailer.write(END_MAGIC, 24, 'ascii');
  return Buffer.concat([record, trailer]);
}

/** Reads the last 32 bytes of a file of `fileBytes`. */
export function decodeTrailer(bytes: Uint8Array, fileBytes: number): Decoded<SnapshotTrailer> {
  const trailer = asBuffer(bytes);
  if (trailer.length !== TRAILER_BYTES || trailer.toString('latin1', 24) !== END_MAGIC) return undecodable('record-damaged', 'the file does not end as a snapshot does');
  if (trailer.readUInt32BE(20) !== crc32c(trailer.subarray(0, 20))) return undecodable('record-damaged', 'the checksum of the trailer does not hold');
  const manifestOffset = readCounter(trailer, 0);
  const manifestBytes = readCounter(trailer, 8);
  if (manifestOffset === null || manifestBytes === null || manifestBytes > MAX_MANIFEST_BYTES + FRAME_BYTES || manifestOffset + manifestBytes + TRAILER_BYTES !== fileBytes) {
    return undecodable('record-invalid', `the trailer does not fit a file of ${fileBytes} bytes`);
  }
  return decoded({ manifestOffset, manifestBytes });
}

/** Reads the manifest's frame and checks that the chunks it counts end where it begins. */
export function decodeManifestRecord(bytes: Uint8Array, manifestOffset: number): Decoded<SnapshotManifest> {
  const body = unframeRecord('manifest', bytes);
  if (!body.ok) return body;
  try {
    const manifest = parseManifest(body.value);
    const end = SNAPSHOT_HEADER_BYTES + manifest.chunks * CHUNK_OVERHEAD_BYTES + manifest.bytes;
    return end === manifestOffset ? decoded(manifest) : undecodable('record-invalid', `the chunks end at byte ${end}, the manifest begins at ${manifestOffset}`);
  } catch (error) {
    if (error instanceof RangeError) return undecodable('record-invalid', error.message);
    throw error;
  }
}
