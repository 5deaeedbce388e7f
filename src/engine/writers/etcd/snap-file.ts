import type { LogPosition } from '../../core/types.ts';
import { crc32c } from '../../native/crc32c.ts';
import type { StoredConfState } from '../../readers/etcd/raft-messages.ts';
import { writeFile } from './new-file.ts';
import { bytesField, varintField } from './protobuf.ts';
import { encodeSnapshot } from './raft-messages.ts';

/** Writes a `.snap` file: snappb.snapshot {1 V crc, 2 L data} around a raftpb.Snapshot whose data is the v2 store. */
export function writeSnapFile(file: string, position: LogPosition, confState: StoredConfState, store: string): void {
  const data = encodeSnapshot(Buffer.from(store), confState, position);
  writeFile(file, (writer) => writer.write(Buffer.concat([varintField(1, crc32c(data, 0)), bytesField(2, data)])));
}
