import fs from 'node:fs';
import path from 'node:path';
import type { LogPosition } from '../../core/types.ts';
import { CorruptDataError } from '../../errors.ts';
import { Crc64 } from '../../readers/crc64.ts';
import { FileSource } from '../../readers/file-source.ts';
import type { RaftServer } from '../../readers/hashicorp/configuration.ts';
import { encodePeers } from './msgpack-bytes.ts';

/** The configuration index that a recovery writes, whatever the log's position (hashicorp/raft api.go `RecoverCluster`). */
const RECOVERY_CONFIGURATION_INDEX = 1;

/** A snapshot's name, which raft calls its ID: `<term>-<index>-<unix milliseconds>`. */
export function snapshotId({ term, index }: LogPosition, unixMs: number): string {
  return `${term}-${index}-${unixMs}`;
}

/**
 * Writes `state.bin` and `meta.json` of a file snapshot (hashicorp/raft file_snapshot.go, v1.7.3): the state copied byte by byte and
 * measured on the way, the position and the configuration new. Files are synced; the directories are the caller's to sync.
 * @param state What to copy, and its CRC-64 as its own meta.json has it.
 * @param directory `<base>/snapshots/<id>`, made by this.
 * @throws {CorruptDataError} When the copied state has another checksum.
 */
export function writeSnapshot(directory: string, last: LogPosition, servers: readonly RaftServer[], state: { file: string; name: string; crc: string }): void {
  fs.mkdirSync(directory, { recursive: true, mode: 0o755 });
  const { bytes, crc } = copyState(state.file, state.name, path.join(directory, 'state.bin'));
  if (crc !== state.crc) throw new CorruptDataError(state.name, 0, `the CRC of the state is ${crc}, its meta.json says ${state.crc}`);
  const meta = {
    Version: 1,
    ID: path.basename(directory),
    Index: last.index,
    Term: last.term,
    Peers: encodePeers(servers).toString('base64'),
    Configuration: { Servers: servers.map(({ suffrage, id, address }) => ({ Suffrage: suffrage, ID: id, Address: address })) },
    ConfigurationIndex: RECOVERY_CONFIGURATION_INDEX,
    Size: bytes,
    CRC: crc,
  };
  writeSynced(path.join(directory, 'meta.json'), `${JSON.stringify(meta)}\n`, 0o644);
}

function copyState(from: string, name: string, into: string): { bytes: number; crc: string } {
  using source = FileSource.open(from, name);
  const crc = new Crc64();
  const fd = fs.openSync(into, 'wx', 0o644);
  try {
    let bytes = 0;
    for (const chunk of source.chunks()) {
      crc.update(chunk);
      for (let done = 0; done < chunk.length; ) done += fs.writeSync(fd, chunk, done, chunk.length - done);
      bytes += chunk.length;
    }
    fs.fsyncSync(fd);
    return { bytes, crc: crc.digest().toString('base64') };
  } finally {
    fs.closeSync(fd);
  }
}

/** A small new file, synced. */
export function writeSynced(file: string, text: string, mode: number): void {
  const fd = fs.openSync(file, 'wx', mode);
  try {
    fs.writeFileSync(fd, text);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
