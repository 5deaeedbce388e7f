import type { FileSource } from '../../readers/file-source.ts';
import { writeFile } from './new-file.ts';
import { WalEncoder } from './wal-encoder.ts';

/** Where a segment's whole records end, and the running checksum there. */
export interface WalEnd {
  byteOffset: number;
  crc: number;
}

/**
 * Writes a copy of the newest segment to `file` with `records` behind its whole ones: an unfinished record, and anything else behind
 * `end`, is not taken over. The copy is as long as the original, or longer where the records need it; the rest reads as zeros, as
 * the server's preallocation does.
 */
export function appendToSegment(source: FileSource, end: WalEnd, records: readonly { type: number; data: Buffer }[], file: string): void {
  const encoder = new WalEncoder(end.crc);
  writeFile(file, (writer) => {
    for (const chunk of source.chunks(0, end.byteOffset)) writer.write(Buffer.from(chunk)); // its buffer is filled anew
    for (const { type, data } of records) writer.write(encoder.record(type, data));
    return source.size;
  });
}
