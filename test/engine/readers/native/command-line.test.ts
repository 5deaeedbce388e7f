import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { runCli } from '../../../helpers/cli.ts';
import type { Envelope } from '../../../helpers/cli.ts';
import { ensureBuilt } from '../../../helpers/run-cli.ts';
import { treeFingerprint } from '../../../helpers/tree-fingerprint.ts';

const FIXTURES = path.resolve(import.meta.dirname, '../../../../fixtures/native');

interface Row {
  label: string;
  store: string;
  health: string;
  damage: unknown[];
}

/** `topic/command` with its words. */
function run<T>(command: string, ...words: string[]): { code: number | null; envelope: Envelope<T>; stdout: string } {
  const { code, stdout } = runCli([...command.split('/'), ...words]);
  const envelope = (words.includes('--json') ? JSON.parse(stdout) : {}) as Envelope<T>;
  return { code, envelope, stdout };
}

describe('the command line on native directories', function () {
  this.timeout(120_000);
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'native-cli-'));
  const member = (name: string): string => path.join(scratch, name);
  const [healthy, others, bad] = [member('v1-healthy/n1'), [member('v1-healthy/n2'), member('v1-healthy/n3')], member('v1-damaged/n1')];
  let untouched: string[];

  before(() => {
    ensureBuilt();
    fs.cpSync(FIXTURES, scratch, { recursive: true });
    untouched = treeFingerprint(scratch, 'bytes');
  });
  afterEach(() => assert.deepEqual(treeFingerprint(scratch, 'bytes'), untouched, 'nothing was touched, and no lock file made'));
  after(() => fs.rmSync(scratch, { recursive: true, force: true }));

  it('inspect member', () => {
    const { code, envelope } = run<{ members: Row[] }>('inspect/member', healthy, ...others, `bad=${bad}`, '--json');
    assert.deepEqual(envelope.data.members.map(({ label, store, health }) => [label, store, health]), [['name-n1', 'native', 'ok'], ['name-n2', 'native', 'ok'], ['name-n3', 'native', 'ok'], ['bad', 'native', 'damaged']]);
    assert.equal(code, 3);
    assert.ok(envelope.findings.some((one) => one.rule === 'log-damage' && one.member === 'bad' && one.file === 'raft/data.mdb' && one.byteOffset !== null));
    assert.equal(run('inspect/member', healthy).code, 0);
  });

  it('inspect log, with keys and places, and around a damaged batch', () => {
    const shown = run('inspect/log', healthy, '--tail', '2').stdout;
    assert.match(shown, /52 +2 +command +\d+ +\d+ +put user\/10 +9 B/);
    assert.doesNotMatch(shown, /second/, 'values stay hidden');
    const { code, stdout } = run('inspect/log', bad, '--around', '28');
    assert.equal(code, 3);
    assert.match(stdout, /> +28 +\? +DAMAGED/);
    const at = /53 +2 +command +\d+ +(\d+) /.exec(shown)?.[1] ?? '';
    assert.match(run('inspect/log', healthy, '--at-byte', at).stdout, / 53 +2 +command/);
  });

  it('inspect fsck, membership and timeline', () => {
    const sound = run<{ members: { checks: { name: string; ok: boolean | null }[] }[]; conflicts: unknown[] }>('inspect/fsck', healthy, ...others, '--json');
    assert.deepEqual([sound.code, sound.envelope.data.conflicts], [0, []]);
    assert.ok(sound.envelope.data.members.every((one) => one.checks.every((check) => check.ok === true)));
    assert.equal(run('inspect/fsck', bad).code, 3);
    assert.match(run('inspect/membership', healthy).stdout, /n3 +voter +127\.0\.0\.1:7003/);
    assert.match(run('inspect/timeline', healthy, ...others).stdout, /2 terms, 0 splits/);
  });

  it('snapshot list, inspect and verify, of a directory and of one file', () => {
    const [file] = fs.readdirSync(path.join(healthy, 'snapshots'));
    for (const target of [healthy, path.join(healthy, 'snapshots', file ?? '')]) {
      const { code, envelope } = run<{ snapshots: { format: string; verdict: string; entriesPast: number; state: { keys: number } }[] }>('snapshot/verify', target, '--trial-restore', '--json');
      assert.equal(code, 0);
      assert.deepEqual(envelope.data.snapshots.map(({ format, verdict, entriesPast, state }) => [format, verdict, entriesPast, state.keys]), [['native', 'verified', 33, 18]]);
    }
    assert.match(run('snapshot/list', healthy, ...others).stdout, /3 of 3 snapshots on 3 members/);
    assert.match(run('snapshot/inspect', healthy).stdout, /Revision +20, 18 live keys/);
  });

  it('recover collect, pick and compare', () => {
    const evidence = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'native-evidence-')), 'n1.evidence');
    assert.equal(run('recover/collect', healthy, '-o', evidence).code, 0);
    interface Picked {
      source: string | null;
      loss: { proof: string };
    }
    for (const places of [[healthy, ...others], [evidence, ...others]]) {
      const { code, envelope } = run<Picked>('recover/pick', ...places, '--json');
      assert.deepEqual([code, envelope.data.source, envelope.data.loss.proof], [0, 'name-n1', 'proven']);
    }
    const damaged = run<Picked>('recover/pick', bad, ...others, '--json');
    assert.deepEqual([damaged.envelope.data.source, damaged.envelope.data.loss.proof], ['name-n2', 'proven'], 'two whole disks of three prove it');
    assert.match(run('recover/compare', healthy, ...others).stdout, /CONSISTENT +3 members/);
    fs.rmSync(path.dirname(evidence), { recursive: true });
  });
});
