import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { crc32c } from '../../../../../src/engine/native/crc32c.ts';
import { readEtcdDb } from '../../../../../src/engine/readers/etcd/db/index.ts';
import { FileSource } from '../../../../../src/engine/readers/file-source.ts';
import { rowOf, writeBackend, type Change } from './backend.ts';

let directory: string;
before(() => (directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-mvcc-'))));
after(() => fs.rmSync(directory, { recursive: true }));

/** A small generator, so a failure names the seed that replays it. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function history(seed: number): { changes: Change[]; compact: number; at: number } {
  const draw = random(seed);
  const changes: Change[] = [];
  let main = 1;
  for (let i = 0; i < 60; i++) {
    const sub = draw(4) === 0 && main > 1 ? (changes.at(-1)?.sub ?? 0) + 1 : 0;
    if (sub === 0) main += 1;
    changes.push({ key: `key-${draw(12)}`, main, sub, isTombstone: draw(4) === 0 });
  }
  const compact = draw(3) === 0 ? -1 : draw(main);
  return { changes, compact, at: draw(2) === 0 ? main : compact + draw(main - compact) + 1 };
}

/** HashKV written the plain way, generation by generation (etcd mvcc/key_index.go, hash.go), holding everything in memory. */
function plainHash(changes: Change[], compact: number, at: number): number {
  const spell = ({ main, sub }: Change) => `${main}.${sub}`;
  const generations = new Map<string, Change[][]>();
  for (const change of changes) {
    const all = generations.get(change.key) ?? [];
    if (all.length === 0) generations.set(change.key, all).get(change.key)?.push([]);
    const last = all.at(-1) as Change[];
    if (change.isTombstone && last.length === 0 && all.length > 1) continue;
    last.push(change);
    if (change.isTombstone) all.push([]);
  }
  const keep = new Set<string>();
  for (const all of generations.values()) {
    const chosen = all.find((one) => (one.at(-1)?.main ?? -1) >= at) ?? (all.at(-1) as Change[]);
    const found = chosen.filter(({ main }) => main <= at).at(-1);
    if (found && (found !== chosen.at(-1) || chosen === all.at(-1))) keep.add(spell(found));
  }
  let hash = crc32c(Buffer.from('key'));
  for (const change of changes) {
    if (change.main > at) continue;
    if (change.main <= compact && keep.size > 0 && !keep.has(spell(change))) continue;
    if (change.main === compact && change.isTombstone) continue;
    const [key, value] = rowOf(change);
    hash = crc32c(value, crc32c(key, hash));
  }
  return hash;
}

describe('HashKV', () => {
  it('equals the plain computation over 400 drawn histories, compactions and revisions', () => {
    const file = path.join(directory, 'db');
    for (let seed = 1; seed <= 400; seed++) {
      const { changes, compact, at } = history(seed);
      writeBackend(file, changes, compact);
      using source = FileSource.open(file);
      const db = readEtcdDb(source, { depth: 'full', hashAt: at });
      assert.deepEqual(db.findings, [], `seed ${seed}`);
      assert.equal(db.hash, plainHash(changes, compact, at), `seed ${seed}`);
      const live = new Map(changes.filter(({ main }) => main <= at).map(({ key, isTombstone }) => [key, !isTombstone]));
      assert.equal(db.liveKeys, [...live.values()].filter(Boolean).length, `seed ${seed}`);
    }
  });

  it('says when revisions are missing', () => {
    const file = path.join(directory, 'db');
    writeBackend(file, [2, 3, 7].map((main) => ({ key: 'a', main, sub: 0, isTombstone: false })));
    const { findings } = readEtcdDb(FileSource.open(file), { depth: 'full' });
    assert.deepEqual(findings.map(({ rule, message }) => [rule, message]), [['db-revision-gap', 'revisions 4 to 6 are missing before revision 7']]);
  });

  it('takes less than 100 bytes a key', function () {
    const file = path.join(directory, 'many.db');
    const keys = 300_000;
    const changes = function* () {
      for (let i = 0; i < keys; i++) yield { key: `/registry/pods/default/pod-${i}`, main: i + 2, sub: 0, isTombstone: false };
    };
    writeBackend(file, changes());
    const before = process.memoryUsage().arrayBuffers;
    let peak = 0;
    const progress = () => (peak = Math.max(peak, process.memoryUsage().arrayBuffers));
    const { liveKeys } = readEtcdDb(FileSource.open(file), { depth: 'full', progress });
    assert.equal(liveKeys, keys);
    // Typed arrays and file buffers together; the file's pages are dropped by the collector in its own time.
    assert.ok(peak > 0 && peak - before < keys * 100 + 64 * 2 ** 20, `${peak - before} bytes`);
  });
});
