import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CorruptDataError, UnreadableError } from '../../../../../src/engine/errors.ts';
import { readEtcdDb, readSnapshotStatus, type EtcdDb } from '../../../../../src/engine/readers/etcd/db/index.ts';
import { FileSource } from '../../../../../src/engine/readers/file-source.ts';
import { resealMeta } from '../../../../helpers/bbolt-writer.ts';
import { writeBackend } from './backend.ts';

let directory: string;
let sound: Buffer;
before(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-hostile-'));
  const changes = Array.from({ length: 900 }, (_, i) => ({ key: `key-${i % 200}`, main: i + 2, sub: 0, isTombstone: i % 7 === 3 }));
  const file = path.join(directory, 'db');
  writeBackend(file, changes, 100, { pageSize: 1024, freelist: 'synced', txid: 9 });
  sound = fs.readFileSync(file);
});
after(() => fs.rmSync(directory, { recursive: true }));

/** Reads bytes as a backend: null when it is refused in one of the two ways it may be. Anything else thrown fails the test. */
function tryRead(bytes: Uint8Array): EtcdDb | null {
  const file = path.join(directory, 'broken');
  fs.writeFileSync(file, bytes);
  using source = FileSource.open(file);
  const started = performance.now();
  try {
    const db = readEtcdDb(source, { depth: 'full' });
    assert.ok(db.findings.every(({ message, file: where }) => message !== '' && where === 'broken'));
    assert.ok(db.findings.length < 200);
    assert.equal(db.problem !== null && db.findings.length === 0, false, 'a problem without a finding');
    statusOrNull(db);
    return db;
  } catch (error) {
    if (error instanceof CorruptDataError || error instanceof UnreadableError) return null;
    throw error;
  } finally {
    assert.ok(performance.now() - started < 5000, 'took too long');
  }
}

function statusOrNull({ bolt }: EtcdDb): number | null {
  try {
    return readSnapshotStatus(bolt).hash;
  } catch (error) {
    if (error instanceof CorruptDataError) return null;
    throw error;
  }
}

/** A changed copy of the sound file, with good checksums on its metas: damage that only looking at the pages can show. */
function changed(change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(sound);
  change(bytes);
  for (const at of [0, 1024]) resealMeta(bytes.subarray(at, at + 1024));
  return bytes;
}

/** Start of the root page of bucket `key`, and of the root leaf. */
function places(): { key: number; root: number } {
  const root = Number(sound.readBigUInt64LE(32)) * 1024;
  const element = root + 16;
  const value = element + sound.readUInt32LE(element + 4) + sound.readUInt32LE(element + 8);
  return { key: Number(sound.readBigUInt64LE(value)) * 1024, root };
}

describe('hostile etcd backends', () => {
  it('starts from a sound file', () => {
    const db = tryRead(sound);
    assert.deepEqual(db?.findings, []);
    assert.equal(db?.members[0]?.id, 'c939727cc0276013');
  });

  it('survives 600 random mutations', () => {
    let state = 42;
    const draw = (below: number) => Math.floor(((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32) * below);
    for (let round = 0; round < 600; round++) {
      const mutate = (bytes: Buffer) => {
        for (let n = 1 + draw(4); n > 0; n--) {
          const at = draw(bytes.length - 8);
          const kind = draw(4);
          if (kind === 0) bytes.writeUInt8((bytes[at] as number) ^ (1 << draw(8)), at);
          else if (kind === 1) bytes.writeBigUInt64LE(2n ** BigInt(draw(64)), at);
          else if (kind === 2) bytes.fill(0, at, Math.min(bytes.length, at + draw(1024)));
          else bytes.copy(bytes, draw(bytes.length), at, at + 1024);
        }
      };
      tryRead(changed(mutate));
    }
  });

  it('reports a flipped bit in any page header', () => {
    const pages = sound.length / 1024;
    for (let page = 3; page < pages; page++) {
      const db = tryRead(changed((bytes) => bytes.writeUInt8((bytes[page * 1024 + 8] as number) ^ 0x40, page * 1024 + 8)));
      assert.ok(db === null || db.findings.some(({ rule }) => rule.startsWith('db-')), `page ${page}`);
    }
  });

  it('survives truncation at any page, and one byte off', () => {
    for (let length = 0; length < sound.length; length += 1024) {
      for (const cut of [length, length + 1, length + 1023]) {
        const db = tryRead(sound.subarray(0, cut));
        assert.ok(db === null || db.findings.some(({ rule }) => rule === 'db-truncated'));
      }
    }
  });

  const { key, root } = { key: () => places().key, root: () => places().root };
  const attacks: [string, (bytes: Buffer) => void][] = [
    ['a branch that is its own child', (bytes) => bytes.writeBigUInt64LE(BigInt(key() / 1024), key() + 16 + 8)],
    ['a branch whose children are all the same page', (bytes) => {
      for (let i = 1; i < bytes.readUInt16LE(key() + 10); i++) bytes.copy(bytes, key() + 16 + i * 16 + 8, key() + 16 + 8, key() + 32);
    }],
    ['a child at 2^63', (bytes) => bytes.writeBigUInt64LE(2n ** 63n, key() + 16 + 8)],
    ['a key length of 2^32 - 1', (bytes) => bytes.writeUInt32LE(0xffffffff, key() + 16 + 4)],
    ['65535 elements', (bytes) => bytes.writeUInt16LE(0xffff, key() + 10)],
    ['an overflow of 2^32 - 1', (bytes) => bytes.writeUInt32LE(0xffffffff, key() + 12)],
    ['a bucket that leads back to the root', (bytes) => {
      const value = root() + 16 + bytes.readUInt32LE(root() + 20) + bytes.readUInt32LE(root() + 24);
      bytes.writeBigUInt64LE(BigInt(root() / 1024), value);
    }],
    ['a zeroed root page', (bytes) => bytes.fill(0, root(), root() + 1024)],
    ['a freelist of 2^63 pages', (bytes) => {
      bytes.writeUInt16LE(0xffff, 2 * 1024 + 10);
      bytes.writeBigUInt64LE(2n ** 63n, 2 * 1024 + 16);
    }],
    ['a freelist with 2^32 - 1 overflow pages below a high-water mark of 2^40', (bytes) => {
      for (const at of [0, 1024]) bytes.writeBigUInt64LE(2n ** 40n, at + 56);
      bytes.writeUInt32LE(0xffffffff, 2 * 1024 + 12);
    }],
    ['a high-water mark of 2^40 pages', (bytes) => {
      for (const at of [0, 1024]) bytes.writeBigUInt64LE(2n ** 40n, at + 56);
    }],
  ];
  for (const [name, attack] of attacks) {
    it(`reports ${name}`, () => {
      const db = tryRead(changed(attack));
      assert.ok(db === null || db.findings.length > 0);
    });
  }

  for (const [name, attack] of [
    ['a root page at 2^63', (bytes: Buffer) => [0, 1024].forEach((at) => bytes.writeBigUInt64LE(2n ** 63n, at + 32))],
    ['a high-water mark of 2^63', (bytes: Buffer) => [0, 1024].forEach((at) => bytes.writeBigUInt64LE(2n ** 63n, at + 56))],
    ['a page size of 3', (bytes: Buffer) => [0, 1024].forEach((at) => bytes.writeUInt32LE(3, at + 24))],
  ] as const) {
    it(`refuses ${name} although the checksums hold`, () => assert.equal(tryRead(changed(attack)), null));
  }

  for (const bytes of [Buffer.alloc(0), Buffer.alloc(15), Buffer.alloc(65536), Buffer.alloc(8192, 0xff)]) {
    it(`refuses ${bytes.length} bytes of 0x${bytes[0]?.toString(16) ?? ''}`, () => assert.equal(tryRead(bytes), null));
  }

  it('does not read a value twice over: elements may not overlap', () => {
    const leaf = changed((bytes) => {
      let page = key();
      while (bytes.readUInt16LE(page + 8) === 1) page = Number(bytes.readBigUInt64LE(page + 16 + 8)) * 1024;
      const count = bytes.readUInt16LE(page + 10);
      const start = page + 16 + count * 16;
      for (let element = page + 16; element < start; element += 16) {
        bytes.writeUInt32LE(start - element, element + 4);
        bytes.writeUInt32LE(page + 1024 - start - 17, element + 12);
      }
    });
    const db = tryRead(leaf);
    assert.ok(db?.findings.some(({ message }) => message.includes('overlaps')));
  });
});
