import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { ensureBuilt, runCli } from '../helpers/run-cli.ts';

interface ErrorEnvelope {
  data: null;
  exit: { code: number };
  error: { code: string; message: string; hint: string; rule?: string };
}

function failure(argv: string[], options: { env?: Record<string, string>; input?: string } = {}): ErrorEnvelope & { code: number | null; stderr: string } {
  const ran = runCli([...argv, '--json'], options);
  const envelope = JSON.parse(ran.stdout) as ErrorEnvelope;
  assert.equal(envelope.exit.code, ran.code, argv.join(' '));
  assert.equal(envelope.data, null);
  assert.notEqual(envelope.error.hint, '');
  assert.doesNotMatch(ran.stderr, /^\s+at /m);
  return { ...envelope, code: ran.code, stderr: ran.stderr };
}

/** A port of this machine on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('live commands without a cluster', function () {
  this.timeout(60_000);
  before(ensureBuilt);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-live-'));
  after(() => fs.rmSync(directory, { recursive: true }));

  it('say that no cluster was named, and how one is', () => {
    for (const argv of [['member', 'list'], ['leader', 'show'], ['kv', 'get', 'k'], ['member', 'remove', 'n1', '--execute'], ['snapshot', 'save', '-o', path.join(directory, 'x')]]) {
      const { code, error } = failure(argv);
      assert.equal(code, 2, argv.join(' '));
      assert.match(error.hint, /--endpoint .*--lab/);
    }
  });

  it('take one way of naming a cluster, a whole set of certificates, and endpoints without a scheme', () => {
    const wrong = [
      ['--lab', directory, '--endpoint', '127.0.0.1:1'],
      ['--endpoint', 'http://127.0.0.1:7001', '--cluster-kind', 'native'],
      ['--endpoint', 'ftp://127.0.0.1:7001'],
      ['--endpoint', '127.0.0.1'],
      ['--endpoint', '127.0.0.1:70000'],
      ['--endpoint', '127.0.0.1:7001', '--cacert', 'ca.crt', '--cluster-kind', 'native'],
      ['--endpoint', '127.0.0.1:7001', '--cert', 'me.crt'],
      ['--endpoint', '127.0.0.1:7001', '--token-file', 'token'],
      ['--lab', directory],
      ['--endpoint', '127.0.0.1:7001', '--cluster-kind', 'paxos'],
    ];
    for (const flags of wrong) assert.equal(failure(['member', 'list', ...flags]).code, 2, flags.join(' '));
    const missing = failure(['member', 'list', '--endpoint', '127.0.0.1:7001', '--cacert', path.join(directory, 'no.crt'), '--cert', 'x', '--key', 'x']);
    assert.deepEqual([missing.code, missing.error.code], [3, 'UNREADABLE']);
  });

  it('end in time with exit 6 where nobody answers, and say that nothing happened', async () => {
    const endpoint = `127.0.0.1:${await closedPort()}`;
    for (const argv of [['member', 'list'], ['leader', 'show'], ['kv', 'get', 'k', '--consistency', 'stale'], ['kv', 'put', 'k', 'v'], ['member', 'wait', 'n1'], ['leader', 'stepdown', '--execute']]) {
      const startedAt = Date.now();
      const { code } = failure([...argv, '--timeout', '1s'], { env: { RAFT_INSPECTOR_ENDPOINTS: endpoint } });
      assert.equal(code, 6, argv.join(' '));
      assert.ok(Date.now() - startedAt < 6000, `${argv.join(' ')} took ${Date.now() - startedAt} ms`);
    }
  });

  it('check keys, values and ids before anything is asked', () => {
    const at = ['--endpoint', '127.0.0.1:1'];
    const big = path.join(directory, 'big');
    fs.writeFileSync(big, Buffer.alloc(1024 * 1024 + 1));
    const wrong = [
      ['kv', 'put', '', 'v'],
      ['kv', 'put', 'k'.repeat(4097), 'v'],
      ['kv', 'put', 'k', `@${big}`],
      ['kv', 'cas', 'k', 'v'],
      ['kv', 'cas', 'k', 'v', '--absent', '--revision-is', '3'],
      ['kv', 'get', 'k', '--max-staleness', '1s'],
      ['kv', 'get', 'k', '--consistency', 'eventual'],
      ['member', 'add', 'n 4', '127.0.0.1:1'],
      ['member', 'add', 'n4', 'here'],
      ['member', 'add', 'n4'],
      ['member', 'replace', 'n4', 'n5', 'here'],
      ['member', 'list', '--watch=soon'],
      ['member', 'list', '--watch=1ms'],
      ['member', 'remove', 'n4', '--override', 'margin-lost'],
      ['leader', 'stepdown', '--override', 'no-leader'],
    ];
    for (const argv of wrong) assert.equal(failure([...argv, ...at]).code, 2, argv.slice(0, 4).join(' ').slice(0, 60));
    const missing = failure(['kv', 'put', 'k', `@${path.join(directory, 'none')}`, ...at]);
    assert.deepEqual([missing.code, missing.error.code], [3, 'UNREADABLE']);
    assert.equal(failure(['kv', 'put', 'k', '-', ...at], { input: 'x'.repeat(1024 * 1024 + 1) }).code, 2);
  });
});
