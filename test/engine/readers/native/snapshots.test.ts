import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { decodeManifestRecord, decodeTrailer, encodeSnapshotEnd } from '../../../../src/engine/native/snapshot-layout.ts';
import { decoderFor } from '../../../../src/engine/readers/decoders.ts';
import { verifySnapshotPath } from '../../../../src/engine/readers/snapshots/index.ts';
import { verifyAll } from '../../../../src/engine/readers/snapshots/verify-all.ts';
import type { SnapshotFileReport } from '../../../../src/engine/model/snapshot-file.ts';
import { identityOf, NativeWriter, threeMembers } from '../../../helpers/native-writer.ts';

const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'native-snapshots-'));
after(() => fs.rmSync(scratch, { recursive: true, force: true }));

describe('native snapshot files', () => {
  const member = path.join(scratch, 'member');
  let file = '';
  let bytes: Buffer;

  before(async () => {
    const writer = await NativeWriter.create(member, identityOf('n1'), threeMembers());
    for (let i = 0; i < 30; i++) await writer.puts(1, [[`key/${i}`, 'x'.repeat(100_000)]], { commit: 2 + i });
    const { id } = await writer.snapshot();
    await writer.puts(1, [['more', 'v']], { commit: 32 });
    await writer.close();
    file = path.join(member, 'snapshots', `${id}.snap`);
    bytes = fs.readFileSync(file);
    assert.ok(bytes.length > 2_000_000, 'three chunks');
  });

  const verify = async (content: Buffer, name = path.basename(file)): Promise<{ report: SnapshotFileReport; byteOffsets: (number | null)[]; rules: string[] }> => {
    const copy = path.join(scratch, name);
    fs.writeFileSync(copy, content);
    const { reports, findings } = await verifySnapshotPath(copy, { depth: 'restore' });
    fs.rmSync(copy);
    const [report] = reports;
    assert.ok(report);
    return { report, byteOffsets: findings.map((one) => one.byteOffset), rules: findings.map((one) => one.rule) };
  };

  it('verifies a sound one under its name, another name, and in its directory with the entries past it', async () => {
    for (const name of [path.basename(file), 'copy.backup']) {
      const { report } = await verify(bytes, name);
      assert.deepEqual([report.format, report.verdict, report.term, report.index, report.state?.keys, report.takenAt], ['native', 'verified', 1, 31, 30, '2026-01-03T00:00:00.000Z']);
      assert.deepEqual(report.confState, { voters: ['n1', 'n2', 'n3'], learners: [] });
    }
    for (const place of [member, path.join(member, 'snapshots'), file]) {
      const { reports } = await verifyAll([place]);
      assert.deepEqual(reports.map((one) => [one.format, one.verdict, one.entriesPast]), [['native', 'verified', 1]], place);
    }
  });

  it('I19: names the place of every kind of damage', async () => {
    const cases = [
      { name: 'first bytes', at: 3, rule: 'snapshot-chunks', byteOffset: 0 },
      { name: 'first chunk', at: 5000, rule: 'snapshot-chunks', byteOffset: 16 },
      { name: 'second chunk', at: 1_500_000, rule: 'snapshot-chunks', byteOffset: 16 + 1_048_576 + 16 },
      { name: 'trailer', at: bytes.length - 20, rule: 'snapshot-trailer', byteOffset: bytes.length - 32 },
      { name: 'last bytes', at: bytes.length - 1, rule: 'snapshot-trailer', byteOffset: bytes.length - 32 },
    ];
    for (const { name, at, rule, byteOffset } of cases) {
      const bad = Buffer.from(bytes);
      bad.writeUInt8(bad.readUInt8(at) ^ 1, at);
      const found = await verify(bad);
      assert.equal(found.report.verdict, 'bad', name);
      assert.deepEqual([found.rules[0], found.byteOffsets[0]], [rule, byteOffset], name);
    }
    for (const cut of [0, 1, 16, 40, 1_000_000, bytes.length - 33, bytes.length - 1]) assert.equal((await verify(bytes.subarray(0, cut))).report.verdict, 'bad', `cut to ${cut}`);
  });

  it('a manifest that was exchanged for another is told: name, digest and state hash', async () => {
    const trailer = decodeTrailer(bytes.subarray(-32), bytes.length);
    assert.ok(trailer.ok);
    const { manifestOffset, manifestBytes } = trailer.value;
    const manifest = decodeManifestRecord(bytes.subarray(manifestOffset, manifestOffset + manifestBytes), manifestOffset);
    assert.ok(manifest.ok);
    const withManifest = (change: Partial<typeof manifest.value>): Buffer => Buffer.concat([bytes.subarray(0, manifestOffset), encodeSnapshotEnd({ ...manifest.value, ...change }, manifestOffset)]);
    assert.equal((await verify(withManifest({}))).report.verdict, 'verified', 'the same manifest written anew');
    assert.deepEqual((await verify(withManifest({ stateHash: '0'.repeat(64) }))).rules, ['snapshot-trial-restore']);
    const sha256 = '0'.repeat(64);
    assert.deepEqual((await verify(withManifest({ sha256, id: `1-31-${sha256.slice(0, 16)}` }))).rules[0], 'snapshot-sha256');
    assert.deepEqual((await verify(withManifest({ index: 40, id: manifest.value.id.replace('1-31-', '1-40-') }))).rules, ['snapshot-name']);
    assert.deepEqual((await verify(withManifest({ index: 20, id: manifest.value.id.replace('1-31-', '1-20-') }), 'other')).rules, ['snapshot-content'], 'keys newer than the index it claims');
    const unknown = await verify(withManifest({ machine: 'job' }));
    assert.deepEqual([unknown.report.verdict, unknown.rules], ['unverifiable', ['snapshot-unverifiable']], 'another machine: checksums hold, nobody here can restore it');
  });

  it('decodes entries of a machine that is not known by kind and size', async () => {
    const decode = await decoderFor({ store: 'native', software: null, machine: 'job' });
    const entry = { type: 'entry' as const, index: 2, term: 1, kind: 'command', file: '', byteOffset: 0, bytes: 2, data: Uint8Array.of(1, 2) };
    assert.deepEqual(decode(entry), { op: 'command', key: null, valueBytes: 2, detail: '' });
  });
});
