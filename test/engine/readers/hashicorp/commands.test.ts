import assert from 'node:assert/strict';
import type { LogEntry } from '../../../../src/engine/model/reading.ts';
import { decodeConsulEntry, decodeNomadEntry, decodeRaftEntry, decodeSiderEntry, decodeVaultEntry } from '../../../../src/engine/readers/hashicorp/commands.ts';
import { CONSUL_TYPES } from '../../../../src/engine/readers/hashicorp/consul-types.ts';
import { raftBoltdbReader } from '../../../../src/engine/readers/raft-boltdb/reader.ts';
import { raftWalReader } from '../../../../src/engine/readers/raft-wal/reader.ts';
import { truthOf, unpackMember } from '../../../helpers/corpus.ts';

function entry(data: Uint8Array, kind = 'command'): LogEntry {
  return { type: 'entry', index: 1, term: 1, kind, file: 'raft.db', byteOffset: 0, bytes: data.length, data };
}

function commandsOf(name: string, member: string, reader = raftBoltdbReader): LogEntry[] {
  const entries: LogEntry[] = [];
  for (const record of reader.read(unpackMember(name, member), {}).records()) {
    if (record.type === 'entry' && record.kind === 'command') entries.push({ ...record, data: Buffer.from(record.data) });
  }
  return entries;
}

describe('commands of the programs', () => {
  it('decodes every Consul command, counted by type as the server tool counted', () => {
    const counts: Record<string, number> = {};
    for (const command of commandsOf('consul/quorum-loss-187', 'consul-3')) {
      const decoded = decodeConsulEntry(command);
      assert.equal(decoded.undecodable, undefined, JSON.stringify(decoded));
      const name = decoded.op.split(' ')[0] as string;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    const truth = truthOf('consul/quorum-loss-187').members['consul-3'].log.commands as Record<string, number>;
    const expected = Object.entries(truth).map(([type, count]) => [CONSUL_TYPES[Number(type.slice(8)) & 0x7f], count]);
    assert.deepEqual(counts, Object.fromEntries(expected));
  });

  it('shows keys and sizes of KV writes and transactions', () => {
    const decoded = commandsOf('consul/quorum-loss-187', 'consul-3').map(decodeConsulEntry);
    const set = decoded.find((d) => d.op === 'KVS set');
    assert.match(set?.key ?? '', /^[a-z]/);
    assert.equal(set?.valueBytes, set?.value?.length);
    const txn = decoded.find((d) => d.op === 'Txn');
    assert.deepEqual(txn?.nested?.map((n) => [n.op, n.key, n.valueBytes]), [['KVS set', 'cfg/txn/0', 40], ['KVS set', 'cfg/txn2/0', 1]]);
  });

  for (const [name, member, reader] of [['hashicorp-raft/healthy-112', 'node-1', raftBoltdbReader], ['hashicorp-raft/wal-healthy-173', 'node-2', raftWalReader]] as const) {
    it(`decodes the registry's commands of ${name}`, () => {
      const counts: Record<string, number> = {};
      for (const command of commandsOf(name, member, reader)) {
        const decoded = decodeSiderEntry(command);
        assert.equal(decoded.undecodable, undefined);
        assert.match(decoded.key ?? '', /^i-\d{5}$/);
        counts[decoded.op] = (counts[decoded.op] ?? 0) + 1;
      }
      assert.deepEqual(counts, truthOf(name).members[member].log.commands);
    });
  }

  it('says what it cannot decode', () => {
    assert.equal(decodeSiderEntry(entry(Buffer.from('{"op":"explode"}'))).undecodable, true);
    assert.equal(decodeSiderEntry(entry(Buffer.from('{'))).undecodable, true);
    assert.equal(decodeConsulEntry(entry(Buffer.from([60, 0x80]))).undecodable, true);
    assert.equal(decodeConsulEntry(entry(Buffer.from([2, 0xdf, 0xff, 0xff, 0xff, 0xff]))).undecodable, true);
    assert.equal(decodeConsulEntry(entry(Buffer.alloc(0))).undecodable, true);
    assert.equal(decodeVaultEntry(entry(Buffer.from([0x0a, 0xff]))).undecodable, true);
  });

  it('names barriers, configurations, Vault and Nomad operations', () => {
    assert.equal(decodeRaftEntry(entry(Buffer.alloc(0), 'barrier')).op, 'barrier');
    assert.equal(decodeRaftEntry(entry(Buffer.from('92a3613a31a3623a31', 'hex'), 'confChange')).detail, 'voters a:1 b:1');
    const put = decodeVaultEntry(entry(Buffer.from('0a0a08021a0161220376616c', 'hex')));
    assert.deepEqual([put.op, put.key, put.valueBytes], ['put', 'a', 3]);
    assert.equal(decodeNomadEntry(entry(Buffer.from([4, 0x81, 0xa5, ...Buffer.from('JobID'), 0xa1, 0x61]))).key, 'a');
  });
});
