import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { copyMember, truthOf, unpackCase, unpackMember } from '../helpers/corpus.ts';
import { ROOT, runNode, type Ran } from '../helpers/run-cli.ts';

/** Runs one command from its source, so that no build is needed. */
function run(command: 'list' | 'inspect' | 'verify', ...argv: string[]): Ran {
  const script = `const { default: C } = await import(${JSON.stringify(path.join(ROOT, `src/commands/snapshot/${command}.ts`))}); await C.run(process.argv.slice(1), ${JSON.stringify(ROOT)});`;
  return runNode(['--import', 'tsx', '--input-type=module', '-e', script, '--', ...argv]);
}

const FILES = 'etcd/snapshot-files-34';
const fileOf = (name: string) => path.join(unpackCase(FILES), name);

describe('snapshot verify', function () {
  this.timeout(20_000);

  it('exits 3 when one is bad, with every verdict in the answer', () => {
    const ran = run('verify', unpackCase(FILES), '--json');
    assert.equal(ran.code, 3, ran.stderr);
    const { data, exit, findings } = JSON.parse(ran.stdout);
    assert.equal(exit.name, 'findings');
    assert.equal(data.snapshots.length, Object.keys(truthOf(FILES).files).length);
    for (const snapshot of data.snapshots) {
      for (const field of ['path', 'format', 'verdict', 'term', 'index', 'bytes', 'checks', 'entriesPast', 'confState']) assert.ok(field in snapshot, field);
    }
    assert.ok(findings.every((one: { file: string | null }) => one.file !== null));
  });

  it('exits 11 for one without its hash, 0 for a good one, 10 for one too old, 3 for one that is missing', () => {
    assert.equal(run('verify', fileOf('cut-hash.snap.db')).code, 11);
    assert.equal(run('verify', fileOf('good.snap.db')).code, 0);
    assert.equal(run('verify', unpackMember('etcd/healthy-34', 'n1'), '--max-age', '1m').code, 10);
    assert.equal(run('verify', fileOf('no-such.snap.db')).code, 3);
  });

  it('fits 80 columns and says the verdict first', () => {
    const ran = run('verify', unpackCase(FILES));
    const lines = ran.stdout.trimEnd().split('\n');
    assert.match(lines[0] ?? '', /^BAD {2}4 of 6 snapshots$/);
    assert.deepEqual(
      lines.filter((line) => line.length > 80),
      [],
    );
  });

  it('holds a snapshot against a member, and refuses that of another cluster', () => {
    const consul = 'consul/quorum-loss-187';
    const own = run('verify', unpackMember(consul, 'consul-2'), '--against', unpackMember(consul, 'consul-3'), '--trial-restore', '--json');
    assert.equal(own.code, 0, own.stdout);
    const [snapshot] = JSON.parse(own.stdout).data.snapshots;
    const log = truthOf(consul).members['consul-3'].effective_last;
    assert.equal(snapshot.entriesPast, log.index - snapshot.index);
    assert.deepEqual(snapshot.checks.filter((check: { ok: boolean | null }) => check.ok !== true), []);
    const other = run('verify', unpackMember(consul, 'consul-2'), '--against', unpackMember('hashicorp-raft/healthy-150', 'node-1'), '--json');
    assert.equal(other.code, 3);
    assert.match(other.stdout, /share no server/);
  });
});

describe('snapshot list', function () {
  this.timeout(20_000);

  it('lists what each member has, and warns of fewer than two good ones', () => {
    const name = 'hashicorp-raft/bad-snapshot-112';
    const members = Object.keys(truthOf(name).members);
    const ran = run('list', ...members.map((member) => `${member}=${unpackMember(name, member)}`), '--json');
    assert.equal(ran.code, 3, ran.stderr);
    const { data, findings } = JSON.parse(ran.stdout);
    for (const member of members) {
      const { snapshots } = truthOf(name).members[member];
      const rows = data.snapshots.filter((row: { member: string }) => row.member === member);
      assert.deepEqual(
        rows.map((row: { index: number; verdict: string }) => [row.index, row.verdict]),
        snapshots.map((one: { index: number; open_error: string | null }) => [one.index, one.open_error === null ? 'verified' : 'bad']),
      );
      assert.ok(findings.some((one: { rule: string; member: string }) => one.rule === 'snapshot-few' && one.member === member));
    }
  });

  it('shows intervals and entries past of an etcd member, and has nothing to say of a healthy one', () => {
    const member = unpackMember('etcd/healthy-34', 'n1');
    const truth = truthOf('etcd/healthy-34').members['n1'];
    const { data, findings, exit } = JSON.parse(run('list', member, '--json').stdout);
    assert.equal(exit.code, 0);
    assert.deepEqual(findings.filter((one: { rule: string }) => ['snapshot-few', 'snapshot-late'].includes(one.rule)), []);
    const indexes = truth.snap_files.map((one: { index: number }) => one.index).sort((a: number, b: number) => b - a);
    assert.deepEqual(data.snapshots.map((row: { index: number }) => row.index), indexes);
    assert.equal(data.snapshots[0].intervalEntries, indexes[0] - indexes[1]);
    assert.equal(data.snapshots.at(-1).intervalEntries, null);
  });

  it('warns when the newest good snapshot lies far back', () => {
    const directory = copyMember('etcd/healthy-34', 'n1');
    try {
      const snaps = path.join(directory, 'member/snap');
      const files = fs.readdirSync(snaps).filter((name) => name.endsWith('.snap')).sort();
      for (const file of files.slice(3)) fs.rmSync(path.join(snaps, file));
      const { findings } = JSON.parse(run('list', directory, '--json').stdout);
      assert.ok(findings.some((one: { rule: string }) => one.rule === 'snapshot-late'), JSON.stringify(findings));
    } finally {
      fs.rmSync(path.dirname(directory), { recursive: true, force: true });
    }
  });
});

describe('snapshot inspect', function () {
  this.timeout(20_000);

  it('counts the parts and shows what the server tool shows', () => {
    const ran = run('inspect', path.join(unpackCase('consul/snapshot-archives-187'), 'good.snap'));
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /^VERIFIED {2}good\.snap {2}consul-archive$/m);
    assert.match(ran.stdout, new RegExp(`KVS +${truthOf('consul/snapshot-archives-187').live_at_save.kv_keys}\\b`));
    assert.deepEqual(
      ran.stdout.split('\n').filter((line) => line.length > 80),
      [],
    );
  });
});
