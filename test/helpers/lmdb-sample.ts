import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { open } from 'lmdb';
import type { Database, RootDatabase } from 'lmdb';
import { Chance } from './mutations.ts';

/** What a file should hold: database, then key (hex) to value (hex). */
export type Content = Map<string, Map<string, string>>;

export interface Sample {
  /** data.mdb */
  file: string;
  content: Content;
  remove(): void;
}

const OPTIONS = { overlappingSync: false, noSubdir: false, maxDbs: 64, encoding: 'binary', keyEncoding: 'binary', pageSize: 4096 } as const;

/** A real environment, written by the lmdb package: random puts, overwrites, removals and values that fill pages of their own. */
export async function writeSample(seed: number, options: { databases: number; rounds: number; perRound: number; maxValueBytes: number }): Promise<Sample> {
  const chance = new Chance(seed);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'lmdb-sample-'));
  const root: RootDatabase<Buffer, Buffer> = open<Buffer, Buffer>({ ...OPTIONS, path: directory });
  const content: Content = new Map();
  const databases: [Map<string, string>, Database<Buffer, Buffer>][] = [];
  for (let i = 0; i < options.databases; i++) {
    const name = `db-${i}`;
    const held = new Map<string, string>();
    content.set(name, held);
    databases.push([held, root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' })]);
  }
  for (let round = 0; round < options.rounds; round++) {
    await root.transaction(() => {
      for (let n = 0; n < options.perRound; n++) {
        const [held, database] = chance.pick(databases);
        const keys = [...held.keys()];
        if (keys.length > 0 && chance.below(4) === 0) {
          const key = chance.pick(keys);
          held.delete(key);
          void database.remove(Buffer.from(key, 'hex'));
          continue;
        }
        const key = Buffer.alloc(8);
        key.writeUInt32BE(chance.below(2000), 4);
        const value = Buffer.alloc(1 + chance.below(chance.below(8) === 0 ? options.maxValueBytes : 200), chance.below(256));
        held.set(key.toString('hex'), value.toString('hex'));
        void database.put(key, value);
      }
    });
  }
  await root.close();
  return { file: path.join(directory, 'data.mdb'), content, remove: () => fs.rmSync(directory, { recursive: true, force: true }) };
}

/** The same file as the package itself reads it. */
export async function packageView(file: string, names: Iterable<string>): Promise<Content> {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'lmdb-copy-'));
  fs.copyFileSync(file, path.join(copy, 'data.mdb'));
  const root = open<Buffer, Buffer>({ ...OPTIONS, path: copy });
  const content: Content = new Map();
  for (const name of names) {
    const database = root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' });
    const held = new Map<string, string>();
    for (const { key, value } of database.getRange({})) held.set(key.toString('hex'), value.toString('hex'));
    content.set(name, held);
  }
  await root.close();
  fs.rmSync(copy, { recursive: true, force: true });
  return content;
}
