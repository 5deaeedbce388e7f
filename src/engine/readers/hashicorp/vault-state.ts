import path from 'node:path';
import { InspectorError } from '../../errors.ts';
import { finding, type Finding } from '../../model/finding.ts';
import { BoltFile } from '../bbolt/file.ts';
import { FileSource } from '../file-source.ts';
import { ProtobufError, ProtobufReader, WIRE } from '../protobuf.ts';
import type { RaftServer, Suffrage } from './configuration.ts';
import type { FileSnapshot } from './file-snapshots.ts';

/**
 * Vault's state machine file as the snapshot it stands in for: bucket `config` holds the last applied position and the
 * configuration as protobuf (vault physical/raft/types.proto: `latest_indexes` {1 term, 2 index}, `latest_config` {1 index,
 * 2 repeated {1 suffrage, 2 id, 3 address}}). Null when it cannot be read, with a finding.
 */
export function readVaultState(root: string, file: string, findings: Finding[]): FileSnapshot | null {
  try {
    using source = FileSource.open(path.join(root, file), file);
    const bucket = BoltFile.open(source).bucket('config');
    const position = numbers(bucket?.get('latest_indexes') ?? Buffer.alloc(0));
    const config = configuration(bucket?.get('latest_config') ?? Buffer.alloc(0));
    const [term, index] = [position.get(1) ?? 0, position.get(2) ?? 0];
    if (index === 0) return null;
    return { id: file, file, term, index, bytes: source.size, status: 'unverifiable', ...config, mtimeMs: source.mtimeMs };
  } catch (error) {
    if (!(error instanceof InspectorError || error instanceof ProtobufError)) throw error;
    const fix = 'Take vault.db from another member together with its log';
    findings.push(finding('vault-state-unreadable', 'error', `the state machine file cannot be read: ${error.message}`, { file, byteOffset: 0, fix }));
    return null;
  }
}

function counter(reader: ProtobufReader): number {
  const value = reader.high * 0x1_0000_0000 + reader.low;
  if (!Number.isSafeInteger(value)) throw new ProtobufError('a counter beyond 2^53');
  return value;
}

function numbers(message: Uint8Array): Map<number, number> {
  const found = new Map<number, number>();
  for (const reader = new ProtobufReader(message); reader.next(); ) if (reader.wire === WIRE.varint) found.set(reader.field, counter(reader));
  return found;
}

function configuration(message: Uint8Array): { configurationIndex: number; servers: RaftServer[] | null } {
  const servers: RaftServer[] = [];
  let index = 0;
  for (const reader = new ProtobufReader(message); reader.next(); ) {
    if (reader.field === 1 && reader.wire === WIRE.varint) index = counter(reader);
    if (reader.field === 2 && reader.wire === WIRE.bytes) servers.push(server(message.subarray(reader.from, reader.to)));
  }
  return { configurationIndex: index, servers: servers.length > 0 ? servers : null };
}

function server(message: Uint8Array): RaftServer {
  const found: RaftServer = { id: '', address: '', suffrage: 0 };
  for (const reader = new ProtobufReader(message); reader.next(); ) {
    const text = (): string => Buffer.from(message.subarray(reader.from, reader.to)).toString('utf8');
    if (reader.field === 1 && reader.wire === WIRE.varint) found.suffrage = Math.min(2, counter(reader)) as Suffrage;
    if (reader.field === 2 && reader.wire === WIRE.bytes) found.id = text();
    if (reader.field === 3 && reader.wire === WIRE.bytes) found.address = text();
  }
  return found;
}
