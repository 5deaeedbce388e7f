import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { RecoveryPlan } from '../../../src/engine/model/plan.ts';
import { starterFor } from '../../../src/engine/rehearsal/start-result.ts';
import { rehearse } from '../../../src/engine/rehearsal/rehearse.ts';
import { consulBinary } from '../../helpers/consul-server.ts';
import { corpusCases } from '../../helpers/corpus.ts';
import { skipWithout } from '../../helpers/skip-without.ts';
import { treeFingerprint } from '../../helpers/tree-fingerprint.ts';
import { copyCase, planFor, recoverableCases, serverIdsOf } from '../recovery/hashicorp/plan-and-apply.ts';
import { removeAll } from '../recovery/hashicorp/recover-directory.ts';
import { BUILT_PROGRAM, ensureBuilt } from '../../helpers/run-cli.ts';

// A program that answers as Consul's HTTP API does, for what a sound server never says. The real one is below.
const STAND_IN = `#!${process.execPath}
const http = require('node:http'), fs = require('node:fs');
const words = process.argv.slice(2);
if (words[0] === 'version') { console.log('Consul v1.15.2'); process.exit(0); }
const flag = (name) => words[words.indexOf(name) + 1];
fs.writeFileSync(process.env.STAND_IN_SEEN, JSON.stringify({ words, serf: fs.existsSync(flag('-data-dir') + '/serf') }));
const keys = new Map();
http.createServer((request, response) => {
  const url = new URL(request.url, 'http://x');
  const json = (value) => response.end(JSON.stringify(value));
  if (url.pathname === '/v1/status/leader') return json('10.0.0.1:8300');
  if (url.pathname === '/v1/agent/self') return json({ Stats: { raft: { term: '9', commit_index: '120' } } });
  if (url.pathname === '/v1/operator/raft/configuration') return json({ Servers: [{ ID: 'id-1', Leader: true, Voter: true }] });
  if (!url.pathname.startsWith('/v1/kv/raft-inspector/verify/')) { response.statusCode = 404; return response.end('no'); }
  if (request.method === 'GET') return response.end(keys.get(url.pathname) ?? '');
  let body = '';
  request.on('data', (piece) => (body += piece)).on('end', () => { if (request.method === 'PUT') keys.set(url.pathname, body); else keys.delete(url.pathname); response.end('true'); });
}).listen(Number(flag('-http-port')), flag('-client'));
`;

describe('a stand-in for Consul on the result of a plan', function () {
  this.timeout(30_000);
  before(ensureBuilt);
  let root: string;
  let data: string;
  let binary: string;
  const outcome: RecoveryPlan['outcome'] = { clusterId: null, memberId: 'id-1', generation: null, voters: ['id-1'], lastEntry: { term: 7, index: 100 }, commitIndex: null, termAbove: 7, revision: null, stateHash: null };
  const plan = (over: Partial<RecoveryPlan['outcome']> = {}): RecoveryPlan => ({ planId: '5c2e9100-0000-4000-8000-000000000000', store: 'raft-boltdb', product: 'consul', source: 'srv1', checks: [], outcome: { ...outcome, ...over } }) as unknown as RecoveryPlan;

  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-consul-'));
    data = path.join(root, 'data');
    fs.mkdirSync(path.join(data, 'raft'), { recursive: true });
    fs.mkdirSync(path.join(data, 'serf'));
    binary = path.join(root, 'consul');
    fs.writeFileSync(binary, STAND_IN, { mode: 0o755 });
    process.env['STAND_IN_SEEN'] = path.join(root, 'seen.json');
  });
  afterEach(() => {
    delete process.env['STAND_IN_SEEN'];
    fs.rmSync(root, { recursive: true, force: true });
  });

  it('is on loopback alone, knows no other node, is written to, and ends', async () => {
    const starter = await starterFor(plan(), data, { program: BUILT_PROGRAM, binary, scratch: root });
    assert.ok('start' in starter, JSON.stringify(starter));
    assert.equal(starter.software, 'Consul 1.15.2');
    const started = await starter.start();
    try {
      const { words, serf } = JSON.parse(fs.readFileSync(path.join(root, 'seen.json'), 'utf8')) as { words: string[]; serf: boolean };
      assert.equal(serf, false, 'the nodes it remembers are taken out of the copy first');
      assert.deepEqual(['-bind', '-client', '-serf-wan-port', '-grpc-tls-port'].map((one) => words[words.indexOf(one) + 1]), ['127.0.0.1', '127.0.0.1', '-1', '-1']);
      const { checks } = await started.verify(5000);
      assert.deepEqual(checks.map((one) => [one.name, one.ok]), [['leader', true], ['voters', true], ['entries', true], ['write', true]]);
    } finally {
      await started.stop();
    }
    assert.throws(() => process.kill(started.server.pid, 0));
  });

  it('fails the checks that do not hold', async () => {
    const starter = await starterFor(plan({ voters: ['id-2'], termAbove: 9, lastEntry: { term: 7, index: 500 } }), data, { program: BUILT_PROGRAM, binary, scratch: root });
    assert.ok('start' in starter);
    const started = await starter.start();
    try {
      assert.deepEqual((await started.verify(5000)).checks.map((one) => [one.name, one.ok]), [['leader', false], ['voters', false], ['entries', false], ['write', true]]);
    } finally {
      await started.stop();
    }
  });

  it('is not there: then only the offline check counts', async () => {
    const none = await starterFor(plan(), data, { program: BUILT_PROGRAM, binary: path.join(root, 'none'), scratch: root });
    assert.ok('why' in none && /none cannot be run here/.test(none.why));
    const bare = await starterFor({ ...plan(), product: 'rqlite' }, data, { program: BUILT_PROGRAM, scratch: root });
    assert.ok('why' in bare && /can start rqlite/.test(bare.why));
  });
});

describe('rehearsal of a Consul plan, with the real server', function () {
  this.timeout(120_000);
  before(ensureBuilt);
  let binary = '';

  before(function () {
    this.timeout(180_000);
    const found = consulBinary();
    if ('missing' in found) skipWithout(this, found.missing);
    else binary = found.binary;
  });
  after(removeAll);

  it('passes at the address of the real host, which is never dialled, and only reads the source', async () => {
    const [found] = recoverableCases(corpusCases()).filter((one) => one.name.startsWith('consul/'));
    assert.ok(found !== undefined);
    const copy = copyCase(found.name);
    const plan = await planFor(found.members.map((member) => path.join(copy, member)), { ids: serverIdsOf(found.name) });
    const dataDir = path.join(copy, plan.source);
    const before = treeFingerprint(dataDir, 'bytes');
    const report = await rehearse(plan, { program: BUILT_PROGRAM, dataDir, binary });
    assert.equal(report.verdict, 'pass', JSON.stringify(report, null, 1));
    assert.equal(report.server, 'Consul 1.8.7');
    assert.deepEqual(report.checks.map((one) => [one.name, one.ok]), [['leader', true], ['voters', true], ['entries', true], ['write', true]]);
    assert.deepEqual(treeFingerprint(dataDir, 'bytes'), before);
  });
});
