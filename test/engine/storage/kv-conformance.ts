import assert from 'node:assert/strict';
import type { KvOperation, KvRange, KvReader, KvStore } from '../../../src/engine/ports/kv-store.ts';
import { MemoryKvStore } from '../../helpers/memory-kv-store.ts';

/** A store and how to find it again as a new process would; `dispose` removes what it left. */
export interface KvBed {
  readonly kv: KvStore;
  reopen(): Promise<KvStore>;
  dispose(): Promise<void>;
}

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const text = (value: Uint8Array | undefined): string | undefined => (value === undefined ? undefined : Buffer.from(value).toString('latin1'));
const put = (database: string, key: string, value: string): KvOperation => ({ kind: 'put', database, key: bytes(key), value: bytes(value) });
const remove = (database: string, key: string): KvOperation => ({ kind: 'remove', database, key: bytes(key) });
const drop = (database: string): KvOperation => ({ kind: 'drop', database });

function dump(reader: KvReader, database: string, range?: KvRange): string[] {
  return [...reader.range(database, range)].map(([key, value]) => `${text(key)}=${text(value)}`);
}

/** What every `KvStore` must do. */
export function kvConformance(name: string, make: () => Promise<KvBed>): void {
  describe(`kv store: ${name}`, () => {
    let bed: KvBed;
    beforeEach(async () => void (bed = await make()));
    afterEach(async () => await bed.dispose());

    it('carries out the operations of a transaction in order, over several databases', async () => {
      await bed.kv.transact([put('a', 'k', '1'), put('b', 'k', '2'), put('a', 'k', '3'), remove('b', 'k'), put('b', 'l', '4')]);
      assert.deepEqual([dump(bed.kv, 'a'), dump(bed.kv, 'b')], [['k=3'], ['l=4']]);
      assert.deepEqual(bed.kv.databases(), ['a', 'b']);
    });

    it('orders calls that were not waited for', async () => {
      await Promise.all(Array.from({ length: 20 }, (_, n) => bed.kv.transact([put('a', 'last', String(n)), put(`d${n % 3}`, `k${n}`, '')])));
      assert.equal(text(bed.kv.get('a', bytes('last'))), '19');
      assert.equal(dump(bed.kv, 'd0').length, 7);
    });

    it('orders keys as bytes and reads ranges both ways', async () => {
      const keys = ['\x00', '\x00\x00', '\x01', 'A', 'a', 'a\x00', 'a\xff', 'b', '\x7f', '\x80', '\xff', '\xff\xff'];
      await bed.kv.transact([...keys].reverse().map((key) => put('a', key, key)));
      assert.deepEqual([...bed.kv.range('a')].map(([key]) => text(key)), [...keys].sort());
      const model = new MemoryKvStore();
      await model.transact(keys.map((key) => put('a', key, key)));
      const ends = [undefined, ...keys.map(bytes), bytes('a\x01'), bytes('\x81')];
      for (const from of ends) {
        for (const until of ends) {
          for (const reverse of [false, true]) {
            for (const limit of [undefined, 1, 3]) {
              const range: KvRange = { ...(from && { from }), ...(until && { until }), reverse, ...(limit && { limit }) };
              assert.deepEqual(dump(bed.kv, 'a', range), dump(model, 'a', range), JSON.stringify(range));
            }
          }
        }
      }
    });

    it('gives copies: what was read may be kept and changed', async () => {
      await bed.kv.transact([put('a', 'k', 'value'), put('a', 'l', 'other')]);
      const got = bed.kv.get('a', bytes('k'));
      const rows = [...bed.kv.range('a')];
      got?.fill(0);
      rows[1]?.[1].fill(0);
      await bed.kv.transact([put('a', 'k', 'VALUE')]);
      assert.equal(text(rows[0]?.[1]), 'value');
      assert.deepEqual(dump(bed.kv, 'a'), ['k=VALUE', 'l=other']);
    });

    it('drops a database, also one that is written again in the same transaction', async () => {
      await bed.kv.transact([put('a', 'k', '1'), put('b', 'k', '1'), put('c', 'k', '1')]);
      await bed.kv.transact([drop('a'), put('b', 'l', '2'), drop('b'), put('b', 'm', '3'), drop('nowhere')]);
      assert.deepEqual([dump(bed.kv, 'a'), dump(bed.kv, 'b'), bed.kv.databases()], [[], ['m=3'], ['b', 'c']]);
      await bed.kv.transact([put('a', 'n', '4')]);
      assert.deepEqual([dump(bed.kv, 'a'), bed.kv.databases()], [['n=4'], ['a', 'b', 'c']]);
    });

    it('drops and makes databases many more times than may be open at once', async () => {
      for (let n = 0; n < 600; n += 20) {
        await bed.kv.transact(Array.from({ length: 20 }, (_, k) => put(`log-${n + k}`, 'k', '1')));
        await bed.kv.transact(Array.from({ length: 20 }, (_, k) => drop(`log-${n + k}`)));
      }
      assert.deepEqual(bed.kv.databases(), []);
    });

    it('keeps a view as it was, while values change and databases come and go', async () => {
      await bed.kv.transact([put('a', 'k', '1'), put('b', 'k', '1')]);
      const view = bed.kv.view();
      await bed.kv.transact([put('a', 'k', '2'), put('a', 'l', '2'), drop('b'), put('c', 'k', '2')]);
      await bed.kv.transact(Array.from({ length: 50 }, (_, n) => put('a', `x${n}`, 'y'.repeat(500))));
      assert.deepEqual([dump(view, 'a'), dump(view, 'b'), dump(view, 'c'), view.databases()], [['k=1'], ['k=1'], [], ['a', 'b']]);
      view.release();
      view.release();
      assert.deepEqual([dump(bed.kv, 'b'), dump(bed.kv, 'c'), bed.kv.databases()], [[], ['k=2'], ['a', 'c']]);
    });

    it('finds after reopening exactly what was committed', async () => {
      const large = 'z'.repeat(300_000);
      await bed.kv.transact([put('a', 'k', large), put('a', 'empty', ''), put('b', 'gone', '1')]);
      await bed.kv.transact([drop('b')]);
      await bed.kv.close();
      const again = await bed.reopen();
      assert.deepEqual([dump(again, 'a'), again.databases()], [['empty=', `k=${large}`], ['a']]);
      assert.equal(again.get('a', bytes('nothing')), undefined);
      await again.transact([put('a', 'k', '2')]);
      assert.equal(text(again.get('a', bytes('k'))), '2');
    });

    it('rejects after close', async () => {
      await bed.kv.close();
      await assert.rejects(bed.kv.transact([put('a', 'k', '1')]));
    });
  });
}
