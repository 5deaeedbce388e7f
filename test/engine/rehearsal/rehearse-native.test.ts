import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DriftError } from '../../../src/engine/errors.ts';
import { openNativeCluster } from '../../../src/engine/live/native/native-cluster.ts';
import type { RecoveryPlan } from '../../../src/engine/model/plan.ts';
import { applyPlan } from '../../../src/engine/recovery/apply/apply.ts';
import { rehearse } from '../../../src/engine/rehearsal/rehearse.ts';
import { verifyRecovery } from '../../../src/engine/rehearsal/verify.ts';
import { startNativeMember } from '../../../src/engine/servers/native-member.ts';
import { identityOf, NativeWriter, threeMembers } from '../../helpers/native-writer.ts';
import { planOf } from '../../helpers/recover-native.ts';
import { treeFingerprint } from '../../helpers/tree-fingerprint.ts';
import { BUILT_PROGRAM, ensureBuilt } from '../../helpers/run-cli.ts';

/** A place of its own: what other runs leave in the temporary directory is none of this test's business. */
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-test-scratch-'));
const left = (): string[] => fs.readdirSync(scratch);

describe('rehearsal of a native plan, on a real member process', function () {
  this.timeout(60_000);
  before(ensureBuilt);
  let root: string;
  let source: string;
  let plan: RecoveryPlan;

  before(async () => {
    root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-native-')));
    source = path.join(root, 'n1');
    const writer = await NativeWriter.create(source, identityOf('n1'), threeMembers());
    for (let n = 0; n < 30; n++) await writer.puts(1, [[`k${n}`, `v${n}`]], { commit: 2 + n });
    for (let n = 30; n < 40; n++) await writer.puts(2, [[`k${n}`, `v${n}`]], { commit: 31 });
    await writer.close();
    plan = await planOf([source]);
  });

  after(() => {
    fs.rmSync(root, { recursive: true, force: true });
    fs.rmSync(scratch, { recursive: true, force: true });
  });

  it('passes, only reads the source, and leaves nothing behind', async () => {
    const before = treeFingerprint(source, 'bytes');
    const report = await rehearse(plan, { scratch, program: BUILT_PROGRAM });
    assert.equal(report.verdict, 'pass', JSON.stringify(report, null, 1));
    assert.equal(report.server, 'embedded engine');
    assert.deepEqual(report.phases.map((one) => [one.name, one.ok]), [['copy', true], ['apply', true], ['start', true], ['verify', true], ['stop', true]]);
    assert.deepEqual(report.checks.filter((one) => one.ok === false), []);
    assert.match(report.checks.find((one) => one.name === 'write')?.detail ?? '', /accepted and read back/);
    assert.equal(typeof report.stateHash, 'string');
    assert.deepEqual(treeFingerprint(source, 'bytes'), before);
    assert.deepEqual(left(), []);
    assert.deepEqual(fs.readdirSync(root), ['n1'], 'no journal and no backup beside the source');
  });

  it('is exit drift when the source is no longer what the plan was made for', async () => {
    const other = path.join(root, 'other');
    fs.cpSync(source, other, { recursive: true });
    fs.appendFileSync(path.join(other, 'raft/data.mdb'), 'x');
    await assert.rejects(rehearse(plan, { scratch, program: BUILT_PROGRAM, dataDir: other }), (error) => {
      assert.ok(error instanceof DriftError);
      assert.ok(error.message.includes(`${other} is not what plan`), 'the copy is gone by then');
      assert.ok(!`${error.message} ${error.hint} ${error.files.join(' ')}`.includes(scratch), error.message);
      return true;
    });
    assert.deepEqual(left(), []);
    fs.rmSync(other, { recursive: true });
  });

  it('fails, with the last words, when the server does not start; and still cleans up', async () => {
    const report = await rehearse(plan, { scratch, program: [process.execPath, '-e', 'console.error("no such engine"); process.exit(3)', '--'], startMs: 5000 });
    assert.equal(report.verdict, 'fail');
    assert.match(report.phases.find((one) => one.name === 'start')?.detail ?? '', /exit 3.*no such engine/);
    assert.deepEqual(left(), []);
  });

  it('applied and started, it verifies: with the state as rehearsed, and not under another plan', async () => {
    const rehearsed = await rehearse(plan, { scratch, program: BUILT_PROGRAM });
    await applyPlan(plan, { caseDir: null, overrides: [] });
    const { outcome } = plan;
    const server = await startNativeMember({ program: BUILT_PROGRAM, dataDir: source, scratch: root, clusterId: outcome.clusterId ?? '', generation: outcome.generation ?? 1, member: { id: outcome.memberId ?? '' } });
    const cluster = await openNativeCluster({ endpoints: server.endpoints, clusterId: null, tls: null, dial: () => server.endpoints[0] ?? '' });
    try {
      const options = { timeoutMs: 20_000, endpoints: server.endpoints, rehearsed };
      const verified = await verifyRecovery(plan, cluster, { ...options, checks: ['test "$RAFT_INSPECTOR_ENDPOINTS" != ""'] });
      assert.equal(verified.verdict, 'verified', JSON.stringify(verified.checks, null, 1));
      assert.match(verified.checks.find((one) => one.name === 'state hash')?.detail ?? '', /as rehearsed/);
      assert.equal(verified.failuresTolerated, 0);
      const again = await verifyRecovery(plan, cluster, options);
      const state = again.checks.find((one) => one.name === 'state hash');
      assert.ok(state?.ok !== false, `the writes of the first verification are none of the plan's faults: ${state?.detail}`);
      const other: RecoveryPlan = { ...plan, outcome: { ...outcome, voters: ['n9'], termAbove: 5000, lastEntry: { term: 2, index: 900 } }, fences: [{ member: 'n1', id: outcome.memberId, addresses: [], action: '' }] };
      const wrong = await verifyRecovery(other, cluster, { ...options, rehearsed: null, checks: ['echo no; exit 3', 'sleep 5'], checkTimeoutMs: 300 });
      assert.equal(wrong.verdict, 'failed');
      assert.deepEqual(wrong.checks.filter((one) => one.ok === false).map((one) => one.name), ['leader', 'voters', 'entries', 'fences', 'check', 'check']);
      assert.match(wrong.checks.at(-2)?.detail ?? '', /exit 3: no/);
      assert.match(wrong.checks.at(-1)?.detail ?? '', /not done after/);
    } finally {
      await cluster.close();
      await server.stop();
    }
  });
});
