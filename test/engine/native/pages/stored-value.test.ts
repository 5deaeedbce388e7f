import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { META_DATABASE, META_KEY } from '../../../../src/engine/native/layout.ts';
import { decodeIdentity } from '../../../../src/engine/native/named-records.ts';
import { storedValue } from '../../../../src/engine/native/pages/stored-value.ts';
import { ROOT } from '../../../helpers/run-cli.ts';

const WHOLE = path.join(ROOT, 'fixtures/native/v1-healthy/n1/raft');

describe('one value of an environment', () => {
  let root: string;
  beforeEach(() => (root = fs.mkdtempSync(path.join(os.tmpdir(), 'stored-value-'))));
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));
  const look = (): Uint8Array | null => storedValue(root, META_DATABASE, META_KEY.identity);

  it('is read without a lock, and nothing is made', () => {
    fs.copyFileSync(path.join(WHOLE, 'data.mdb'), path.join(root, 'data.mdb'));
    const value = look();
    assert.ok(value !== null);
    const identity = decodeIdentity(value);
    assert.equal(identity.ok && identity.value.memberId, 'n1');
    assert.deepEqual(fs.readdirSync(root), ['data.mdb']);
    assert.equal(storedValue(root, META_DATABASE, Buffer.from('no such key')), null);
    assert.equal(storedValue(root, 'no such database', META_KEY.identity), null);
  });

  it('is not there where nothing can be read: never an exception', () => {
    assert.equal(look(), null);
    const whole = fs.readFileSync(path.join(WHOLE, 'data.mdb'));
    for (const bytes of [Buffer.alloc(0), Buffer.from('x'), Buffer.alloc(9000), Buffer.alloc(9000, 0xff), whole.subarray(0, 4096), whole.subarray(0, 8192), whole.subarray(0, 10_000)]) {
      fs.writeFileSync(path.join(root, 'data.mdb'), bytes);
      assert.doesNotThrow(look);
    }
    for (let seed = 1; seed <= 200; seed++) {
      const bytes = Buffer.from(whole);
      for (let n = 0; n < 20; n++) bytes[(seed * 7919 + n * 104_729) % Math.min(bytes.length, 40_960)] = (seed * 31 + n * 17) % 256;
      fs.writeFileSync(path.join(root, 'data.mdb'), bytes);
      assert.doesNotThrow(look);
    }
    fs.rmSync(path.join(root, 'data.mdb'));
    fs.mkdirSync(path.join(root, 'data.mdb'));
    assert.equal(look(), null);
  });
});
