import assert from 'node:assert/strict';
import type { Disk } from '../../../src/engine/ports/disk.ts';

export interface DiskBed {
  readonly disk: Disk;
  dispose(): Promise<void>;
}

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));

/** What every `Disk` must do. */
export function diskConformance(name: string, make: () => Promise<DiskBed>): void {
  describe(`disk: ${name}`, () => {
    let bed: DiskBed;
    beforeEach(async () => void (bed = await make()));
    afterEach(async () => await bed.dispose());

    async function content(path: string): Promise<string> {
      const file = await bed.disk.open(path, 'read');
      const read = Buffer.from(await file.read(0, 1000)).toString();
      assert.equal(await file.size(), read.length);
      await file.close();
      return read;
    }

    async function fill(path: string, mode: 'create' | 'update', at: number, what: string): Promise<void> {
      const file = await bed.disk.open(path, mode);
      await file.write(at, bytes(what));
      await file.sync();
      await file.close();
    }

    it('writes at positions, reads short at the end, truncates', async () => {
      await bed.disk.makeDirectory('d/e');
      await fill('d/e/f', 'create', 0, 'hello world');
      await fill('d/e/f', 'update', 6, 'there, all');
      assert.equal(await content('d/e/f'), 'hello there, all');
      const file = await bed.disk.open('d/e/f', 'update');
      assert.equal(Buffer.from(await file.read(12, 100)).toString(), ' all');
      assert.equal((await file.read(100, 5)).length, 0);
      await file.truncate(5);
      await file.close();
      assert.equal(await content('d/e/f'), 'hello');
      await fill('d/e/f', 'create', 0, 'new');
      assert.equal(await content('d/e/f'), 'new');
    });

    it('lists names sorted, and none of a directory that is not there', async () => {
      await bed.disk.makeDirectory('d');
      for (const one of ['d/b', 'd/a', 'c']) await fill(one, 'create', 0, 'x');
      assert.deepEqual(await bed.disk.list('d'), ['a', 'b']);
      assert.deepEqual(await bed.disk.list(''), ['c', 'd']);
      assert.deepEqual(await bed.disk.list('nowhere'), []);
      await bed.disk.makeDirectory('d');
      await bed.disk.syncDirectory('d');
    });

    it('renames over a file and removes', async () => {
      await fill('a', 'create', 0, 'from a');
      await fill('b', 'create', 0, 'from b');
      await bed.disk.rename('a', 'b');
      assert.equal(await content('b'), 'from a');
      await bed.disk.remove('b');
      assert.deepEqual(await bed.disk.list(''), []);
    });

    it('says ENOENT for a file that is not there', async () => {
      await assert.rejects(bed.disk.open('x', 'read'), { code: 'ENOENT' });
      await assert.rejects(bed.disk.remove('x'), { code: 'ENOENT' });
      await assert.rejects(bed.disk.rename('x', 'y'), { code: 'ENOENT' });
      await assert.rejects(bed.disk.open('nowhere/x', 'create'), { code: 'ENOENT' });
    });
  });
}
