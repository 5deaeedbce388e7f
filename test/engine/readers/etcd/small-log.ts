import fs from 'node:fs';
import path from 'node:path';
import type { LogRecord, MemberReading } from '../../../../src/engine/model/reading.ts';
import { EtcdWalWriter, confChange, putRequest } from '../../../helpers/etcd-wal-writer.ts';

/** Twenty puts of 600 bytes in term 2 behind one membership change; offsets by index. */
export function writeLog(directory: string, edit: (writer: EtcdWalWriter, index: number) => void = () => {}): Map<number, number> {
  const writer = new EtcdWalWriter(directory);
  const offsets = new Map<number, number>();
  offsets.set(1, writer.entry({ term: 1, index: 1, type: 1, data: confChange(0, '1', { name: 'a', peerURLs: ['http://a:2380'] }) }));
  for (let index = 2; index <= 21; index++) {
    edit(writer, index);
    offsets.set(index, writer.entry({ term: 2, index, data: putRequest(`/key/${index}`, 'v'.repeat(600)) }));
    writer.state(2, '1', index - 1);
  }
  writer.close(4096);
  return offsets;
}

export function overwrite(file: string, offset: number, bytes: Uint8Array): void {
  const fd = fs.openSync(file, 'r+');
  fs.writeSync(fd, bytes, 0, bytes.length, offset);
  fs.closeSync(fd);
}

export function only(directory: string, place = 0): string {
  return path.join(directory, fs.readdirSync(directory).sort()[place] as string);
}

export function entriesOf(reading: MemberReading): string {
  return [...reading.records()].map((record: LogRecord) => (record.type === 'entry' ? String(record.index) : `x${record.fromIndex}-${record.toIndex}`)).join(' ');
}

export function range(first: number, last: number): string {
  return Array.from({ length: last - first + 1 }, (_, place) => first + place).join(' ');
}
