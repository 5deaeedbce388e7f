import assert from 'node:assert/strict';
import type { DecodedEntry } from '../../../../src/engine/model/reading.ts';
import { decodeEtcdEntry } from '../../../../src/engine/readers/etcd/requests.ts';
import { bytesField, putRequest } from '../../../helpers/etcd-wal-writer.ts';

const SECRET = 'hunter2-secret';

function decode(data: Buffer): DecodedEntry {
  return decodeEtcdEntry({ type: 'entry', index: 1, term: 1, kind: 'command', file: '', byteOffset: 0, bytes: data.length, data });
}

function shown(entry: DecodedEntry): string {
  return JSON.stringify(entry, (_, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value));
}

/** A transaction whose success branch holds a transaction, `depth` times; the innermost holds a put. */
function nestedTxn(depth: number): Buffer {
  let op = bytesField(2, Buffer.concat([bytesField(1, 'k'), bytesField(2, 'v')]));
  for (let at = 0; at < depth; at++) op = bytesField(4, bytesField(2, op));
  return bytesField(6, bytesField(2, op));
}

describe('etcd requests', () => {
  // Fields of api/etcdserverpb/rpc.proto that hold a password, its hash, or a token.
  for (const [op, field, secrets] of [
    ['authenticate', 1012, [2, 3]],
    ['auth-user-add', 1100, [2, 4]],
    ['auth-user-change-password', 1103, [2, 3]],
  ] as const) {
    it(`${op} shows the name and no secret`, () => {
      const body = Buffer.concat([bytesField(1, 'root'), ...secrets.map((one) => bytesField(one, SECRET))]);
      const entry = decode(bytesField(field, body));
      assert.deepEqual([entry.op, entry.key], [op, 'root']);
      assert.ok(!shown(entry).includes(SECRET), shown(entry));
    });
  }

  it('a v2 auth user keeps its password hash to itself', () => {
    const entry = decode(Buffer.concat([bytesField(2, 'PUT'), bytesField(3, '/2/users/root'), bytesField(4, `{"password":"${SECRET}"}`)]));
    assert.equal(entry.key, '/2/users/root');
    assert.ok(!shown(entry).includes(SECRET), shown(entry));
  });

  it('shows a value only as value', () => {
    const entry = decode(putRequest('/a', SECRET));
    assert.deepEqual([entry.op, entry.key, entry.valueBytes], ['put', '/a', SECRET.length]);
    assert.ok(!shown({ ...entry, value: new Uint8Array() }).includes(SECRET));
  });

  it('decodes nested transactions, and ends where they are nested without end', () => {
    const entry = decode(nestedTxn(3));
    assert.equal(entry.op, 'txn');
    assert.equal(entry.nested?.[0]?.nested?.[0]?.nested?.[0]?.nested?.[0]?.key, 'k');
    assert.equal(decode(nestedTxn(500)).undecodable, true);
  });
});
