import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type { LogPosition } from '../../../../src/engine/core/types.ts';
import { checkBeforeOpen } from '../../../../src/engine/native/pages/check-before-open.ts';
import { detectReader } from '../../../../src/engine/readers/index.ts';
import { verifySnapshotPath } from '../../../../src/engine/readers/snapshots/index.ts';
import { treeFingerprint } from '../../../helpers/tree-fingerprint.ts';

const FIXTURES = path.resolve(import.meta.dirname, '../../../../fixtures/native');

/** What each directory must go on saying, in every later version of the tool. */
const EXPECTED: Record<string, { last: LogPosition; commit: number; health: string; lost: number[] }> = {
  'v1-healthy/n1': { last: { term: 2, index: 53 }, commit: 48, health: 'ok', lost: [] },
  'v1-healthy/n2': { last: { term: 2, index: 50 }, commit: 46, health: 'ok', lost: [] },
  'v1-healthy/n3': { last: { term: 2, index: 47 }, commit: 44, health: 'ok', lost: [] },
  'v1-damaged/n1': { last: { term: 1, index: 27 }, commit: 48, health: 'damaged', lost: [28] },
};

describe('native fixtures: directories of every format version', () => {
  it('knows every folder', () => {
    const folders = fs.readdirSync(FIXTURES, { withFileTypes: true }).filter((one) => one.isDirectory()).flatMap(({ name }) => fs.readdirSync(path.join(FIXTURES, name)).map((member) => `${name}/${member}`));
    assert.deepEqual(folders.sort(), Object.keys(EXPECTED).sort());
  });

  for (const [name, expected] of Object.entries(EXPECTED)) {
    it(name, async () => {
      const directory = path.join(FIXTURES, name);
      const before = treeFingerprint(directory, 'bytes');
      const reader = detectReader(directory);
      assert.equal(reader?.store, 'native');
      const { report, ...reading } = (reader ?? assert.fail()).read(directory, {});
      assert.equal(report.health, expected.health);
      assert.deepEqual(report.lastEntry, expected.last);
      assert.deepEqual(report.hardState, { currentTerm: 2, votedFor: 'n1', commitIndex: expected.commit });
      assert.deepEqual(report.snapshots.map((one) => [one.term, one.index, one.status]), [[1, 20, 'verified']]);
      const end = report.damage[0]?.tail?.index ?? expected.last.index;
      assert.equal(end, name === 'v1-damaged/n1' ? 53 : expected.last.index);
      const read = [...reading.records()].flatMap((one) => (one.type === 'entry' ? [one.index] : []));
      assert.deepEqual(read, Array.from({ length: end }, (_, i) => i + 1).filter((index) => !expected.lost.includes(index)));
      for (const environment of ['raft', 'state']) assert.deepEqual(checkBeforeOpen(path.join(directory, environment)), { ok: true }, 'its pages are sound');
      const { reports, findings } = await verifySnapshotPath(directory, { depth: 'restore' });
      assert.deepEqual([reports.map((one) => [one.format, one.verdict, one.state?.keys]), findings], [[['native', 'verified', 18]], []]);
      assert.deepEqual(treeFingerprint(directory, 'bytes'), before);
    });
  }
});
