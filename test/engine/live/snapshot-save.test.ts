import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CorruptDataError, UsageError } from '../../../src/engine/errors.ts';
import { saveStream } from '../../../src/engine/live/snapshot-save.ts';

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

async function* broken(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('half');
  throw new Error('connection lost');
}

describe('saving a stream', () => {
  let directory = '';
  beforeEach(() => (directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-save-'))));
  afterEach(() => fs.rmSync(directory, { recursive: true }));
  const fine = (): Promise<void> => Promise.resolve();

  it('writes the whole of it, and says its digest', async () => {
    const file = path.join(directory, 'a.snap');
    const saved = await saveStream(file, pieces('one', 'two', 'three'), async (aside) => assert.equal(fs.readFileSync(aside, 'utf8'), 'onetwothree'));
    assert.equal(fs.readFileSync(file, 'utf8'), 'onetwothree');
    assert.deepEqual([saved.bytes, saved.sha256], [11, crypto.createHash('sha256').update('onetwothree').digest('hex')]);
    assert.deepEqual(fs.readdirSync(directory), ['a.snap']);
  });

  it('never overwrites, also when the name is taken while it writes', async () => {
    const file = path.join(directory, 'a.snap');
    await assert.rejects(saveStream(file, pieces('new'), async () => fs.writeFileSync(file, 'old')), UsageError);
    await assert.rejects(saveStream(file, pieces('new'), fine), UsageError);
    assert.equal(fs.readFileSync(file, 'utf8'), 'old');
    assert.deepEqual(fs.readdirSync(directory), ['a.snap']);
  });

  it('leaves nothing behind when the stream breaks, or the check fails', async () => {
    const file = path.join(directory, 'a.snap');
    await assert.rejects(saveStream(file, broken(), fine), /connection lost/);
    await assert.rejects(saveStream(file, pieces('x'), async () => { throw new CorruptDataError(file, 0, 'bad'); }), CorruptDataError);
    await assert.rejects(saveStream(path.join(directory, 'no/such/dir.snap'), pieces('x'), fine), UsageError);
    assert.deepEqual(fs.readdirSync(directory), []);
  });
});
