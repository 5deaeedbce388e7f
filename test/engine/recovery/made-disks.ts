import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Evidence } from '../../../src/engine/model/evidence.ts';
import type { MemberReading } from '../../../src/engine/model/reading.ts';
import { Crc64 } from '../../../src/engine/readers/crc64.ts';
import type { RaftServer } from '../../../src/engine/readers/hashicorp/configuration.ts';
import { readerFor } from '../../../src/engine/readers/index.ts';
import { collectEvidence } from '../../../src/engine/recovery/collect.ts';
import { encodeConfiguration, encodeMsgpackLog } from '../../../src/engine/writers/hashicorp/msgpack-bytes.ts';
import { writeBolt } from '../../helpers/bbolt-writer.ts';

/** A stopped server's files, made of what a case states. */
export interface MadeDisk {
  /** `[term, first, last]`, and a word that tells branches apart. */
  runs: [term: number, first: number, last: number, branch?: string][];
  /** Configurations by index; the entry's term is that of its run. */
  servers?: Record<number, RaftServer[]>;
  currentTerm: number;
  snapshots?: { term: number; index: number; servers?: RaftServer[]; configurationIndex?: number }[];
  /** Candidate of its last vote: tells the stores of two servers apart. */
  vote?: string;
  /** Files beside the raft directory make it a Consul server's. */
  consul?: { nodeId: string };
}

export function server(id: string, suffrage: 0 | 1 = 0, address = `10.0.0.${id.at(-1)}:8300`): RaftServer {
  return { id, address, suffrage };
}

export const THREE = ['node-1', 'node-2', 'node-3'].map((id) => server(id));

const made: string[] = [];

/** Writes it below a new directory, under the label that the tool shows. */
export function writeDisk(label: string, disk: MadeDisk): string {
  const top = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-disk-')), label);
  made.push(path.dirname(top));
  const raft = disk.consul ? path.join(top, 'raft') : top;
  fs.mkdirSync(path.join(raft, 'snapshots'), { recursive: true });
  writeBolt(path.join(raft, 'raft.db'), [
    { name: 'logs', items: entriesOf(disk) },
    { name: 'conf', items: [[Buffer.from('CurrentTerm'), counter(disk.currentTerm)], [Buffer.from('LastVoteCand'), Buffer.from(disk.vote ?? `${label}:8300`)], [Buffer.from('LastVoteTerm'), counter(disk.currentTerm)]] },
  ]);
  for (const one of disk.snapshots ?? []) writeSnapshot(path.join(raft, 'snapshots'), one);
  if (disk.consul) {
    fs.mkdirSync(path.join(top, 'serf'));
    fs.writeFileSync(path.join(top, 'node-id'), disk.consul.nodeId);
  }
  return top;
}

export function removeDisks(): void {
  for (const directory of made.splice(0)) fs.rmSync(directory, { recursive: true, force: true });
}

function counter(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function* entriesOf({ runs, servers = { 1: THREE } }: MadeDisk): Generator<readonly [Buffer, Uint8Array]> {
  for (const [term, first, last, branch = ''] of runs) {
    for (let index = first; index <= last; index++) {
      const own = servers[index];
      const entry = own ? { type: 5, data: encodeConfiguration(own) } : { type: 0, data: Buffer.from(`command ${branch} ${term} ${index}`) };
      yield [counter(index), encodeMsgpackLog({ index, term, ...entry }, 'absent', 0)];
    }
  }
}

function writeSnapshot(into: string, { term, index, servers = THREE, configurationIndex = 1 }: NonNullable<MadeDisk['snapshots']>[number]): void {
  const id = `${term}-${index}-1795167906580`;
  fs.mkdirSync(path.join(into, id));
  const state = Buffer.from(`state ${term} ${index}`);
  fs.writeFileSync(path.join(into, id, 'state.bin'), state);
  const Servers = servers.map((one) => ({ Suffrage: one.suffrage, ID: one.id, Address: one.address }));
  const CRC = new Crc64().update(state).digest().toString('base64');
  fs.writeFileSync(path.join(into, id, 'meta.json'), JSON.stringify({ Version: 1, ID: id, Index: index, Term: term, Configuration: { Servers }, ConfigurationIndex: configurationIndex, Size: state.length, CRC }));
}

export function readAt(directory: string): MemberReading {
  return readerFor(directory, path.basename(directory)).read(directory, {});
}

export function evidenceAt(directory: string): Evidence {
  return collectEvidence(readAt(directory), { tool: 'test', label: path.basename(directory) });
}

export function evidenceOf(label: string, disk: MadeDisk): Evidence {
  return evidenceAt(writeDisk(label, disk));
}
