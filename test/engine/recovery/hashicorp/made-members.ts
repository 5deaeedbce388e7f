import fs from 'node:fs';
import path from 'node:path';
import { writeFreshBolt, type BoltPair } from '../../../../src/engine/writers/bbolt/fresh-file.ts';
import { boltCounter } from '../../../../src/engine/writers/hashicorp/bolt-store.ts';
import { type AppendedAtForm, encodeConfiguration, encodeMsgpackLog } from '../../../../src/engine/writers/hashicorp/msgpack-bytes.ts';
import type { EntryToWrite } from '../../../helpers/raft-wal-writer.ts';
import { scratch } from './recover-directory.ts';

export const SERVERS = ['n1', 'n2', 'n3'].map((id, at) => ({ id, address: `10.0.0.${at + 1}:8300`, suffrage: 0 as const }));

export interface MadeLog {
  from?: number;
  to: number;
  form?: AppendedAtForm;
  servers?: { id: string; address: string; suffrage: 0 | 1 }[];
  /** Log type of the entries; commands by default. */
  type?: number;
}

/** Entries [from, to] of term 2 for a raft-wal log; the first of all is the configuration of three, in term 1. */
export function logEntries(from: number, to: number, bytes = 20): EntryToWrite[] {
  return Array.from({ length: to - from + 1 }, (_, at) => {
    const index = from + at;
    return index === 1 ? { index, term: 1, type: 5, data: encodeConfiguration(SERVERS) } : { index, term: 2, data: Buffer.alloc(bytes, index) };
  });
}

/** The items of a `logs` bucket: a configuration at 1 in term 1, everything else in term 2. */
export function* logItems({ from = 1, to, form = 'absent', servers = SERVERS, type = 0 }: MadeLog): Generator<BoltPair> {
  for (let index = from; index <= to; index++) {
    const log = index === 1 ? { index, term: 1, type: 5, data: encodeConfiguration(servers) } : { index, term: 2, type, data: Buffer.from(`command ${index}`) };
    yield [boltCounter(index), encodeMsgpackLog(log, form, 0)];
  }
}

/** Term and vote as raft-boltdb keeps them, with keys of the embedding program around. */
export function confItems(currentTerm: number | null, vote: { term: number; candidate: string } | null = null, more: Record<string, string> = {}): BoltPair[] {
  const items: [string, Uint8Array][] = Object.entries(more).map(([key, value]) => [key, Buffer.from(value)]);
  if (currentTerm !== null) items.push(['CurrentTerm', boltCounter(currentTerm)]);
  if (vote !== null) items.push(['LastVoteTerm', boltCounter(vote.term)], ['LastVoteCand', Buffer.from(vote.candidate)]);
  return items.map(([key, value]): BoltPair => [Buffer.from(key), value]).sort(([a], [b]) => Buffer.compare(a, b));
}

/** A member's directory with one Bolt file at `store`, and other files with their content. */
export function madeMember(store: string, log: MadeLog, conf: BoltPair[], files: Record<string, string> = {}): string {
  const directory = path.join(scratch(), 'n1');
  for (const name of [store, ...Object.keys(files)]) fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(directory, name), text);
  writeFreshBolt(path.join(directory, store), [{ name: 'logs', items: logItems(log) }, { name: 'conf', items: conf }]);
  return directory;
}

/** The two-file layout. `conf` null: the stable store is lost. */
export function splitMember(log: MadeLog, conf: BoltPair[] | null): string {
  const directory = madeMember('raft-log.db', log, []);
  if (conf !== null) writeFreshBolt(path.join(directory, 'raft-stable.db'), [{ name: 'conf', items: conf }, { name: 'logs', items: [] }]);
  return directory;
}

/** Adds a snapshot of term 2 whose checksum holds, with the configuration of three. */
export function withSnapshot(directory: string, index: number, below = 'snapshots', unixMs = 1_773_000_000_000): string {
  const id = `2-${index}-${unixMs}`;
  const into = path.join(directory, below, id);
  fs.mkdirSync(into, { recursive: true });
  fs.writeFileSync(path.join(into, 'state.bin'), '123456789');
  const configuration = { Servers: SERVERS.map(({ id: server, address }) => ({ Suffrage: 0, ID: server, Address: address })) };
  const crc = Buffer.from('995dc9bbdf1939fa', 'hex').toString('base64'); // CRC-64/XZ of "123456789"
  fs.writeFileSync(path.join(into, 'meta.json'), JSON.stringify({ Version: 1, ID: id, Index: index, Term: 2, Configuration: configuration, ConfigurationIndex: 1, Size: 9, CRC: crc }));
  return directory;
}
