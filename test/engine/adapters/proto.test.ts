import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ROOT } from '../../helpers/run-cli.ts';

const BUF = path.join(ROOT, 'node_modules/@bufbuild/buf/bin/buf');
const GENERATED = path.join(ROOT, 'src/engine/adapters/generated');

function node(...args: string[]): { status: number | null; output: string } {
  const done = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8', timeout: 60_000 });
  return { status: done.status, output: done.stdout + done.stderr };
}

function tree(directory: string): Record<string, string> {
  const files = fs.readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return Object.fromEntries(files.sort().map((file) => [file, fs.readFileSync(path.join(directory, file), 'utf8')]));
}

describe('the protocol as a schema', () => {
  let scratch: string;

  before(function () {
    if (!fs.existsSync(BUF) || node(BUF, '--version').status !== 0) this.skip(); // a development tool with a binary per platform
    scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-proto-'));
  });

  after(() => {
    if (scratch !== undefined) fs.rmSync(scratch, { recursive: true, force: true });
  });

  it('is what the committed codecs were made from', () => {
    const done = node('scripts/proto.mjs', '--out', scratch);
    assert.equal(done.status, 0, done.output);
    assert.deepEqual(tree(scratch), tree(GENERATED), 'npm run proto');
  });

  it('passes the linter', () => {
    const done = node(BUF, 'lint', 'proto');
    assert.equal(done.status, 0, done.output);
  });

  it('can still be read by members of the last release', () => {
    const done = node(BUF, 'breaking', 'proto', '--against', 'proto/baseline.binpb');
    assert.equal(done.status, 0, done.output);
  });

  it('a change that would break them is noticed', () => {
    const changed = path.join(scratch, 'changed');
    fs.cpSync(path.join(ROOT, 'proto'), changed, { recursive: true });
    const file = path.join(changed, 'raft_inspector/v1/peer.proto');
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('uint64 campaign = 2;', 'string campaign = 2;'));
    const done = node(BUF, 'breaking', changed, '--against', path.join(ROOT, 'proto/baseline.binpb'));
    assert.notEqual(done.status, 0);
    assert.match(done.output, /campaign/);
  });
});
