import assert from 'node:assert/strict';
import path from 'node:path';
import { BoltFile } from '../../../../src/engine/readers/bbolt/file.ts';
import { FileSource } from '../../../../src/engine/readers/file-source.ts';
import { decodeServers } from '../../../../src/engine/readers/hashicorp/configuration.ts';
import { goTimeToRfc3339 } from '../../../../src/engine/readers/hashicorp/go-time.ts';
import { decodeMsgpackLog } from '../../../../src/engine/readers/hashicorp/msgpack-log.ts';
import { decodeBinaryLog } from '../../../../src/engine/readers/raft-wal/codec.ts';
import { goBinaryTime, msgpackTimestamp } from '../../../../src/engine/writers/hashicorp/go-time-bytes.ts';
import { type AppendedAtForm, appendedAtForm, encodeConfiguration, encodeMsgpackLog, encodePeers } from '../../../../src/engine/writers/hashicorp/msgpack-bytes.ts';
import { encodeBinaryLog } from '../../../../src/engine/writers/hashicorp/wal-segment.ts';
import { unpackMember } from '../../../helpers/corpus.ts';

const NOW = Date.UTC(2026, 2, 14, 3, 21, 0, 250);

/** Every stored value of a log that a real server wrote. */
function* storedLogs(directory: string, file: string): Generator<Buffer> {
  using source = FileSource.open(path.join(directory, file));
  for (const { value } of BoltFile.open(source).bucket('logs')?.items() ?? []) yield Buffer.from(value);
}

describe('entries in the bytes of their store', () => {
  for (const [name, member, file] of [
    ['hashicorp-raft/quorum-loss-112', 'node-3', 'raft-log.db'],
    ['consul/quorum-loss-187', 'consul-3', 'raft/raft.db'],
  ] as const) {
    it(`${name}: five-key entries of raft 1.1.2 come out byte for byte`, () => {
      let count = 0;
      for (const value of storedLogs(unpackMember(name, member), file)) {
        const log = decodeMsgpackLog(value);
        assert.ok(typeof log !== 'string');
        assert.equal(appendedAtForm(value), 'absent');
        // Data that was nil is written as empty raw bytes: the same to every reader.
        if (log.data.length > 0 && log.extensions === null) assert.deepEqual(encodeMsgpackLog(log, 'absent', 0), value);
        if (log.type === 5) assert.deepEqual(encodeConfiguration(decodeServers(log.data) ?? []), Buffer.from(log.data));
        count++;
      }
      assert.ok(count > 1000);
    });
  }

  it('raft 1.7.3: six keys, and its form of the time is found and written alike', () => {
    let count = 0;
    for (const value of storedLogs(unpackMember('hashicorp-raft/bolt2-quorum-loss-173', 'node-3'), 'raft.db')) {
      const log = decodeMsgpackLog(value);
      assert.ok(typeof log !== 'string' && log.appendedAt !== null);
      assert.equal(appendedAtForm(value), 'binary');
      const again = encodeMsgpackLog(log, 'binary', NOW);
      assert.equal(again.length, value.length);
      const decoded = decodeMsgpackLog(again);
      assert.ok(typeof decoded !== 'string');
      assert.deepEqual([decoded.index, decoded.term, decoded.type, Buffer.from(decoded.data)], [log.index, log.term, log.type, Buffer.from(log.data)]);
      count++;
    }
    assert.ok(count > 1000);
  });

  const forms: Record<AppendedAtForm, string | null> = {
    absent: null,
    nil: null,
    binary: '2026-03-14T03:21:00.25Z',
    timestamp: '2026-03-14T03:21:00.25Z',
    'timestamp-ext': '2026-03-14T03:21:00.25Z',
  };
  for (const [form, time] of Object.entries(forms) as [AppendedAtForm, string | null][]) {
    it(`AppendedAt ${form}: read back as written, and recognised`, () => {
      const value = encodeMsgpackLog({ index: 2 ** 40, term: 70_000, type: 5, data: Buffer.alloc(70_000, 1) }, form, NOW);
      assert.equal(appendedAtForm(value), form);
      const log = decodeMsgpackLog(value);
      assert.ok(typeof log !== 'string');
      assert.deepEqual([log.index, log.term, log.type, log.data.length], [2 ** 40, 70_000, 5, 70_000]);
      assert.equal(log.appendedAt === null ? null : goTimeToRfc3339(log.appendedAt), time);
    });
  }

  it('spells times as Go does', () => {
    // What Go 1.19 prints for time.Date(2026, 3, 14, 3, 21, 0, 250e6, time.UTC).MarshalBinary()
    assert.equal(goBinaryTime(NOW).toString('hex'), '010000000ee146cb1c0ee6b280ffff');
    assert.equal(goTimeToRfc3339(msgpackTimestamp(NOW)), '2026-03-14T03:21:00.25Z');
  });

  it('writes integers of every width, unsigned, and raw of every length without str8', () => {
    for (const index of [1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      const log = decodeMsgpackLog(encodeMsgpackLog({ index, term: index, type: 0, data: Buffer.of(1) }, 'absent', 0));
      assert.ok(typeof log !== 'string' && log.index === index && log.term === index);
    }
    for (const length of [0, 31, 32, 255, 256, 65_535, 65_536]) {
      const value = encodeMsgpackLog({ index: 1, term: 1, type: 0, data: Buffer.alloc(length, 7) }, 'absent', 0);
      const log = decodeMsgpackLog(value);
      assert.ok(typeof log !== 'string' && log.data.length === length);
      assert.ok(![0xd9, 0xc4, 0xc5, 0xc6].includes(value[6] as number), 'the first byte of Data');
    }
  });

  it('writes configurations and the list of voters that meta.json keeps', () => {
    const servers = Array.from({ length: 20 }, (_, at) => ({ id: `node-${at}`, address: `10.0.0.${at}:8300`, suffrage: at % 4 === 3 ? (1 as const) : (0 as const) }));
    assert.deepEqual(decodeServers(encodeConfiguration(servers)), servers);
    assert.deepEqual(decodeServers(encodePeers(servers))?.map(({ address }) => address), servers.filter(({ suffrage }) => suffrage === 0).map(({ address }) => address));
  });

  it("writes the raft-wal library's own codec", () => {
    const log = decodeBinaryLog(encodeBinaryLog({ index: 300, term: 2 ** 35, type: 5, data: Buffer.from('data') }, NOW));
    assert.ok(typeof log !== 'string');
    assert.deepEqual([log.index, log.term, log.type, Buffer.from(log.data).toString(), log.extensions?.length], [300, 2 ** 35, 5, 'data', 0]);
    assert.equal(goTimeToRfc3339(log.appendedAt ?? Buffer.alloc(0)), '2026-03-14T03:21:00.25Z');
  });
});
