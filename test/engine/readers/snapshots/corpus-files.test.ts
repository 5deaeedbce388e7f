import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { verifySnapshotPath } from '../../../../src/engine/readers/snapshots/index.ts';
import { corpusCases, truthOf, unpackCase, unpackMember } from '../../../helpers/corpus.ts';

function digestOf(directory: string): string {
  const hash = crypto.createHash('sha256');
  for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    hash.update(`${file} ${fs.statSync(file).mtimeMs}\n`).update(fs.readFileSync(file));
  }
  return hash.digest('hex');
}

for (const name of ['etcd/snapshot-files-34', 'etcd/snapshot-files-3614']) {
  describe(`snapshot files, ${name}`, () => {
    const truth = truthOf(name);
    const expectedErrors = new Map<string, string>(truth.expected_errors.map((one: { file: string; kind: string }) => [one.file, one.kind]));

    for (const file of Object.keys(truth.files)) {
      it(`judges ${file}`, async () => {
        const { reports, findings } = await verifySnapshotPath(path.join(unpackCase(name), file));
        const kind = expectedErrors.get(file);
        const expected = kind === undefined ? 'verified' : /hash is cut off/.test(kind) ? 'unverifiable' : 'bad';
        assert.equal(reports[0]?.verdict, expected);
        assert.equal(reports[0]?.format, 'etcd-db');
        assert.equal(reports[0]?.bytes, truth.files[file].size);
        assert.equal(
          findings.some((one) => one.severity === 'error' && one.byteOffset !== null && one.file === file),
          expected === 'bad',
        );
      });

      it(`counts ${file} as the tools do`, async () => {
        const { reports } = await verifySnapshotPath(path.join(unpackCase(name), file));
        const { library, ...tools } = truth.files[file];
        const status = tools.etcdctl_snapshot_status ?? tools.etcdutl_snapshot_status;
        const state = reports[0]?.state;
        if (status.rc !== 0) return assert.equal(state?.statusHash, undefined);
        const printed = JSON.parse(status.out);
        assert.equal(Number.parseInt(state?.statusHash ?? '', 16), printed.hash);
        assert.equal(state?.totalKeys, printed.totalKey);
        assert.equal(state?.revision, printed.revision);
        assert.equal(state?.hash, library.hashkv.hash);
        assert.equal(state?.keys, library.live_keys);
        assert.equal(reports[0]?.index, library.meta.consistent_index);
        assert.match(reports[0]?.checks.find((check) => check.name === 'state')?.detail ?? '', new RegExp(`\\b${printed.totalSize} bytes`));
        assert.deepEqual(Object.fromEntries(reports[0]?.parts.map((part) => [part.type, part.count]) ?? []), library.buckets);
      });
    }

    it('restores the good one on trial', async () => {
      const { reports } = await verifySnapshotPath(path.join(unpackCase(name), truth.expected_source), { depth: 'restore' });
      assert.equal(reports[0]?.verdict, 'verified');
      assert.equal(reports[0]?.checks.find((check) => check.name === 'trial-restore')?.ok, true);
    });
  });
}

describe('snapshot archives, consul/snapshot-archives-187', () => {
  const name = 'consul/snapshot-archives-187';
  const truth = truthOf(name);

  it('finds the one good archive, as consul does', async () => {
    const before = digestOf(unpackCase(name));
    const { reports } = await verifySnapshotPath(unpackCase(name));
    const verdicts = Object.fromEntries(reports.map((report) => [path.basename(report.path), report.verdict]));
    const expected = Object.keys(truth.files).map((file) => [file, truth.files[file].consul_snapshot_inspect.rc === 0 ? 'verified' : 'bad']);
    assert.deepEqual(verdicts, Object.fromEntries(expected));
    assert.deepEqual(Object.keys(verdicts).filter((file) => verdicts[file] === 'verified'), [truth.expected_source]);
    assert.equal(digestOf(unpackCase(name)), before);
  });

  it('reads what consul snapshot inspect reads', async () => {
    const { reports } = await verifySnapshotPath(path.join(unpackCase(name), truth.expected_source), { depth: 'restore' });
    const [report] = reports;
    const printed = Object.fromEntries(
      truth.files[truth.expected_source].consul_snapshot_inspect.out.split('\n').map((line: string) => line.split(/\s+/, 2)),
    );
    assert.equal(report?.format, 'consul-archive');
    assert.equal(report?.index, Number(printed['Index']));
    assert.equal(report?.term, Number(printed['Term']));
    assert.equal(report?.formatVersion, Number(printed['Version']));
    assert.equal(new Date(report?.takenAt ?? 0).getTime(), Number(printed['ID'].split('-')[2]));
    assert.equal(report?.parts.reduce((sum, part) => sum + (part.bytes ?? 0), 0), Number(printed['Size']));
    assert.equal(report?.parts.find((part) => part.type === 'KVS')?.count, truth.live_at_save.kv_keys);
    assert.equal(report?.checks.find((check) => check.name === 'trial-restore')?.ok, true);
  });

  it('says of each bad one what is wrong with it', async () => {
    const { findings } = await verifySnapshotPath(unpackCase(name));
    for (const { file } of truth.expected_errors) {
      const own = findings.filter((one) => one.file === file && one.severity === 'error');
      assert.ok(own.length > 0, `nothing said of ${file}`);
      assert.ok(own.every((one) => one.fix !== ''));
    }
    const rulesOf = (file: string) => findings.filter((one) => one.file === file).map((one) => one.rule);
    assert.ok(rulesOf('truncated.snap').includes('snapshot-archive'));
    assert.ok(rulesOf('no-sums.snap').includes('snapshot-sha256'));
    assert.ok(rulesOf('state-short.snap').includes('snapshot-content'));
  });
});

describe('snapshot directories of members', () => {
  const cases = corpusCases().filter((name) => !name.startsWith('etcd/') && truthOf(name).members !== undefined);
  for (const name of cases) {
    it(`judges every snapshot of ${name}`, async () => {
      const truth = truthOf(name);
      let seen = 0;
      for (const member of Object.keys(truth.members)) {
        const expected = new Map<string, { open_error: string | null; index: number; term: number; version: number; size: number }>(
          (truth.members[member].snapshots ?? []).map((one: { id: string }) => [one.id, one]),
        );
        if (expected.size === 0) continue;
        const { reports } = await verifySnapshotPath(unpackMember(name, member));
        for (const report of reports) {
          const own = expected.get(path.basename(report.path));
          if (own === undefined) continue; // one that raft itself does not list
          seen++;
          assert.equal(report.verdict, own.open_error === null ? 'verified' : 'bad', report.path);
          assert.deepEqual([report.term, report.index], [own.term, own.index]);
          if (own.open_error === null) assert.equal(report.bytes, own.size);
        }
        assert.equal(reports.length >= expected.size, true, `${member}: ${reports.length} of ${expected.size}`);
      }
      assert.equal(seen, Object.values(truth.members).reduce<number>((sum, member) => sum + ((member as { snapshots?: unknown[] }).snapshots?.length ?? 0), 0));
    });
  }

  it('names the byte where a flipped bit breaks the state', async () => {
    const name = 'hashicorp-raft/bad-snapshot-112';
    const [flipped] = truthOf(name).expected_errors;
    const { findings } = await verifySnapshotPath(path.join(unpackMember(name, flipped.member), path.dirname(flipped.file)));
    const content = findings.find((one) => one.rule === 'snapshot-content');
    assert.ok(Math.abs((content?.byteOffset ?? 0) - flipped.offset) < 256, `${content?.byteOffset} is far from ${flipped.offset}`);
    assert.ok(findings.some((one) => one.rule === 'snapshot-crc64'));
  });

  it('counts the parts of a JSON state as JSON.parse does', async () => {
    const { reports } = await verifySnapshotPath(path.join(unpackMember('hashicorp-raft/healthy-150', 'node-1'), 'snapshots'), { depth: 'restore' });
    const [report] = reports;
    const state = JSON.parse(fs.readFileSync(path.join(report?.path ?? '', 'state.bin'), 'utf8'));
    assert.deepEqual(Object.fromEntries(report?.parts.map((part) => [part.type, part.count]) ?? []), {
      instances: Object.keys(state.instances).length,
      version: 1,
    });
    assert.equal(report?.formatVersion, state.version);
    assert.equal(report?.checks.find((check) => check.name === 'trial-restore')?.ok, true);
  });
});

describe('.snap files of etcd members', () => {
  const byName = (a: unknown[], b: unknown[]) => String(a[0]).localeCompare(String(b[0]));
  for (const name of ['etcd/healthy-34', 'etcd/healthy-3614', 'etcd/quorum-loss-33']) {
    it(`reads those of ${name}`, async () => {
      const truth = truthOf(name);
      for (const member of Object.keys(truth.members)) {
        const { reports } = await verifySnapshotPath(unpackMember(name, member));
        const expected = truth.members[member].snap_files;
        assert.deepEqual(
          reports.map((report) => [path.basename(report.path), report.verdict, report.term, report.index, report.confState?.voters.toSorted()]).sort(byName),
          expected
            .map((one: { file: string; error: string | null; term: number; index: number; conf_state: { voters: string[] } }) => [
              one.file,
              one.error === null ? 'verified' : 'bad',
              one.term,
              one.index,
              one.conf_state.voters.toSorted(),
            ])
            .sort(byName),
        );
      }
    });
  }
});
