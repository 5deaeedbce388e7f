import path from 'node:path';
import assert from 'node:assert/strict';
import type { SnapshotFileReport } from '../../src/engine/model/snapshot-file.ts';
import { runJson } from '../helpers/cli.ts';
import { truthOf, unpackCase } from '../helpers/corpus.ts';
import { TruthComparison } from '../helpers/truth-fields.ts';
import { assertTruth } from './assert-truth.ts';
import { snapshotCases } from './case-reading.ts';
import { compareSnapshotFile } from './snapshot-truth.ts';

describe('corpus: snapshot verify against the servers’ own tools', () => {
  for (const name of snapshotCases()) {
    it(name, () => {
      const truth = new TruthComparison(name, truthOf(name));
      const files = Object.keys(truthOf(name).files as object);
      const { envelope } = runJson<{ snapshots: SnapshotFileReport[] }>(['snapshot', 'verify', ...files.map((file) => path.join(unpackCase(name), file))]);
      assert.equal(envelope.exit.code, 3, 'bad files among them');
      for (const file of files) {
        const report = envelope.data.snapshots.find((snapshot) => path.basename(snapshot.path) === file);
        assert.ok(report !== undefined, `${file} is not in the answer`);
        compareSnapshotFile(truth, file, report);
      }
      assertTruth(truth);
    });
  }
});
