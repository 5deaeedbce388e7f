import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { FileSource } from '../../../../src/engine/readers/file-source.ts';
import { decodeBinaryLog } from '../../../../src/engine/readers/raft-wal/codec.ts';
import { surveySegment } from '../../../../src/engine/readers/raft-wal/segments.ts';
import type { Decision } from '../../../../src/engine/recovery/targets/target.ts';
import { raftAppendTarget } from '../../../../src/engine/recovery/targets/hashicorp/raft-append.ts';
import { decisionFor, failed, type Recovered, recover, removeAll, scratch, sourceAt } from '../../recovery/hashicorp/recover-directory.ts';
import { logEntries, withSnapshot } from '../../recovery/hashicorp/made-members.ts';
import { type SegmentToWrite, writeRaftWal } from '../../../helpers/raft-wal-writer.ts';

const sealed = (id: number, from: number, to: number): SegmentToWrite => ({ baseIndex: from, id, batches: [logEntries(from, to)], sealed: true });

function member(segments: SegmentToWrite[]): string {
  const directory = path.join(scratch(), 'n1');
  writeRaftWal(path.join(directory, 'wal'), { segments, currentTerm: 4, lastVoteTerm: 4, lastVoteCandidate: '10.0.0.2:8300' });
  return directory;
}

async function recoverFrom(directory: string, given: Partial<Decision> = {}): Promise<Recovered> {
  const source = sourceAt(directory);
  const recovered = await recover(source, decisionFor(source, { serverId: 'n1', ...given }), raftAppendTarget);
  assert.deepEqual(failed(recovered.checks), []);
  return recovered;
}

const namesOf = ({ draft }: Recovered): string[] => draft.changes.map((one) => `${one.kind} ${path.basename(one.path)}`);
const indexesOf = ({ reading }: Recovered): number[] => [...reading.records()].map((one) => (one.type === 'entry' ? one.index : -1));
const span = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

describe('a raft-wal log with one more entry', () => {
  afterEach(removeAll);

  it('appends to the tail: the term first, then the segment', async () => {
    const recovered = await recoverFrom(member([sealed(0, 1, 10), { baseIndex: 11, id: 1, batches: [logEntries(11, 12), logEntries(13, 15)] }]));
    assert.deepEqual(namesOf(recovered), ['replace wal-meta.db', 'replace 00000000000000000011-0000000000000001.wal']);
    assert.deepEqual(indexesOf(recovered), span(1, 16));
    assert.deepEqual(recovered.reading.report.lastEntry, { term: 5, index: 16 });
    assert.deepEqual(recovered.reading.report.hardState, { currentTerm: 5, votedFor: null, commitIndex: null });
    assert.ok(fs.statSync(path.join(recovered.directory, 'wal/00000000000000000011-0000000000000001.wal')).size >= 65_536, 'room as the library makes it');
  });

  it('an empty tail takes the entry as its first: the checksum covers the header', async () => {
    const recovered = await recoverFrom(member([sealed(0, 1, 10), { baseIndex: 11, id: 1, batches: [] }]));
    assert.deepEqual(namesOf(recovered), ['replace wal-meta.db', 'replace 00000000000000000011-0000000000000001.wal']);
    assert.deepEqual(indexesOf(recovered), span(1, 11));
  });

  it('a tail whose file was never made is made', async () => {
    const directory = member([sealed(0, 1, 10), { baseIndex: 11, id: 1, batches: [] }]);
    fs.rmSync(path.join(directory, 'wal/00000000000000000011-0000000000000001.wal'));
    const recovered = await recoverFrom(directory);
    assert.deepEqual(namesOf(recovered), ['replace wal-meta.db', 'create 00000000000000000011-0000000000000001.wal']);
    assert.match(recovered.draft.notes.join('\n'), /Behind entry 10 the log is damaged or missing/);
    assert.deepEqual(indexesOf(recovered), span(1, 11));
  });

  it('an unfinished last write is left behind', async () => {
    const directory = member([{ baseIndex: 1, id: 0, batches: [logEntries(1, 5), logEntries(6, 8)] }]);
    const file = path.join(directory, 'wal/00000000000000000001-0000000000000000.wal');
    fs.truncateSync(file, fs.statSync(file).size - 12);
    assert.deepEqual(indexesOf(await recoverFrom(directory)), span(1, 6));
  });

  it('a tail that gets full is sealed in fact, with its index, as after a crash of the library', async () => {
    const recovered = await recoverFrom(member([{ baseIndex: 1, id: 0, batches: [logEntries(1, 30, 50)], sizeLimit: 2200 }]));
    assert.deepEqual(indexesOf(recovered), span(1, 31));
    assert.deepEqual(recovered.reading.findings.filter(({ severity }) => severity !== 'info').map(({ rule }) => rule), []);
    using file = FileSource.open(path.join(recovered.directory, 'wal/00000000000000000001-0000000000000000.wal'));
    const survey = surveySegment(file, 1);
    assert.deepEqual([survey.entryFrames, survey.indexFrames, survey.commitMismatches], [31, 1, 0]);
    for (let at = 0; at < 31; at++) {
      const frame = file.read(survey.indexStart + at * 4, 4).readUInt32LE();
      const log = decodeBinaryLog(file.read(frame + 8, file.read(frame + 4, 4).readUInt32LE()));
      assert.ok(typeof log !== 'string' && log.index === at + 1, `the index leads to entry ${at + 1}`);
    }
  });

  it('dropping inside the tail writes it anew without the dropped entries', async () => {
    const recovered = await recoverFrom(member([sealed(0, 1, 10), { baseIndex: 11, id: 1, batches: [logEntries(11, 12), logEntries(13, 18)] }]), { inDoubt: 'drop', keepTo: 14 });
    assert.deepEqual(namesOf(recovered), ['replace wal-meta.db', 'replace 00000000000000000011-0000000000000001.wal']);
    assert.deepEqual(indexesOf(recovered), span(1, 15));
    assert.deepEqual(recovered.reading.report.log.termRuns.at(-1), { term: 5, first: 15, last: 15 });
    assert.ok(recovered.draft.changes[1]?.lines.includes('- entries 15..18'));
  });

  it('dropping inside a sealed segment ends it in the list, and a new segment follows', async () => {
    const recovered = await recoverFrom(member([sealed(0, 1, 10), sealed(1, 11, 20), { baseIndex: 21, id: 2, batches: [logEntries(21, 23)] }]), { inDoubt: 'drop', keepTo: 14 });
    assert.deepEqual(namesOf(recovered), ['create 00000000000000000015-0000000000000003.wal', 'replace wal-meta.db', 'remove 00000000000000000021-0000000000000002.wal']);
    assert.deepEqual(indexesOf(recovered), span(1, 15));
    assert.deepEqual(fs.readdirSync(path.join(recovered.directory, 'wal')).sort(), [
      '00000000000000000001-0000000000000000.wal',
      '00000000000000000011-0000000000000001.wal',
      '00000000000000000015-0000000000000003.wal',
      'wal-meta.db',
    ]);
  });

  it('dropping a whole tail reuses it', async () => {
    const recovered = await recoverFrom(member([sealed(0, 1, 10), { baseIndex: 11, id: 1, batches: [logEntries(11, 14)] }]), { inDoubt: 'drop', keepTo: 10 });
    assert.deepEqual(namesOf(recovered), ['replace wal-meta.db', 'replace 00000000000000000011-0000000000000001.wal']);
    assert.deepEqual(indexesOf(recovered), span(1, 11));
  });

  it('keeps what was truncated at the front out of sight', async () => {
    const recovered = await recoverFrom(withSnapshot(member([{ baseIndex: 1, id: 0, batches: [logEntries(1, 20)], minIndex: 8 }]), 9));
    assert.deepEqual(indexesOf(recovered), span(8, 21));
  });

  it('begins a new log behind the snapshot where the log ends below it', async () => {
    const recovered = await recoverFrom(withSnapshot(member([{ baseIndex: 1, id: 0, batches: [logEntries(1, 20)] }]), 40));
    assert.deepEqual(namesOf(recovered), ['create 00000000000000000041-0000000000000001.wal', 'replace wal-meta.db', 'remove 00000000000000000001-0000000000000000.wal']);
    assert.deepEqual(indexesOf(recovered), [41]);
    assert.deepEqual(recovered.reading.report.lastEntry, { term: 5, index: 41 });
    assert.deepEqual(recovered.reading.report.startable, { ok: true });
  });

  it('refuses a log with an encoding of the application', async () => {
    const directory = member([{ baseIndex: 1, id: 0, batches: [logEntries(1, 20)] }]);
    const source = sourceAt(withSnapshot(directory, 20));
    const meta = path.join(directory, 'wal/wal-meta.db');
    fs.writeFileSync(meta, Buffer.from(fs.readFileSync(meta).toString('latin1').replace('"Codec":1', '"Codec":9'), 'latin1'));
    await assert.rejects(recover(source, decisionFor(source, { serverId: 'n1' }), raftAppendTarget), { rule: 'application-codec' });
  });
});
