import assert from 'node:assert/strict';
import type { MemberReport } from '../../src/engine/model/member-report.ts';
import { runCli, runJson } from '../helpers/cli.ts';
import { truthOf } from '../helpers/corpus.ts';
import { TruthComparison } from '../helpers/truth-fields.ts';
import { memberCases, membersOf, placeOf, readMember } from './case-reading.ts';
import { compareCommonPrefixes, comparePick } from './pick-truth.ts';
import type { CompareData, PickData } from './pick-truth.ts';

/** Through the real command line; the other cases are read in process. RAFT_INSPECTOR_LONG=1 asks for all. */
const CHOSEN = [
  'etcd/double-trap-3614',
  'etcd/foreign-member-3516',
  'etcd/separate-wal-34',
  'etcd/torn-tail-3614',
  'etcd/bit-flips-34',
  'etcd/db-corrupt-34',
  'hashicorp-raft/bad-bolt-150',
  'hashicorp-raft/bad-snapshot-112',
  'hashicorp-raft/divergent-tail-150',
  'hashicorp-raft/wal-missing-segment-173',
  'consul/term-trap-187',
];
const isLong = process.env['RAFT_INSPECTOR_LONG'] === '1';
const CASES = isLong ? ['etcd', 'hashicorp-raft', 'consul'].flatMap((system) => memberCases(system)) : CHOSEN;

/** `label=path` for every member, so that labels are truth's names whatever a member calls itself. */
function placesOf(name: string): string[] {
  return membersOf(name).map((member) => `${member}=${placeOf(name, member)}`);
}

describe('corpus: the command line', () => {
  for (const name of CASES) {
    it(`recover pick and compare: ${name}`, () => {
      const truth = new TruthComparison(name, truthOf(name));
      const { envelope, code } = runJson<PickData>(['recover', 'pick', ...placesOf(name)]);
      assert.equal(code, 0, JSON.stringify(envelope.error ?? envelope.exit));
      comparePick(truth, envelope.data, envelope.findings);
      compareCommonPrefixes(truth, runJson<CompareData>(['recover', 'compare', ...placesOf(name)]).envelope.data);
      assert.deepEqual(truth.differences, []);
    });

    it(`inspect member and fsck: ${name}`, () => {
      const { envelope, code } = runJson<{ members: MemberReport[] }>(['inspect', 'member', ...placesOf(name)]);
      const readings = membersOf(name).map((member) => readMember(name, member));
      const hasErrors = envelope.findings.some(({ severity }) => severity === 'error');
      assert.equal(code, hasErrors ? 3 : 0);
      assert.deepEqual(
        envelope.data.members.map(({ lastEntry, hardState, log, state, damage, health }) => ({ lastEntry, hardState, log, state, damage, health })),
        readings.map(({ report: { lastEntry, hardState, log, state, damage, health } }) => ({ lastEntry, hardState, log, state, damage, health })),
      );
      const inProcess = readings.flatMap(({ findings }) => findings).filter(({ severity }) => severity === 'error').map(({ rule, file, byteOffset }) => `${rule} ${file} ${byteOffset}`);
      const told = new Set(envelope.findings.map(({ rule, file, byteOffset }) => `${rule} ${file} ${byteOffset}`));
      assert.deepEqual(inProcess.filter((line) => !told.has(line)), []);
      assert.equal(runCli(['inspect', 'fsck', ...placesOf(name)]).code, hasErrors ? 3 : 0, 'fsck agrees with inspect member');
    });
  }
});
