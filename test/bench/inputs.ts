import fs from 'node:fs';
import path from 'node:path';
import { writeBolt } from '../helpers/bbolt-writer.ts';
import { EtcdWalWriter, confChange, putRequest } from '../helpers/etcd-wal-writer.ts';

const VALUE_BYTES = 512;
const SEGMENTS = 16;

/** An etcd member whose WAL holds `megabytes` of puts in 16 segments, as a member that has not compacted yet. */
export function writeEtcdMember(directory: string, megabytes: number): { directory: string; walDirectory: string; entries: number; segments: number } {
  const walDirectory = path.join(directory, 'member', 'wal');
  fs.mkdirSync(path.join(directory, 'member', 'snap'), { recursive: true });
  const wal = new EtcdWalWriter(walDirectory, { memberId: 'b8f404356c5207a', clusterId: 'cd11e86392339c47' });
  const entries = Math.ceil((megabytes * 1e6) / 640);
  wal.entry({ term: 1, index: 1, type: 1, data: confChange(0, 'b8f404356c5207a', { peerURLs: ['http://127.0.0.1:2380'], name: 'bench' }) });
  wal.state(1, 'b8f404356c5207a', 1);
  const value = Buffer.alloc(VALUE_BYTES, 'v');
  for (let index = 2; index <= entries; index++) {
    wal.entry({ term: 2, index, data: putRequest(`/bench/key-${String(index).padStart(10, '0')}`, value) });
    if (index % 64 === 0) wal.state(2, 'b8f404356c5207a', index - 1);
    if (index % Math.ceil(entries / SEGMENTS) === 0 && index < entries) wal.cut(index + 1);
  }
  wal.state(2, 'b8f404356c5207a', entries);
  wal.close();
  return { directory, walDirectory, entries, segments: SEGMENTS };
}

/** A bare hashicorp/raft `raft.db` of about `megabytes`, one server, commands of 512 B. */
export function writeRaftDb(directory: string, megabytes: number): { directory: string; entries: number } {
  fs.mkdirSync(directory, { recursive: true });
  const entries = Math.max(3, Math.ceil((megabytes * 1e6) / 660));
  writeBolt(path.join(directory, 'raft.db'), [
    { name: 'conf', items: stableItems(), inline: true },
    { name: 'logs', items: logItems(entries) },
  ]);
  return { directory, entries };
}

function* stableItems(): Generator<[Uint8Array, Uint8Array]> {
  yield [Buffer.from('CurrentTerm'), uint64(2)];
  yield [Buffer.from('LastVoteCand'), Buffer.from('127.0.0.1:7000')];
  yield [Buffer.from('LastVoteTerm'), uint64(2)];
}

function* logItems(entries: number): Generator<[Uint8Array, Uint8Array]> {
  const server = Buffer.concat([Buffer.from([0x81]), raw('Servers'), Buffer.from([0x91, 0x83]), raw('Address'), raw('127.0.0.1:7000'), raw('ID'), raw('bench'), raw('Suffrage'), Buffer.from([0])]);
  yield [uint64(1), log(5, 1, 1, server)];
  const value = Buffer.alloc(VALUE_BYTES, 'v');
  for (let index = 2; index <= entries; index++) yield [uint64(index), log(0, 2, index, value)];
}

function log(type: number, term: number, index: number, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x85]), raw('Data'), raw(data), raw('Extensions'), Buffer.from([0xc0]), raw('Index'), Buffer.from([0xcf]), uint64(index), raw('Term'), Buffer.from([term]), raw('Type'), Buffer.from([type])]);
}

function raw(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  const head = bytes.length < 32 ? Buffer.from([0xa0 | bytes.length]) : Buffer.from([0xda, bytes.length >> 8, bytes.length & 0xff]);
  return Buffer.concat([head, bytes]);
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
