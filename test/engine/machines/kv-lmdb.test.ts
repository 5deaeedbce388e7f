import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { LmdbKvStore } from '../../../src/engine/adapters/lmdb-kv-store.ts';
import { KvMachine } from '../../../src/engine/machines/kv/kv-machine.ts';
import { encodeKvCommand, type KvCommand } from '../../../src/engine/native/kv-command.ts';
import { decodeKvAnswer, encodeKvQuery } from '../../../src/engine/native/kv-query.ts';
import { MemoryKvStore } from '../../helpers/memory-kv-store.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

async function run(machine: KvMachine, from: number, commands: readonly KvCommand[]): Promise<void> {
  for (let at = 0; at < commands.length; at += 50) {
    const part = commands.slice(at, at + 50).map((command, n) => ({ index: from + at + n, term: 1, wallClockMs: 0, payload: encodeKvCommand(command) }));
    await machine.apply(part, from + at + part.length - 1);
  }
}

/** All keys with their revisions, page by page. */
function listing(machine: KvMachine, prefix = ''): string[] {
  const found: string[] = [];
  let continuation: Uint8Array | null = null;
  do {
    const answer = decodeKvAnswer(machine.query(encodeKvQuery({ kind: 'range', prefix: bytes(prefix), limit: 100, continuation })));
    assert.equal(answer.kind, 'range');
    if (answer.kind !== 'range') break;
    found.push(...answer.pairs.map((pair) => `${Buffer.from(pair.key).toString('hex')}@${pair.revision}`));
    ({ continuation } = answer);
  } while (continuation !== null);
  return found;
}

describe('kv machine over LMDB', () => {
  let place = '';
  const open: LmdbKvStore[] = [];
  const store = async (name: string): Promise<LmdbKvStore> => {
    fs.mkdirSync(path.join(place, name), { recursive: true });
    const one = await LmdbKvStore.open(path.join(place, name));
    open.push(one);
    return one;
  };

  beforeEach(() => {
    place = fs.mkdtempSync(path.join(os.tmpdir(), 'kv-lmdb-'));
  });
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
    fs.rmSync(place, { recursive: true, force: true });
  });

  const commands: KvCommand[] = Array.from({ length: 1500 }, (_, n) => {
    const key = n % 7 === 0 ? Buffer.alloc(1000 + (n % 3000), n % 251) : Buffer.from([n % 256, n % 13]);
    return n % 11 === 0 ? { op: 'delete', key } : { op: 'put', key, value: Buffer.alloc(n % 700, n) };
  });

  it('answers whatever continuation a client makes up, up to the longest: no question ends the member', async () => {
    const machine = new KvMachine(await store('state'));
    await machine.open();
    await run(machine, 1, [{ op: 'put', key: bytes('a'), value: bytes('1') }]);
    await (await machine.snapshot()).release();
    for (const length of [0, 1, 1024, 1056, 1057, 1978, 4096, 4160, 5000]) {
      const answer = decodeKvAnswer(machine.query(encodeKvQuery({ kind: 'range', prefix: bytes(''), limit: 10, continuation: Buffer.alloc(length, '0') })));
      assert.equal(answer.kind, length <= 1056 ? 'range' : 'bad', `${length} bytes`);
    }
  });

  it('holds what it holds in memory, with keys of every length, and finds it again', async () => {
    const real = new KvMachine(await store('state'));
    const reference = new KvMachine(new MemoryKvStore(), { flushCommands: 1_000_000 });
    await real.open();
    await run(real, 1, commands);
    await run(reference, 1, commands);
    assert.equal(real.stateHash(), reference.stateHash());
    assert.deepEqual(listing(real), listing(reference), 'partly stored');
    await real.close();
    assert.deepEqual(listing(real), listing(reference), 'stored');
    assert.deepEqual(listing(real, '\x07'), listing(reference, '\x07'));
    await open.splice(0)[0]?.close();
    const again = new KvMachine(await store('state'));
    assert.deepEqual(await again.open(), { appliedIndex: 1500 });
    assert.equal(again.stateHash(), real.stateHash());
    assert.deepEqual(listing(again), listing(reference));
  });

  it('streams one moment while writes go on, and another member restores it twice over', async () => {
    const source = new KvMachine(await store('source'), { flushCommands: 20 });
    await source.open();
    await run(source, 1, commands);
    const view = await source.snapshot();
    const expected = listing(source);
    const target = new KvMachine(await store('target'));
    await target.open();
    await run(target, 1, commands.slice(0, 100));
    const restoring = target.restore(view.index, view.stateHash, view.chunks());
    await run(source, 1501, commands);
    await restoring;
    view.release();
    assert.deepEqual(listing(target), expected);
    const second = await source.snapshot();
    await target.restore(second.index, second.stateHash, second.chunks());
    second.release();
    assert.deepEqual(listing(target), listing(source));
    assert.equal(target.appliedIndex(), 3000);
    await run(target, 3001, commands.slice(0, 10));
    await target.close();
    for (const one of open.splice(0)) await one.close();
    const again = new KvMachine(await store('target'));
    assert.deepEqual(await again.open(), { appliedIndex: 3010 });
    const databases = open[0]?.databases().filter((name) => name.startsWith('kv-data')) ?? [];
    assert.equal(databases.length, 1, databases.join(' '));
  });
});
