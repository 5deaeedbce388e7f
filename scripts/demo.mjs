// The main jobs on real input. First a live cluster of real processes under load that loses its leader and then its majority, and gets both back.
// Then captured clusters of other systems that lost theirs: what do the survivors hold, and which one is the source?
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';

const root = path.resolve(import.meta.dirname, '..');
const bin = path.join(root, 'bin', 'run.js');

const scenes = [
  {
    title: 'etcd 3.5.16: three members, n3 is gone. n2 has the longer log and the higher term. Is it the one?',
    case: 'etcd/double-trap-3516',
    members: ['n1', 'n2'],
  },
  {
    title: 'etcd 3.4.23: one survivor of three. What can it promise?',
    case: 'etcd/acked-beyond-commit-34',
    members: ['n1'],
  },
];

const place = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-demo-'));
process.on('SIGINT', () => process.exit(130));

const started = process.hrtime.bigint();
let failures = 0;

await live();

for (const scene of scenes) {
  const directory = path.join(place, path.basename(scene.case));
  fs.mkdirSync(directory);
  for (const member of scene.members) {
    // The system tar keeps the holes of the preallocated WAL segments.
    execFileSync('tar', ['-xzf', path.join(root, 'fixtures', 'corpus', scene.case, `${member}.tar.gz`), '-C', directory]);
  }
  process.stdout.write(`\n== ${scene.title}\n`);
  run(directory, ['inspect', 'member', ...scene.members]);
  run(directory, ['recover', 'pick', ...scene.members, '--explain']);
}

const seconds = Number(process.hrtime.bigint() - started) / 1e9;
process.stdout.write(`\ndemo: a live cluster broken and brought back, ${scenes.length} captured ones read and judged, in ${seconds.toFixed(1)} s; ${failures} commands failed\n`);
process.exitCode = failures === 0 ? 0 : 1;

/** A practice cluster under load: the leader dies, then the majority; not one acknowledged write may be missing afterwards. */
async function live() {
  const lab = path.join(place, 'lab');
  const notes = path.join(place, 'acknowledged.json');
  const at = ['--lab', 'lab'];
  const load = (mode, stdio) => spawn(process.execPath, ['--import', 'tsx', path.join(root, 'scripts', 'demo-load.mjs'), mode, lab, notes], { stdio: ['ignore', stdio, 'inherit'] });
  process.on('exit', () => spawnSync(process.execPath, [bin, 'lab', 'down', '--dir', lab, '--purge'], { stdio: 'ignore' }));
  process.on('exit', () => fs.rmSync(place, { recursive: true, force: true }));

  process.stdout.write('\n== Three members of the embedded engine, real processes with mutual TLS\n');
  run(place, ['lab', 'up', '--nodes', '3', '--dir', 'lab']);
  run(place, ['kv', 'put', 'greeting', 'hello', ...at]);
  run(place, ['kv', 'get', 'greeting', ...at]);
  const writer = load('write', 'inherit');
  process.on('exit', () => writer.kill('SIGKILL'));
  await pause(2000);

  process.stdout.write('\n== Under load, the leader is killed: the others go on\n');
  const first = await leader(at, []);
  run(place, ['lab', 'kill', first, '--dir', 'lab', '--quiet']);
  const second = await leader(at, [first]);
  await pause(1500);
  run(place, ['member', 'list', ...at], 3);

  process.stdout.write('\n== The next leader is killed too: no majority, nothing is acknowledged any more\n');
  run(place, ['lab', 'kill', second, '--dir', 'lab', '--quiet']);
  await pause(1500);
  run(place, ['member', 'list', ...at], 6);
  run(place, ['kv', 'put', 'greeting', 'again', '--timeout', '1s', ...at], 6);
  writer.kill('SIGTERM');
  await new Promise((resolve) => writer.once('close', resolve));

  const last = ['n1', 'n2', 'n3'].find((id) => id !== first && id !== second);
  process.stdout.write('\n== The last one is stopped, so that its files hold still. What do the three disks hold?\n');
  run(place, ['lab', 'kill', last, '--dir', 'lab', '--quiet']);
  run(place, ['recover', 'pick', 'lab/n1', 'lab/n2', 'lab/n3', '--explain']);

  process.stdout.write('\n== All are started again\n');
  for (const id of [first, second, last]) run(place, ['lab', 'start', id, '--dir', 'lab', '--quiet']);
  for (const id of [first, second, last]) run(place, ['member', 'wait', id, ...at]);
  run(place, ['member', 'list', ...at]);
  const reader = load('check', 'inherit');
  const code = await new Promise((resolve) => reader.once('close', resolve));
  if (code !== 0) failures++;
  run(place, ['lab', 'down', '--dir', 'lab']);
}

/** The leader, once there is one that was not killed. */
async function leader(at, dead) {
  for (let tries = 0; tries < 60; tries++) {
    const { stdout } = spawnSync(process.execPath, [bin, 'leader', 'show', ...at, '--json'], { cwd: place, encoding: 'utf8' });
    const id = JSON.parse(stdout).data?.leader ?? null;
    if (id !== null && !dead.includes(id)) return id;
    await pause(100);
  }
  throw new Error('no leader was elected');
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function run(cwd, args, expected = 0) {
  process.stdout.write(`\n$ raft-inspector ${args.join(' ')}\n`);
  const result = spawnSync(process.execPath, [bin, ...args], { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  if (result.status !== expected) {
    failures++;
    process.stdout.write(`(exit ${result.status ?? result.signal}, expected ${expected})\n`);
  }
}
