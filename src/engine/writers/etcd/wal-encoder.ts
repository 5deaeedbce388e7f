import { crc32c } from '../../native/crc32c.ts';
import { RECORD } from '../../readers/etcd/wal-frame.ts';
import { bytesField, varintField } from './protobuf.ts';

const ALIGNMENT = 8;

/**
 * Makes frames of a write-ahead log: a length field of 8 bytes, a walpb.Record {1 V type, 2 V crc, 3 L data}, zeros up to the next
 * multiple of 8. Each record's checksum continues the one before it.
 * @see etcd v3.6.14, server/storage/wal/encoder.go
 */
export class WalEncoder {
  /** @param crc Running checksum of the records before; 0 for a new log. */
  constructor(private crc = 0) {}

  /** The record that begins a segment: the checksum so far. */
  seed(): Buffer {
    return frame(Buffer.concat([varintField(1, RECORD.crc), varintField(2, this.crc)]));
  }

  record(type: number, data: Uint8Array): Buffer {
    this.crc = crc32c(data, this.crc);
    return frame(Buffer.concat([varintField(1, type), varintField(2, this.crc), bytesField(3, data)]));
  }
}

function frame(record: Buffer): Buffer {
  const padding = (ALIGNMENT - (record.length % ALIGNMENT)) % ALIGNMENT;
  const bytes = Buffer.alloc(ALIGNMENT + record.length + padding);
  bytes.writeUInt32LE(record.length, 0);
  // The count of padding bytes lies in the uppermost byte, marked by its upper bit.
  if (padding > 0) bytes[ALIGNMENT - 1] = 0x80 | padding;
  record.copy(bytes, ALIGNMENT);
  return bytes;
}
