import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import zlib from 'node:zlib';
import { verifySnapshotPath } from '../../../../src/engine/readers/snapshots/index.ts';
import { truthOf, unpackCase } from '../../../helpers/corpus.ts';

const ARCHIVES = 'consul/snapshot-archives-187';

interface TarFile {
  name: string;
  body: Buffer;
  size?: Buffer;
  type?: string;
}

function tarOf(files: readonly TarFile[]): Buffer {
  const blocks = files.flatMap(({ name, body, size, type }) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write('0000600\0', 100);
    if (size === undefined) header.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124);
    else size.copy(header, 124);
    header.write(type ?? '0', 156);
    header.write('ustar\u000000', 257);
    header.fill(0x20, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function base256(value: bigint): Buffer {
  const field = Buffer.alloc(12);
  for (let at = 11, rest = value; at > 0; at--, rest >>= 8n) field[at] = Number(rest & 0xffn);
  field[0] = 0x80;
  return field;
}

function consulFiles(state: Buffer): TarFile[] {
  const meta = Buffer.from(`${JSON.stringify({ Version: 1, ID: '1-5-1700000000000', Index: 5, Term: 1, Size: state.length, Configuration: { Servers: [] }, ConfigurationIndex: 1 })}\n`);
  return withSums([
    { name: 'meta.json', body: meta },
    { name: 'state.bin', body: state },
  ]);
}

function withSums(files: TarFile[]): TarFile[] {
  const lines = files.map(({ name, body }) => `${crypto.createHash('sha256').update(body).digest('hex')}  ${name}\n`);
  return [...files, { name: 'SHA256SUMS', body: Buffer.from(lines.join('')) }];
}

describe('hostile and broken snapshot archives', () => {
  let directory = '';
  before(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-archives-'));
  });
  after(() => fs.rmSync(directory, { recursive: true, force: true }));

  async function judge(bytes: Buffer, depth: 'count' | 'restore' = 'restore') {
    const file = path.join(directory, 'made.snap');
    fs.writeFileSync(file, bytes);
    const { reports, findings } = await verifySnapshotPath(file, { depth });
    assert.equal(reports.length, 1);
    return { report: reports[0], findings, said: findings.map((one) => one.message).join('\n') };
  }

  const goodState = Buffer.concat([Buffer.from([0x81, 0xa9]), Buffer.from('LastIndex'), Buffer.from([5, 2, 0x81, 0xa1, 0x4b, 1])]);

  it('accepts the archive the others are made from', async () => {
    const { report, said } = await judge(zlib.gzipSync(tarOf(consulFiles(goodState))));
    assert.equal(report?.verdict, 'verified', said);
    assert.deepEqual(report?.parts, [{ type: 'KVS', count: 1, bytes: goodState.length }]);
  });

  const plain = () => tarOf(consulFiles(goodState));
  const cases: { name: string; bytes: () => Buffer; says: RegExp }[] = [
    { name: 'plain bytes behind the tar', bytes: () => zlib.gzipSync(Buffer.concat([plain(), Buffer.from('x')])), says: /1 bytes follow the end of the tar/ },
    { name: 'garbage behind the gzip stream', bytes: () => Buffer.concat([zlib.gzipSync(plain()), Buffer.from('garbage')]), says: /gzip stream/ },
    { name: 'zeros behind the gzip stream', bytes: () => Buffer.concat([zlib.gzipSync(plain()), Buffer.alloc(100)]), says: /100 bytes follow the end of the gzip stream/ },
    { name: 'a second gzip member', bytes: () => Buffer.concat([zlib.gzipSync(plain()), zlib.gzipSync(plain())]), says: /follow the end of the tar/ },
    { name: 'a member that no snapshot has', bytes: () => zlib.gzipSync(tarOf([...consulFiles(goodState), { name: 'extra', body: Buffer.from('x') }])), says: /holds "extra", which no snapshot has/ },
    { name: 'a path that leads outside', bytes: () => zlib.gzipSync(tarOf([{ name: '../../etc/passwd', body: Buffer.from('x') }])), says: /leads outside/ },
    { name: 'an absolute path', bytes: () => zlib.gzipSync(tarOf([{ name: '/etc/passwd', body: Buffer.from('x') }])), says: /leads outside/ },
    { name: 'a name from the object prototype', bytes: () => zlib.gzipSync(tarOf([{ name: 'constructor', body: Buffer.from('x') }])), says: /no snapshot has/ },
    { name: 'a link', bytes: () => zlib.gzipSync(tarOf([{ name: 'state.bin', body: Buffer.alloc(0), type: '2' }])), says: /not a plain file/ },
    { name: 'the same file twice', bytes: () => zlib.gzipSync(tarOf([...consulFiles(goodState), ...consulFiles(goodState)])), says: /twice/ },
    { name: 'a size of 2^63', bytes: () => zlib.gzipSync(tarOf([{ name: 'state.bin', body: goodState, size: base256(2n ** 63n) }])), says: /impossible size/ },
    { name: 'a state larger than the file', bytes: () => zlib.gzipSync(tarOf([{ name: 'state.bin', body: goodState, size: base256(2n ** 40n) }])), says: /ends \d+ bytes before/ },
    { name: 'a meta.json of 1 GiB', bytes: () => zlib.gzipSync(tarOf([{ name: 'meta.json', body: goodState, size: base256(2n ** 30n) }])), says: /limit/ },
    { name: 'an empty archive', bytes: () => zlib.gzipSync(Buffer.alloc(1024)), says: /meta\.json is missing/ },
    { name: 'an empty gzip stream', bytes: () => zlib.gzipSync(Buffer.alloc(0)), says: /meta\.json is missing/ },
    { name: 'sums of something else', bytes: () => zlib.gzipSync(tarOf([...consulFiles(goodState).slice(0, 2), { name: 'SHA256SUMS', body: Buffer.from('none\n') }])), says: /does not list meta\.json/ },
    { name: 'a msgpack length of 2^32', bytes: () => zlib.gzipSync(tarOf(consulFiles(Buffer.concat([goodState, Buffer.from([2, 0xdf, 0xff, 0xff, 0xff, 0xff])])))), says: /ends inside a KVS record/ },
    { name: 'a byte that begins no msgpack value', bytes: () => zlib.gzipSync(tarOf(consulFiles(Buffer.concat([goodState, Buffer.from([2, 0xc1])])))), says: /no msgpack value/ },
    { name: 'an index past the snapshot', bytes: () => zlib.gzipSync(tarOf(consulFiles(Buffer.from(goodState.toString('latin1').replace('\x05', '\x06'), 'latin1')))), says: /reached index 6, past the snapshot's 5/ },
    { name: 'JSON cut short', bytes: () => zlib.gzipSync(tarOf(consulFiles(Buffer.from('{"instances":{"a":1}')))), says: /ends inside its JSON/ },
    { name: 'JSON nested 100000 deep', bytes: () => zlib.gzipSync(tarOf(consulFiles(Buffer.from(`{"a":${'['.repeat(100_000)}`)))), says: /nested more than/ },
    { name: 'a wrong header checksum', bytes: () => { const tar = plain(); tar[0] = 0x6e; return zlib.gzipSync(tar); }, says: /wrong checksum/ },
  ];
  for (const { name, bytes, says } of cases) {
    it(`calls bad: ${name}`, async () => {
      const { report, findings, said } = await judge(bytes());
      assert.equal(report?.verdict, 'bad');
      assert.match(said, says);
      assert.ok(findings.some((one) => one.severity === 'error' && one.file === 'made.snap'));
    });
  }

  it('stops at a decompression bomb with little memory', async function () {
    this.timeout(30_000);
    const layer = zlib.gzipSync(Buffer.alloc(64 << 20));
    const before = process.memoryUsage.rss();
    const { report, said } = await judge(Buffer.concat([zlib.gzipSync(tarOf([{ name: 'state.bin', body: goodState, size: base256(2n ** 39n) }]).subarray(0, 1024)), ...Array<Buffer>(40).fill(layer)]), 'count');
    assert.equal(report?.verdict, 'bad');
    assert.match(said, /decompression bomb/);
    assert.ok(process.memoryUsage.rss() - before < 200 << 20);
  });

  it('calls a good archive bad when it is cut at any sixteenth', async () => {
    const bytes = fs.readFileSync(path.join(unpackCase(ARCHIVES), truthOf(ARCHIVES).expected_source));
    for (let part = 0; part < 16; part++) {
      const { report, findings } = await judge(bytes.subarray(0, Math.floor((bytes.length * part) / 16)));
      assert.equal(report?.verdict, 'bad', `cut at ${part}/16`);
      assert.ok(findings.some((one) => one.severity === 'error' && one.byteOffset !== null));
    }
  });

  it('never throws on a good archive with one byte changed, and never calls it verified', async () => {
    const bytes = fs.readFileSync(path.join(unpackCase(ARCHIVES), truthOf(ARCHIVES).expected_source));
    for (let at = 10; at < bytes.length; at += 997) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ 0x10;
      assert.equal((await judge(changed)).report?.verdict, 'bad', `byte ${at}`);
    }
  });

  it('tells of a JSON state without a version, and takes several documents for another format', async () => {
    const without = await judge(zlib.gzipSync(tarOf(consulFiles(Buffer.from('{"instances":{"a":{"tags":[1,2]},"b":{}},"checks":[1,"x\\"",null],"index":5}')))));
    assert.equal(without.report?.verdict, 'verified', without.said);
    assert.deepEqual(without.report?.parts.map(({ type, count }) => [type, count]), [['instances', 2], ['checks', 3], ['index', 1]]);
    assert.ok(without.findings.some((one) => one.rule === 'snapshot-format-version-missing'));
    const lines = await judge(zlib.gzipSync(tarOf(consulFiles(Buffer.from('{"a":1}\n{"b":2}\n'.repeat(3))))));
    assert.equal(lines.report?.verdict, 'verified', lines.said);
    assert.deepEqual(lines.report?.parts, []);
  });

  it('knows Vault by its sealed sums, and an interrupted download by their absence', async () => {
    const state = Buffer.concat(Array.from({ length: 5 }, () => Buffer.from([6, 0x0a, 1, 0x6b, 0x12, 1, 0x76])));
    const whole = await judge(zlib.gzipSync(tarOf([...consulFiles(state), { name: 'SHA256SUMS.sealed', body: Buffer.from('sealed') }])));
    assert.equal(whole.report?.format, 'vault-archive');
    assert.equal(whole.report?.verdict, 'verified', whole.said);
    assert.equal(whole.report?.parts[0]?.count, 5);
    assert.equal((await judge(zlib.gzipSync(tarOf(consulFiles(state))))).report?.verdict, 'bad');
  });

  it('refuses a FIFO and a missing file with a reason, and an empty directory', async () => {
    await assert.rejects(verifySnapshotPath(path.join(directory, 'missing.snap')), /no such file/);
    const fifo = path.join(directory, 'pipe.snap');
    execFileSync('mkfifo', [fifo]);
    await assert.rejects(verifySnapshotPath(fifo), /not a regular file/);
    fs.rmSync(fifo);
    const empty = fs.mkdtempSync(path.join(directory, 'empty-'));
    await assert.rejects(verifySnapshotPath(empty), /holds no snapshot/);
  });
});
