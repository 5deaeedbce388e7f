// The readers against the physical limit: the same bytes, plainly read and checksummed with the native library. Medians and ratios of
// one run, because machines differ and are noisy. Usage: npm run bench [-- --size 1024 --runs 5 --markdown]
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { writeEtcdMember, writeRaftDb } from './inputs.ts';

const { values } = parseArgs({ options: { size: { type: 'string', default: '1024' }, runs: { type: 'string', default: '5' } } });
const megabytes = Number(values.size);
const runs = Number(values.runs);
const root = path.resolve(import.meta.dirname, '../..');
const bin = path.join(root, 'bin/run.js');
const place = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-bench-'));
process.on('exit', () => fs.rmSync(place, { recursive: true, force: true }));

interface Measured {
  ms: number;
  rssMiB: number;
}

/** Runs node with a hook that reports the peak memory of the whole process, threads included, as it exits. */
function measure(args: string[], options: { okCodes?: number[] } = {}): Measured {
  const meter = path.join(place, 'meter.cjs');
  const out = path.join(place, 'rss');
  if (!fs.existsSync(meter)) {
    fs.writeFileSync(
      meter,
      `if (require('node:worker_threads').isMainThread) process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(out)}, String(process.resourceUsage().maxRSS)));`,
    );
  }
  const started = process.hrtime.bigint();
  const result = spawnSync(process.execPath, ['--require', meter, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ms = Number(process.hrtime.bigint() - started) / 1e6;
  if (!(options.okCodes ?? [0]).includes(result.status ?? -1)) throw new Error(`${args.join(' ')} ended with ${result.status}: ${result.stderr.toString()}`);
  return { ms, rssMiB: Number(fs.readFileSync(out, 'utf8')) / 1024 };
}

function median(list: number[]): number {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
}

function medianOf(args: string[], times = runs): Measured {
  measure(args); // warms the page cache and the disk's
  const all = Array.from({ length: times }, () => measure(args));
  return { ms: median(all.map((m) => m.ms)), rssMiB: Math.max(...all.map((m) => m.rssMiB)) };
}

function row(cells: (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}

function reading(name: string, directory: string, files: string[]): string {
  const plain = medianOf([path.join(root, 'test/bench/plain-read.cjs'), ...files]);
  const ours = medianOf([bin, 'inspect', 'member', directory, '--json']);
  const bytes = files.reduce((sum, file) => sum + fs.statSync(file).size, 0);
  return row([name, `${(bytes / 1e6).toFixed(0)} MB`, `${plain.ms.toFixed(0)} ms`, `${ours.ms.toFixed(0)} ms`, `${(ours.ms / plain.ms).toFixed(1)}`, `${ours.rssMiB.toFixed(0)} MiB`]);
}

const filesBelow = (directory: string, end: string): string[] => fs.readdirSync(directory).filter((name) => name.endsWith(end)).map((name) => path.join(directory, name));

process.stderr.write(`writing ${megabytes} MB of etcd WAL and of raft.db\n`);
const etcd = writeEtcdMember(path.join(place, 'etcd'), megabytes);
const bolt = writeRaftDb(path.join(place, 'bolt'), megabytes);
const tiny = writeRaftDb(path.join(place, 'tiny'), 0.01);

process.stderr.write('measuring\n');
const lines = [
  `Node ${process.version}, ${os.cpus().length} cores, load ${os.loadavg()[0]?.toFixed(2)}, medians of ${runs} runs, whole processes.`,
  '',
  row(['input', 'size', 'plain read + native CRC-32C', 'inspect member --json', 'ratio', 'peak RSS']),
  row(['---', '---:', '---:', '---:', '---:', '---:']),
  reading(`etcd WAL, ${etcd.segments} segments, ${etcd.entries} entries of 512 B`, etcd.directory, filesBelow(etcd.walDirectory, '.wal')),
  reading(`raft.db, ${bolt.entries} entries of 512 B`, bolt.directory, [path.join(bolt.directory, 'raft.db')]),
  '',
];
const bare = medianOf(['-e', '0'], runs * 2);
lines.push(row(['start-up', 'median', 'against bare node']), row(['---', '---:', '---:']), row(['node -e 0', `${bare.ms.toFixed(0)} ms`, '1.0']));
for (const args of [['--version'], ['--help'], ['inspect', 'member', tiny.directory]]) {
  const it = medianOf([bin, ...args], runs * 2);
  lines.push(row([args.slice(0, 2).join(' ') + (args.length > 2 ? ' (tiny directory)' : ''), `${it.ms.toFixed(0)} ms`, (it.ms / bare.ms).toFixed(1)]));
}
process.stdout.write(`${lines.join('\n')}\n`);
