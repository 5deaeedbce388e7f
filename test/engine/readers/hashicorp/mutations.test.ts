import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { InspectorError } from '../../../../src/engine/errors.ts';
import { decodeConsulEntry, decodeSiderEntry } from '../../../../src/engine/readers/hashicorp/commands.ts';
import { raftBoltdbReader } from '../../../../src/engine/readers/raft-boltdb/reader.ts';
import { raftWalReader } from '../../../../src/engine/readers/raft-wal/reader.ts';
import { copyMember } from '../../../helpers/corpus.ts';
import { Chance, MutableTree, trimPreallocation } from '../../../helpers/mutations.ts';

const ROUNDS = 80;
const MAX_MS = 3000;

const subjects = [
  { name: 'hashicorp-raft/wal-empty-log-173', member: 'node-3' },
  { name: 'hashicorp-raft/wal-missing-segment-173', member: 'node-3' },
  { name: 'hashicorp-raft/truncated-log-112', member: 'node-2' },
  { name: 'consul/term-trap-187', member: 'consul-1' },
];

/** Reads everything there is; only the errors of errors.ts may come out. */
function readAll(place: string): void {
  const reader = [raftBoltdbReader, raftWalReader].find((candidate) => candidate.detect(place, {}));
  if (reader === undefined) return;
  const { report, records, configurations } = reader.read(place, {});
  assert.equal(report.log.entries, report.log.lastIndex - report.log.firstIndex + 1, 'the run is contiguous');
  assert.ok(Number.isSafeInteger(report.lastEntry.index) && Array.isArray(configurations));
  for (const record of records()) {
    if (record.type === 'damage') assert.ok(record.file !== '' && record.reason !== '');
    else for (const decode of [decodeConsulEntry, decodeSiderEntry]) assert.ok(decode(record).op !== '');
  }
}

describe('hashicorp/raft family under random damage', () => {
  for (const [seed, { name, member }] of subjects.entries()) {
    it(`${name} ${member}: ${ROUNDS} damages end in findings or known errors`, function () {
      this.timeout(120_000);
      const root = copyMember(name, member);
      trimPreallocation(root);
      const tree = new MutableTree(root, null);
      const chance = new Chance(1000 + seed);
      try {
        for (let round = 0; round < ROUNDS; round++) {
          const mutation = tree.mutate(chance);
          const began = performance.now();
          try {
            readAll(root);
          } catch (error) {
            if (!(error instanceof InspectorError)) throw new Error(`round ${round}: ${JSON.stringify(mutation)}`, { cause: error });
          }
          assert.ok(performance.now() - began < MAX_MS, `slow after ${JSON.stringify(mutation)}`);
          tree.restore(mutation);
        }
      } finally {
        fs.rmSync(path.dirname(root), { recursive: true, force: true });
      }
    });
  }
});
