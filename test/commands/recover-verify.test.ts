import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { type RecoveryPlan, sealPlan } from '../../src/engine/model/plan.ts';
import { planText } from '../../src/engine/model/plan-schema.ts';
import type { RehearsalReport, VerifyReport } from '../../src/engine/model/verify-report.ts';
import { applyPlan } from '../../src/engine/recovery/apply/apply.ts';
import { type StartedEtcd, startEtcd } from '../../src/engine/servers/etcd.ts';
import { freePorts } from '../../src/engine/adapters/free-ports.ts';
import { EtcdCluster, etcdMissing } from '../helpers/etcd-server.ts';
import { planOf } from '../helpers/recover-native.ts';
import { skipWithout } from '../helpers/skip-without.ts';
import { BUILT_PROGRAM, ensureBuilt } from '../helpers/run-cli.ts';

interface Answer<T> {
  exit: { code: number };
  data: T;
  findings: { rule: string; message: string }[];
  error?: { code: string; message: string; hint: string };
  next: string[];
}

describe('recover rehearse and recover verify', function () {
  this.timeout(180_000);
  before(ensureBuilt);
  let servers: EtcdCluster;
  let plan: RecoveryPlan;
  let caseDir: string;
  let running: StartedEtcd | null = null;

  function run(...words: string[]): { code: number | null; stdout: string; stderr: string } {
    const [file, ...args] = BUILT_PROGRAM;
    const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ETCD') && name !== 'RAFT_INSPECTOR_ENDPOINTS'));
    const done = spawnSync(file, [...args, 'recover', ...words], { cwd: servers.root, encoding: 'utf8', env: { ...own, NO_COLOR: '1' }, timeout: 120_000 });
    return { code: done.status, stdout: done.stdout, stderr: done.stderr };
  }
  function json<T>(...words: string[]): Answer<T> {
    const { stdout, stderr, code } = run(...words, '--json');
    assert.notEqual(stdout, '', `${words.join(' ')} (${code}): ${stderr}`);
    return JSON.parse(stdout) as Answer<T>;
  }
  const kept = <T>(name: string): T => JSON.parse(fs.readFileSync(path.join(caseDir, name), 'utf8')) as T;

  before(async function () {
    skipWithout(this, etcdMissing());
    servers = await EtcdCluster.start(3);
    for (let n = 0; n < 20; n += 1) await servers.put(`k${n}`, `v${n}`);
    await servers.kill();
    const [client = 0] = await freePorts(1);
    plan = await planOf([fs.realpathSync(servers.members[0]?.directory ?? '')], { connection: { endpoints: [`http://127.0.0.1:${client}`], cacert: null, cert: null, key: null } });
    caseDir = path.join(servers.root, 'case-test');
    fs.mkdirSync(caseDir);
    fs.writeFileSync(path.join(caseDir, 'plan.json'), planText(plan));
  });

  after(async () => {
    await running?.kill();
    await servers?.stop();
  });

  it('rehearse passes, keeps the result in the case, and names the next step', () => {
    const { exit, data, next, error } = json<RehearsalReport>('rehearse');
    assert.equal(exit.code, 0, error?.message ?? JSON.stringify(data));
    assert.deepEqual([data.verdict, data.planId], ['pass', plan.planId]);
    assert.deepEqual(next, ['raft-inspector recover apply']);
    assert.deepEqual(kept<RehearsalReport>('rehearsal.json'), data);
  });

  it('rehearse lifts what apply can lift, and knows no other rule', () => {
    const { exit, error } = json<null>('rehearse', '--override', 'nonsense');
    assert.equal(exit.code, 2);
    assert.match(error?.message ?? '', /--override nonsense/);
  });

  it('rehearse is 11 without a server that fits, and says why', () => {
    const { exit, data } = json<RehearsalReport>('rehearse', '--binary', '/no/etcd');
    assert.deepEqual([exit.code, data.verdict, data.server], [11, 'unverifiable', null]);
    assert.match(data.detail, /\/no\/etcd cannot be run here/);
    const screen = run('rehearse', '--binary', '/no/etcd');
    assert.match(screen.stdout, /^UNVERIFIABLE {2}rehearsal of plan/);
    assert.equal(run('rehearse', '--scratch', '/no/such/place').code, 2);
  });

  it('verify is 6 when nobody answers, and 2 when it cannot know whom to ask', () => {
    assert.equal(json('verify', '--timeout', '1s').exit.code, 6, 'the connection of the plan: nothing is started yet');
    const silent = path.join(servers.root, 'silent.json');
    fs.writeFileSync(silent, planText(sealPlan({ ...withoutDigest(plan), connection: null })));
    const { exit, error } = json('verify', silent);
    assert.equal(exit.code, 2);
    assert.match(error?.hint ?? '', /--endpoint/);
    const consul = path.join(servers.root, 'consul.json');
    fs.writeFileSync(consul, planText(sealPlan({ ...withoutDigest(plan), store: 'raft-boltdb', product: 'consul' })));
    assert.match(json('verify', consul).error?.message ?? '', /no adapter speaks to consul clusters/);
  });

  it('verify holds the running result against plan and rehearsal, and names the member to add', async () => {
    assert.equal(json('rehearse').exit.code, 0);
    await applyPlan(plan, { caseDir: null, overrides: [] });
    const stored = new URL(plan.cluster.members.find((one) => one.id === plan.outcome.memberId)?.addresses[0] ?? '');
    const client = new URL(plan.connection?.endpoints[0] ?? '');
    running = await startEtcd({ dataDir: plan.dataDir ?? '', name: servers.members[0]?.name ?? '', ports: { client: Number(client.port), peer: Number(stored.port) } });
    const { exit, data, next, error } = json<VerifyReport>('verify', '--check', 'test -n "$RAFT_INSPECTOR_ENDPOINTS"');
    assert.equal(exit.code, 0, error?.message ?? JSON.stringify(data));
    assert.equal(data.verdict, 'verified');
    assert.deepEqual(data.checks.map((one) => one.ok), Array.from({ length: 8 }, () => true), JSON.stringify(data.checks));
    assert.match(data.checks.find((one) => one.name === 'state hash')?.detail ?? '', /as rehearsed/);
    assert.deepEqual([data.voters, data.failuresTolerated], [1, 0]);
    assert.match(next[0] ?? '', /^raft-inspector member add \S+ http:\/\/127\.0\.0\.1:\d+ --endpoint http:\/\/127\.0\.0\.1:\d+$/);
    assert.deepEqual(kept<VerifyReport>('verification.json'), data);

    const failed = run('verify', '--check', 'printf "bad\\033[31m"; exit 4');
    assert.equal(failed.code, 3);
    assert.match(failed.stdout, /^FAILED {2}7 of 8 /);
    assert.match(failed.stdout, /exit 4: bad\\x1b\[31m/, 'output of the check is escaped');
    assert.match(failed.stdout, /FRAGILE {2}1 voter, none may fail/);
    assert.equal(kept<VerifyReport>('verification.json').verdict, 'failed');

    const again = json('rehearse');
    assert.equal(again.exit.code, 7, 'the source has moved on: drift');
  });
});

function withoutDigest({ digest: _digest, ...body }: RecoveryPlan): Omit<RecoveryPlan, 'digest'> {
  return body;
}
