import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isAlive, LAB_CA, LAB_CLIENT, labPaths, readLabFile } from '../../src/engine/lab/lab-file.ts';
import type { LabStatus } from '../../src/engine/lab/orders.ts';
import { ensureBuilt } from '../helpers/run-cli.ts';
import { cli, TestLab, until } from '../helpers/lab.ts';
import { Load } from '../helpers/load.ts';

const mode = (file: string): string => (fs.statSync(file).mode & 0o777).toString(8);

describe('lab: the commands, on real processes', function () {
  this.timeout(90_000);
  let lab: TestLab;
  let load: Load;
  const run = <T = LabStatus>(...words: string[]) => cli<T>('lab', ...words, '--dir', lab.dir, '--json');

  before(async () => {
    ensureBuilt();
    // Calm: a machine that is busy with other tests must not make elections of its own.
    lab = await TestLab.up(3, '--timing', 'calm');
    load = new Load(lab.connection, { prefix: 'kept/' });
  });
  after(async () => {
    load?.close();
    await lab?.end();
  });

  it('up is ready in seconds, and keeps what is secret to its owner', () => {
    console.error(`      ready in ${lab.readyMs} ms, load average ${os.loadavg()[0]?.toFixed(2)}`);
    assert.ok(lab.readyMs > 0 && lab.readyMs < 30_000);
    assert.equal(mode(lab.dir), '700');
    assert.equal(mode(labPaths.file(lab.dir)), '600');
    for (const name of [LAB_CA, LAB_CLIENT, 'n1', 'n2', 'n3']) assert.equal(mode(labPaths.key(lab.dir, name)), '600');
    assert.equal(mode(readLabFile(lab.dir).supervisor?.socket ?? ''), '600');
  });

  it('up again finds it running and does nothing; another size or state is refused', async () => {
    const again = await run<LabStatus & { outcome: string }>('up');
    assert.deepEqual([again.code, again.envelope.data.outcome], [0, 'already-up']);
    assert.equal((await run('up', '--nodes', '5')).code, 2);
    const other = path.join(lab.root, 'other');
    fs.mkdirSync(other);
    fs.writeFileSync(path.join(other, 'mine.txt'), 'mine');
    const refused = await cli('lab', 'up', '--dir', other, '--json');
    assert.equal(refused.code, 4);
    assert.match(refused.envelope.error?.message ?? '', /^not-empty: .*mine\.txt/);
    assert.deepEqual(fs.readdirSync(other), ['mine.txt']);
    assert.equal((await cli('lab', 'status', '--dir', other)).code, 2, 'no lab there');
  });

  it('what was written survives kill --all and a start', async () => {
    for (let at = 0; at < 50; at += 1) await load.one(`kept/${at}`);
    const killed = await run<LabStatus & { affected: string[] }>('kill', '--all');
    assert.deepEqual([killed.code, killed.envelope.data.affected], [0, ['n1', 'n2', 'n3']]);
    assert.deepEqual(killed.envelope.data.members.map((one) => [one.state, one.ended?.signal]), Array(3).fill(['killed', 'SIGKILL']));
    assert.equal((await run('status')).code, 6, 'nobody leads');
    for (const id of ['n1', 'n2', 'n3']) assert.equal((await run('start', id)).code, 0);
    await lab.settled();
    await load.verify();
  });

  it('a leader cut off is replaced, and comes back without an election when the cut is healed (B3, B5)', async () => {
    const old = await lab.leader();
    const cut = await run<LabStatus & { affected: unknown[] }>('partition', '--isolate', old);
    assert.deepEqual([cut.code, cut.envelope.data.affected.length], [0, 4]);
    const now = await until('another leader', async () => {
      const { members } = await lab.status();
      return members.find((one) => one.role === 'leader' && one.id !== old)?.id;
    });
    await until('the old leader steps down', async () => (await lab.member(old)).role !== 'leader');
    const { term } = await lab.member(now);
    assert.equal((await run('heal')).code, 0);
    const { members, leader } = await lab.settled();
    assert.deepEqual([leader, ...members.map((one) => one.term)], [now, term, term, term]);
    await load.verify();
  });

  it('links stall, slow down and break one way; a wrong partition is exit 2', async () => {
    const [from = '', to = ''] = (await lab.settled()).members.filter((one) => one.role === 'follower').map((one) => one.id);
    const oneWay = await run('partition', '--one-way', `${from}:${to}`, '--mode', 'stall');
    assert.deepEqual(oneWay.envelope.data.links.filter((one) => one.fault !== null).map((one) => [one.from, one.to, one.fault]), [[from, to, 'stall']]);
    const slow = await run('partition', '--delay', '20ms', '--jitter', '10ms');
    assert.ok(slow.envelope.data.links.every((one) => one.fault === 'delay 20 ms + up to 10 ms'));
    await load.one('kept/slow');
    assert.equal((await run('heal')).envelope.data.links.every((one) => one.fault === null), true);
    for (const words of [[], ['--isolate', 'n9'], ['--groups', 'n1/n2'], ['--isolate', 'n1', '--bridge', 'n2']]) assert.equal((await run('partition', ...words)).code, 2, words.join(' '));
    await lab.settled();
  });

  it('pause and go on', async () => {
    assert.equal((await run('kill', 'n1', '--stop')).envelope.data.members[0]?.state, 'paused');
    assert.equal((await run('kill', 'n1', '--cont')).envelope.data.members[0]?.state, 'running');
    await lab.settled();
    assert.equal((await run('kill')).code, 2);
    assert.equal((await run('kill', 'n1', '--all')).code, 2);
    assert.equal((await run('kill', 'n9')).code, 2);
  });

  it('a new member is made, waits, and takes part once it is added', async () => {
    const made = await run<LabStatus & { isNew: boolean }>('start', 'n4');
    assert.deepEqual([made.code, made.envelope.data.isNew], [0, true]);
    assert.match(made.envelope.next[0] ?? '', /^raft-inspector member add n4 127\.0\.0\.1:\d+ --lab .* --execute$/);
    const [, ...words] = (made.envelope.next[0] ?? '').split(' ');
    assert.equal((await cli(...words)).code, 0);
    const promoted = await cli('member', 'promote', 'n4', '--lab', lab.dir, '--execute');
    assert.equal(promoted.code, 0, promoted.stderr);
    await until('n4 has everything', async () => {
      const { members } = await lab.settled();
      return members.length === 4 && members.every((one) => one.stateHash === members[0]?.stateHash);
    });
    assert.equal((await run('start', 'log')).code, 2, 'a name that is taken in the directory');
  });

  it('down ends every process and keeps the data; up brings all of it back', async () => {
    const file = readLabFile(lab.dir);
    const pids = [file.supervisor?.pid ?? 0, ...file.members.map((one) => one.pid ?? 0)];
    const down = await run<{ changed: boolean; data: string[] }>('down');
    assert.deepEqual([down.code, down.envelope.data.changed, down.envelope.data.data.length], [0, true, 4]);
    assert.deepEqual(pids.filter(isAlive), []);
    for (const { id } of file.members) assert.equal(lab.log(id).at(-1)?.['msg'], 'stopped', `${id} ended in good order`);
    const status = await run('status');
    assert.deepEqual([status.code, status.envelope.data.isRunning, status.envelope.next[0]], [0, false, `raft-inspector lab up --dir ${lab.dir}`]);
    assert.equal((await run('kill', 'n1')).code, 4, 'lab-down');
    assert.equal((await run<{ changed: boolean }>('down')).envelope.data.changed, false);
    assert.equal((await run('up', '--lifetime', '20m')).code, 0);
    await lab.settled();
    await load.verify();
  });

  it('members end when their supervisor is killed, and the next up takes over', async () => {
    const file = readLabFile(lab.dir);
    const pids = file.members.map((one) => one.pid ?? 0);
    await lab.order({ kind: 'kill', ids: ['n2'], signal: 'SIGSTOP' });
    const stopped = file.members.find((one) => one.id === 'n2')?.pid ?? 0;
    process.kill(file.supervisor?.pid ?? 0, 'SIGKILL');
    await until('the members to end', () => pids.filter((pid) => pid !== stopped).every((pid) => !isAlive(pid)));
    assert.ok(isAlive(stopped), 'a paused one cannot hear of it');
    const refused = await run('up');
    assert.equal(refused.code, 4);
    assert.match(refused.envelope.error?.message ?? '', /^lab-leftovers: /);
    assert.equal((await run('down')).code, 0);
    assert.equal(isAlive(stopped), false);
    assert.equal((await run('up', '--lifetime', '20m')).code, 0);
    await lab.settled();
    await load.verify();
  });
});

describe('lab: life and place', function () {
  this.timeout(60_000);
  before(ensureBuilt);

  it('ends by itself when its lifetime is over, in a directory with a long name', async () => {
    const root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-test-lab-'));
    const dir = path.join(root, 'x'.repeat(120), 'lab');
    fs.mkdirSync(path.dirname(dir));
    try {
      const up = await cli<LabStatus>('lab', 'up', '--dir', dir, '--nodes', '1', '--lifetime', '3s', '--json');
      assert.equal(up.code, 0, up.stderr);
      const { supervisor, members } = readLabFile(dir);
      assert.ok((supervisor?.socket ?? '').length < 100, supervisor?.socket);
      const pids = [supervisor?.pid ?? 0, ...members.map((one) => one.pid ?? 0)];
      await until('its end', () => pids.every((pid) => !isAlive(pid)), 20_000);
      assert.equal(readLabFile(dir).supervisor, null);
      assert.equal(fs.existsSync(path.dirname(supervisor?.socket ?? '/')), false, 'the directory of the socket is gone');
      assert.equal((await cli('lab', 'down', '--dir', dir, '--purge')).code, 0);
      assert.equal(fs.existsSync(dir), false);
    } finally {
      fs.rmSync(root, { recursive: true, force: true });
    }
  });
});
