import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { memorySource } from '../../../../src/engine/native/pages/byte-source.ts';
import { openLmdb } from '../../../../src/engine/native/pages/lmdb-file.ts';
import type { Evidence } from '../../../../src/engine/model/evidence.ts';
import { parseEvidence, evidenceText } from '../../../../src/engine/model/evidence.ts';
import { decodeNativeEntry } from '../../../../src/engine/readers/native/kv-commands.ts';
import { nativeReader } from '../../../../src/engine/readers/native/reader.ts';
import { collectEvidence } from '../../../../src/engine/recovery/collect.ts';
import { comparePairs } from '../../../../src/engine/recovery/divergence.ts';
import { examine, pick } from '../../../../src/engine/recovery/pick.ts';
import type { Identity } from '../../../../src/engine/ports/storage.ts';
import { identityOf, NativeWriter, threeMembers } from '../../../helpers/native-writer.ts';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'native-recovery-'));
after(() => fs.rmSync(scratch, { recursive: true, force: true }));

const IDS = ['n1', 'n2', 'n3', 'n4', 'n5'];

interface Shape {
  id: string;
  /** Term and last index of each stretch after entry 1, which is the configuration in term 1. */
  runs: readonly (readonly [term: number, last: number])[];
  commit: number;
  voters?: number;
  identity?: Partial<Identity>;
  /** Told apart: members with another salt have other values at the same places. */
  salt?: string;
}

async function member({ id, runs, commit, voters = 3, identity = {}, salt = '' }: Shape): Promise<string> {
  const directory = fs.mkdtempSync(path.join(scratch, `${id}-`));
  const writer = await NativeWriter.create(directory, identityOf(id, identity), threeMembers(IDS.slice(0, voters)));
  let index = 1;
  for (const [term, last] of runs) {
    while (index < last) {
      const until = Math.min(last, index + 7);
      const pairs = Array.from({ length: until - index }, (_, i): [string, string] => [`key/${index + 1 + i}`, `${term} ${salt}`]);
      index = until;
      await writer.puts(term, pairs, { commit: Math.min(commit, index) });
    }
  }
  await writer.close();
  return directory;
}

function evidenceOf(directory: string, label: string): Evidence {
  return collectEvidence(nativeReader.read(directory, {}), { label, decode: decodeNativeEntry, tool: 'test' });
}

async function evidences(shapes: readonly Shape[]): Promise<Evidence[]> {
  const found: Evidence[] = [];
  for (const shape of shapes) found.push(evidenceOf(await member(shape), shape.id));
  return found;
}

/** Destroys the batches whose first entry is at or behind `index`: their entries are gone, the descriptors stay. */
function destroyFrom(directory: string, index: number): void {
  const file = path.join(directory, 'raft/data.mdb');
  const bytes = fs.readFileSync(file);
  const [view] = openLmdb(memorySource('', bytes)).views;
  for (const item of view?.items('log-0000000000000001') ?? []) {
    if (item.kind === 'pair' && item.key.readUInt32BE(4) >= index) bytes.fill(0xaa, item.byteOffset, item.byteOffset + item.value.length);
  }
  fs.writeFileSync(file, bytes);
}

describe('recovery from native members', () => {
  it('G 1: the later term wins, proven by a majority', async () => {
    const report = pick(await evidences([{ id: 'n2', runs: [[3, 37], [4, 40]], commit: 30 }, { id: 'n3', runs: [[3, 37], [5, 38]], commit: 30 }]));
    assert.equal(report.source, 'n3');
    assert.deepEqual([report.loss.proof, report.loss.verdict], ['proven', 'none']);
  });

  it('G 2: one of three is best effort, and says what is in doubt', async () => {
    const [only] = await evidences([{ id: 'n1', runs: [[7, 90]], commit: 79 }]);
    assert.ok(only);
    const report = pick([only]);
    assert.deepEqual([report.loss.proof, report.loss.verdict], ['best-effort', 'unknown']);
    assert.deepEqual(only.report.inDoubt, { from: 80, to: 90, entries: 11 });
    assert.deepEqual(only.doubt?.ops, [{ op: 'put', entries: 11 }]);
    assert.deepEqual(only.doubt?.prefixes.map((one) => one.prefix), ['key/']);
  });

  for (const { last, proof } of [{ last: 51, proof: 'bounded' }, { last: 49, proof: 'proven' }]) {
    it(`G 3: a corrupt body with an intact descriptor at 6/${last} counts: ${proof}`, async () => {
      const whole = await evidences([{ id: 'n1', runs: [[6, 50]], commit: 40, voters: 5 }, { id: 'n2', runs: [[6, 48]], commit: 40, voters: 5 }]);
      const bad = await member({ id: 'n3', runs: [[6, last]], commit: 40, voters: 5 });
      destroyFrom(bad, 20);
      const third = evidenceOf(bad, 'n3');
      assert.deepEqual([third.report.health, third.report.damage.at(-1)?.tail], ['damaged', { term: 6, index: last }]);
      assert.equal(third.report.lastEntry.index, 22, 'the batch 16..22 is whole');
      const report = pick([...whole, third]);
      assert.equal(report.source, 'n1');
      assert.equal(report.loss.proof, proof);
    });
  }

  it('G 8: an installed snapshot ranks its member, whose log is empty', async () => {
    const leader = path.join(scratch, 'leader');
    const writer = await NativeWriter.create(leader, identityOf('n3'), threeMembers());
    for (let i = 0; i < 9; i++) await writer.puts(8, [[`key/${2 + i}`, '8 ']], { commit: 2 + i });
    const manifest = await writer.snapshot();
    await writer.close();
    const installed = path.join(scratch, 'installed');
    const late = await NativeWriter.create(installed, identityOf('n1'), null);
    await late.install(leader, manifest);
    await late.close();
    const [behind] = await evidences([{ id: 'n2', runs: [[8, 9]], commit: 5 }]);
    assert.ok(behind);
    const first = evidenceOf(installed, 'n1');
    assert.deepEqual([first.report.lastEntry, first.report.log.entries, first.report.health], [{ term: 8, index: 10 }, 0, 'ok']);
    const report = pick([first, behind]);
    assert.deepEqual([report.source, report.loss.proof], ['n1', 'proven']);
  });

  it('I17: a newer generation replaces an older one, whatever the terms; another cluster is left out', async () => {
    const all = await evidences([
      { id: 'n1', runs: [[9, 60]], commit: 50 },
      { id: 'n2', runs: [[9, 60]], commit: 50 },
      { id: 'n3', runs: [[3, 20]], commit: 10, identity: { generation: 2 } },
    ]);
    const outcome = examine(all);
    assert.equal(outcome.report.source, 'n3');
    assert.deepEqual(outcome.findings.filter((one) => one.rule === 'older-generation').map((one) => one.member), ['n1', 'n2']);
    const strangers = await evidences([{ id: 'n1', runs: [[2, 9]], commit: 5 }, { id: 'n2', runs: [[2, 9]], commit: 5 }, { id: 'n3', runs: [[9, 60]], commit: 50, identity: { clusterId: 'c2' } }]);
    assert.deepEqual(examine(strangers).findings.filter((one) => one.rule === 'foreign-cluster').map((one) => one.member), ['n3']);
  });

  it('finds the first entry that differs, by the chain: all behind it differ too', async () => {
    const [a, b, c] = await evidences([
      { id: 'n1', runs: [[2, 15], [3, 40]], commit: 10 },
      { id: 'n2', runs: [[2, 15], [3, 40]], commit: 10 },
      { id: 'n3', runs: [[2, 15], [3, 40]], commit: 10, salt: 'other' },
    ]);
    assert.ok(a && b && c);
    assert.deepEqual(comparePairs([a, b]).map((one) => one.conflict ?? null), [null]);
    const [pair] = comparePairs([a, c]);
    assert.equal(pair?.conflict?.index, 2);
    assert.equal(pick([a, c]).source, null, 'same index and term, another content: refused');
  });

  it('evidence of our members goes through its file unchanged', async () => {
    const [one] = await evidences([{ id: 'n1', runs: [[2, 30]], commit: 20 }]);
    assert.ok(one);
    assert.deepEqual(await parseEvidence(evidenceText(one), 'one'), JSON.parse(JSON.stringify(one)));
    assert.equal(one.report.generation, 1);
  });
});
