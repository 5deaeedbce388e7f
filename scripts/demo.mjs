// The main job on real input: three clusters lost their majority; what do the survivors hold, and which one is the source?
import { execFileSync, spawnSync } from 'node:child_process';
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
  {
    title: 'hashicorp/raft 1.1.2, log and stable store in two files: a cut-off server ran its term up to the sky',
    case: 'hashicorp-raft/term-trap-112',
    members: ['node-1', 'node-2'],
  },
  {
    title: 'Consul 1.8.7: two servers of three are left',
    case: 'consul/quorum-loss-187',
    members: ['consul-2', 'consul-3'],
  },
];

const place = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-demo-'));
process.on('exit', () => fs.rmSync(place, { recursive: true, force: true }));
process.on('SIGINT', () => process.exit(130));

const started = process.hrtime.bigint();
let failures = 0;

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
process.stdout.write(`\ndemo: ${scenes.length} clusters read and judged in ${seconds.toFixed(1)} s, ${failures} commands failed\n`);
process.exitCode = failures === 0 ? 0 : 1;

function run(cwd, args) {
  process.stdout.write(`\n$ raft-inspector ${args.join(' ')}\n`);
  const result = spawnSync(process.execPath, [bin, ...args], { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  if (result.status !== 0) {
    failures++;
    process.stdout.write(`(exit ${result.status ?? result.signal})\n`);
  }
}
