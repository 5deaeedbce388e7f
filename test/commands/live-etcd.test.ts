import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { EtcdCluster, etcdMissing } from '../helpers/etcd-server.ts';
import { skipWithout } from '../helpers/skip-without.ts';
import { BUILT_PROGRAM, ensureBuilt } from '../helpers/run-cli.ts';

interface Answer {
  exit: { code: number };
  data: Record<string, unknown>;
  error?: { code: string; message: string; hint: string; rule?: string };
  next: string[];
}

/** Runs a command from its source, as a process of its own. */
function run(words: readonly string[], env: Record<string, string> = {}): { code: number | null; stdout: string; stderr: string } {
  const [file, ...args] = BUILT_PROGRAM;
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ETCDCTL_') && name !== 'RAFT_INSPECTOR_ENDPOINTS'));
  const done = spawnSync(file, [...args, ...words], { encoding: 'utf8', env: { ...own, NO_COLOR: '1', ...env }, timeout: 60_000 });
  return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}

function json(words: readonly string[], env: Record<string, string> = {}): Answer {
  const { stdout, stderr, code } = run([...words, '--json'], env);
  assert.notEqual(stdout, '', `${words.join(' ')} (${code}): ${stderr}`);
  return JSON.parse(stdout) as Answer;
}

describe('live commands on an etcd cluster', function () {
  this.timeout(120_000);
  before(ensureBuilt);
  let servers: EtcdCluster;
  let url: string;
  let at: string[];

  before(async function () {
    skipWithout(this, etcdMissing());
    servers = await EtcdCluster.start(1);
    url = servers.members[0]?.clientUrl ?? '';
    at = ['--endpoint', url.replace('http://', '')];
  });

  after(async () => {
    await servers?.stop();
  });

  it('find out what runs there, and honour the variables of its own tools', () => {
    const listed = json(['member', 'list', ...at]);
    assert.equal(listed.exit.code, 0);
    assert.match(String(listed.data['leader']), /^[0-9a-f]{1,16}$/);
    assert.deepEqual(json(['member', 'list'], { ETCDCTL_ENDPOINTS: `${url},http://127.0.0.1:1` }).data['clusterId'], listed.data['clusterId']);
    assert.equal(json(['leader', 'show', ...at, '--cluster-kind', 'etcd']).data['leader'], listed.data['leader']);
    const wrongKind = json(['member', 'list', '--endpoint', url, '--cluster-kind', 'native']);
    assert.equal(wrongKind.exit.code, 2);
  });

  it('say on the screen which key is missing, and nothing on stdout', () => {
    const missing = run(['kv', 'get', 'no/such', '--must-exist', ...at]);
    assert.deepEqual([missing.code, missing.stdout], [3, '']);
    assert.match(missing.stderr, /there is no key no\/such/);
    assert.equal(run(['kv', 'put', 'a', 'b', ...at]).code, 0);
    assert.equal(run(['kv', 'get', 'a', ...at]).stdout, 'b\n');
    assert.equal(json(['kv', 'cas', 'a', 'c', '--expected', 'b', ...at]).exit.code, 2);
  });

  it('want a file for a snapshot, and say how it is named', () => {
    const none = json(['snapshot', 'save', ...at]);
    assert.deepEqual([none.exit.code, none.error?.hint], [2, 'Name a new one with -o: raft-inspector snapshot save -o backup.snap']);
    const file = path.join(servers.root, 'saved.db');
    const saved = json(['snapshot', 'save', '-o', file, ...at]);
    assert.deepEqual([saved.exit.code, saved.data['bytes']], [0, fs.statSync(file).size]);
  });

  it('add a member: a preview with its settings, then the learner; a used directory is refused', () => {
    const used = path.join(servers.root, 'used');
    fs.mkdirSync(path.join(used, 'member'), { recursive: true });
    const words = ['member', 'add', 'n2', 'http://127.0.0.1:1', ...at];
    assert.equal(json([...words, '--data', used]).error?.message.startsWith('not-empty'), true);
    assert.equal(json(['member', 'add', 'n2', '127.0.0.1:1', ...at]).exit.code, 2);
    const preview = json(words);
    assert.deepEqual([preview.data['state'], preview.data['changed']], ['preview', false]);
    assert.ok((preview.data['settings'] as string[]).some((one) => /^--initial-cluster n1=http:\S+,n2=http:\/\/127\.0\.0\.1:1$/.test(one)));
    const done = json([...words, '--execute']);
    assert.deepEqual([done.exit.code, done.data['state'], done.data['changed']], [0, 'done', true]);
    assert.match(done.next[0] ?? '', /^raft-inspector member wait [0-9a-f]+ /);
    assert.match(run([...words, '--execute']).stdout, /^ALREADY {2}add n2 as learner/);
    const listed = json(['member', 'list', ...at]);
    assert.equal(listed.exit.code, 3);
    const learner = (listed.data['members'] as { id: string; role: string }[]).find((one) => one.role === 'learner')?.id ?? '';
    assert.equal(json(['member', 'promote', learner, '--execute', ...at]).exit.code, 4, 'margin-lost: it is not up');
    assert.equal(json(['member', 'wait', learner, '--timeout', '1s', ...at]).exit.code, 6);
    const removed = json(['member', 'remove', learner, '--execute', '--confirm', String(listed.data['clusterId']), ...at]);
    assert.equal(removed.exit.code, 0, removed.error?.message);
  });
});
