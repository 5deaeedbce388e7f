import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { MemberReading } from '../../../../src/engine/model/reading.ts';
import { FileSource } from '../../../../src/engine/readers/file-source.ts';
import { raftWalReader } from '../../../../src/engine/readers/raft-wal/reader.ts';
import { surveySegment } from '../../../../src/engine/readers/raft-wal/segments.ts';
import { corpusCases, truthOf, unpackMember, type Truth } from '../../../helpers/corpus.ts';
import { segmentName, writeRaftWal, type EntryToWrite, type RaftWalToWrite } from '../../../helpers/raft-wal-writer.ts';

describe('raft-wal segments as the segment package reads them', () => {
  for (const name of corpusCases().filter((c) => c.startsWith('hashicorp-raft/wal-'))) {
    it(name, () => {
      for (const [member, truth] of Object.entries<Truth>(truthOf(name).members)) {
        for (const segment of truth.wal.segment_files) {
          using source = FileSource.open(path.join(unpackMember(name, member), 'wal', segment.file));
          const survey = surveySegment(source, segment.header_base_index);
          if (survey.parts.some((part) => part.kind === 'broken' && part.cause === 'frames')) continue;
          const { header } = survey;
          if (typeof header === 'string') {
            assert.equal(survey.entryFrames, segment.entry_frames ?? 0, 'an empty tail has no header yet');
            continue;
          }
          const cut = survey.stoppedBy === 'cut' ? 1 : 0; // the package counts the frame whose header alone is whole
          assert.deepEqual(
            [header.baseIndex, Number.parseInt(header.id, 16), header.codec, survey.commitFrames, survey.entryFrames + cut, survey.indexFrames, survey.indexStart],
            [segment.header_base_index, segment.header_id, segment.header_codec, segment.commit_frames, segment.entry_frames, segment.index_frames, segment.index_start ?? 0],
            `${member} ${segment.file}`,
          );
          assert.equal(survey.lastCommitOffset, segment.last_commit_offset ?? null);
          if (cut === 0) assert.equal(survey.framesStopAt, segment.frames_stop_at);
          assert.equal(survey.entriesAfterLastCommit + cut, segment.entry_frames_after_last_commit);
          if (segment.commit_crc_mismatches !== undefined) {
            const broken = survey.parts.filter((part) => part.kind === 'broken' && part.to <= survey.framesStopAt);
            assert.deepEqual(
              broken.map((part) => part.from),
              segment.commit_crc_mismatches.map((mismatch: Truth) => mismatch.batch_start),
            );
          }
        }
      }
    });
  }
});

function batch(from: number, to: number, term = 1): EntryToWrite[] {
  return Array.from({ length: to - from + 1 }, (_, n) => ({ index: from + n, term, data: Buffer.from(`command ${from + n} of this log`) }));
}

const CONFIGURATION = Buffer.from('81a75365727665727391' + '83a741646472657373a3613a31a24944a26e31a8537566667261676500', 'hex');
const FIRST: EntryToWrite = { index: 1, term: 1, type: 5, data: CONFIGURATION };

describe('raft-wal logs written by hand', () => {
  let root: string;
  beforeEach(() => void (root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-wal-'))));
  afterEach(() => fs.rmSync(root, { recursive: true }));

  const two: RaftWalToWrite = {
    currentTerm: 1,
    segments: [
      { baseIndex: 1, id: 0, sealed: true, batches: [[FIRST, ...batch(2, 5)], batch(6, 9)] },
      { baseIndex: 10, id: 1, batches: [batch(10, 12), batch(13, 13), batch(14, 16), batch(17, 17)], sizeLimit: 4096 },
    ],
  };

  function read(wal: RaftWalToWrite = two, damage: (directory: string) => void = () => undefined): MemberReading {
    writeRaftWal(path.join(root, 'wal'), wal);
    damage(path.join(root, 'wal'));
    assert.ok(raftWalReader.detect(root, {}));
    return raftWalReader.read(root, {});
  }

  function edit(name: string, change: (bytes: Buffer) => Buffer | void): (directory: string) => void {
    return (directory) => {
      const file = path.join(directory, name);
      const bytes = fs.readFileSync(file);
      fs.writeFileSync(file, change(bytes) ?? bytes);
    };
  }
  const tail = segmentName({ baseIndex: 10, id: 1 });
  const sealed = segmentName({ baseIndex: 1, id: 0 });

  it('reads a sound log, its configuration and a range', () => {
    const reading = read();
    const { report } = reading;
    assert.deepEqual(reading.findings, []);
    assert.deepEqual([report.log.firstIndex, report.log.lastIndex, report.health, report.startable.ok], [1, 17, 'ok', true]);
    assert.deepEqual(report.confState?.voters, ['n1']);
    assert.deepEqual([...reading.records({ from: 9, to: 11 })].map((r) => r.type === 'entry' && r.index), [9, 10, 11]);
  });

  it('honours MinIndex and MaxIndex: truncated ends are not read', () => {
    const { report } = read({
      currentTerm: 2,
      segments: [
        { baseIndex: 1, id: 0, sealed: true, minIndex: 3, maxIndex: 7, batches: [[FIRST, ...batch(2, 9)]] },
        { baseIndex: 8, id: 1, batches: [batch(8, 10, 2)] },
      ],
    });
    assert.deepEqual(report.log.termRuns, [{ term: 1, first: 3, last: 7 }, { term: 2, first: 8, last: 10 }]);
    assert.equal(report.startable.ok, false, 'no snapshot covers 1..2');
  });

  it('finds whole batches behind an overwritten frame header in the tail', () => {
    const reading = read(two, edit(tail, (bytes) => void bytes.fill(0xee, 32, 40)));
    const { report } = reading;
    assert.deepEqual([report.log.lastIndex, report.health], [9, 'damaged']);
    assert.deepEqual([report.damage[0]?.fromIndex, report.damage[0]?.toIndex, report.damage[0]?.tail], [10, 12, { term: 1, index: 17 }]);
    assert.deepEqual([...reading.records({ from: 13 })].filter((r) => r.type === 'entry').length, 5);
  });

  it('calls zeros over the first batch of the tail damage, as whole batches follow', () => {
    const { report } = read(two, edit(tail, (bytes) => void bytes.fill(0, 32, 64)));
    assert.deepEqual([report.health, report.damage[0]?.tail?.index], ['damaged', 17]);
  });

  it('calls a cut inside the last batch a torn tail', () => {
    const { report } = read({ ...two, segments: two.segments.map((segment) => ({ ...segment, sizeLimit: 0 })) }, edit(tail, (bytes) => bytes.subarray(0, bytes.length - 20)));
    assert.deepEqual([report.health, report.log.lastIndex, report.damage], ['torn-tail', 16, []]);
  });

  for (const bytes of [0, 20]) {
    it(`tells of a tail of ${bytes} bytes, cut inside its header`, () => {
      const { report, findings } = read(two, edit(tail, (whole) => whole.subarray(0, bytes)));
      assert.deepEqual([report.health, report.log.lastIndex, report.startable.ok], ['torn-tail', 9, true]);
      assert.ok(findings.some((f) => f.rule === 'torn-tail' && f.severity === 'warn' && f.file?.endsWith('.wal')));
    });
  }

  it('calls a damaged length in the last batch damage, as its commit frame is there', () => {
    const sound = read();
    const last = [...sound.records({ from: 17 })][0];
    const { report } = read(two, edit(tail, (bytes) => void bytes.writeUInt32LE(0x00ffff00, (last?.byteOffset ?? 0) + 4)));
    assert.deepEqual([report.health, report.log.lastIndex], ['damaged', 16]);
  });

  it('reports a sealed segment that is cut short', () => {
    const { report } = read(two, edit(sealed, (bytes) => bytes.subarray(0, 100)));
    assert.deepEqual([report.health, report.startable.ok, report.log.firstIndex, report.log.lastIndex], ['damaged', false, 10, 17]);
  });

  it('reports a damaged index of a sealed segment', () => {
    const { report, findings } = read(two, edit(sealed, (bytes) => void (bytes[bytes.length - 12] = 0x55)));
    assert.ok(findings.some((f) => f.rule === 'wal-batch-damaged' || f.rule === 'log-damage'));
    assert.equal(report.startable.ok, false);
  });

  it('reports a header that is not the one in the segment list', () => {
    const { report, findings } = read(two, edit(tail, (bytes) => void (bytes[8] = 11)));
    assert.ok(findings.some((f) => f.rule === 'wal-segment-header'));
    assert.equal(report.startable.ok, false);
  });

  it('is not startable without term and vote', () => {
    const { report } = read({ segments: two.segments });
    assert.match(report.startable.ok ? '' : report.startable.reason, /term and vote are lost/);
  });

  it('takes the vote term where the term write was lost', () => {
    const { report, findings } = read({ ...two, currentTerm: 1, lastVoteTerm: 4, lastVoteCandidate: 'a:1' });
    assert.equal(report.hardState.currentTerm, 4);
    assert.ok(findings.some((f) => f.rule === 'vote-after-term'));
  });

  it('bounds a huge frame length', () => {
    const { report } = read(two, edit(tail, (bytes) => void bytes.writeUInt32LE(0xffffffff, 36)));
    assert.equal(report.health, 'damaged');
  });
});
