import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type { LiveCluster } from '../../src/engine/live/cluster.ts';
import { openLiveCluster } from '../../src/engine/live/registry.ts';
import type { MemberList } from '../../src/engine/live/member-list.ts';
import type { MembershipChangeReport } from '../../src/cli/membership-command.ts';
import type { MemberReport } from '../../src/engine/model/member-report.ts';
import { LAB_CA, LAB_CLIENT, labPaths } from '../../src/engine/lab/lab-file.ts';
import type { LabStatus } from '../../src/engine/lab/orders.ts';
import type { PickReport } from '../../src/engine/model/pick-report.ts';
import { RunningCli } from '../helpers/cli-process.ts';
import { cli, type Ran, TestLab, until } from '../helpers/lab.ts';
import { pause } from '../helpers/pause.ts';
import { LiveWriter } from '../helpers/live-writer.ts';
import { ensureBuilt } from '../helpers/run-cli.ts';

/** Runs with `--lab` and `--json`, and holds it to its exit code. */
async function live<T>(lab: TestLab, exit: number, ...words: string[]): Promise<Ran<T>> {
  const ran = await cli<T>(...words, '--lab', lab.dir, '--json');
  assert.equal(ran.code, exit, `${words.join(' ')}: ${ran.stdout.replaceAll(/\s+/g, ' ').slice(0, 3000)} ${ran.stderr}`);
  assert.equal(ran.envelope.exit.code, exit);
  return ran;
}

const ruleOf = (ran: Ran): string | undefined => (ran.envelope.error as { rule?: string } | undefined)?.rule;
const list = (lab: TestLab, exit = 0): Promise<MemberList> => live<MemberList>(lab, exit, 'member', 'list').then((ran) => ran.envelope.data);

describe('live commands on a practice cluster', function () {
  this.timeout(120_000);
  let lab: TestLab;
  const watches: RunningCli[] = [];
  const watching = (...words: string[]): RunningCli => {
    const watch = new RunningCli([...words, '--lab', lab.dir]);
    watches.push(watch);
    return watch;
  };
  before(async () => {
    ensureBuilt();
    lab = await TestLab.up(3);
  });
  after(async () => {
    for (const watch of watches) watch.kill();
    await lab?.end();
  });

  it('kv: puts, gets at three levels, swaps and deletes', async () => {
    const put = (await live<{ revision: number; existed: boolean }>(lab, 0, 'kv', 'put', 'a', 'one')).envelope.data;
    assert.equal(put.existed, false);
    for (const level of ['linearizable', 'follower', 'stale']) {
      const got = await until(`the value at level ${level}`, async () => {
        const { data } = (await live<{ value: string | null; revision: number; index: number; consistency: string }>(lab, 0, 'kv', 'get', 'a', '--consistency', level)).envelope;
        return level === 'linearizable' || data.value !== null ? data : null;
      });
      assert.deepEqual([got.value, got.revision, got.consistency], ['one', put.revision, level]);
      assert.ok(got.index >= put.revision);
    }
    const lost = (await live<{ swapped: boolean; found: { value: string; revision: number } }>(lab, 3, 'kv', 'cas', 'a', 'two', '--value-is', 'zero')).envelope.data;
    assert.deepEqual(lost, { key: 'a', swapped: false, revision: null, found: { value: 'one', encoding: 'utf8', revision: put.revision } });
    assert.equal((await live(lab, 3, 'kv', 'cas', 'a', 'two', '--absent')).code, 3);
    const won = (await live<{ swapped: boolean; revision: number }>(lab, 0, 'kv', 'cas', 'a', 'two', '--revision-is', String(put.revision))).envelope.data;
    assert.ok(won.swapped && won.revision > put.revision);
    assert.equal((await live<{ deleted: boolean }>(lab, 0, 'kv', 'delete', 'a')).envelope.data.deleted, true);
    assert.equal((await live<{ deleted: boolean }>(lab, 0, 'kv', 'delete', 'a')).envelope.data.deleted, false);
    assert.equal((await live<{ value: null }>(lab, 0, 'kv', 'get', 'a')).envelope.data.value, null);
    assert.equal((await live(lab, 3, 'kv', 'get', 'a', '--must-exist')).envelope.findings[0]?.rule, 'no-such-key');
  });

  it('kv get prints nothing but the value into a pipe, control characters spelled out', async () => {
    await live(lab, 0, 'kv', 'put', 'escapes', 'a\u001b[2Jb');
    const ran = await cli('kv', 'get', 'escapes', '--lab', lab.dir);
    assert.deepEqual([ran.code, ran.stdout, ran.stderr], [0, 'a\\x1b[2Jb\n', '']);
  });

  it('member list agrees with the members, and leader show with it', async () => {
    const { leader, members, quorum, failuresTolerated, clusterId } = await list(lab);
    assert.deepEqual([members.length, quorum, failuresTolerated, clusterId], [3, 2, 1, lab.connection.clusterId]);
    assert.ok(members.every((one) => one.healthy && one.version !== null));
    assert.equal(leader, await leaderOf(lab));
    const shown = (await live<{ leader: string; term: number; since: string }>(lab, 0, 'leader', 'show')).envelope.data;
    assert.equal(shown.leader, leader);
    assert.ok(Math.abs(Date.now() - Date.parse(shown.since)) < 600_000);
    const prom = await cli('member', 'list', '--lab', lab.dir, '--format', 'prom');
    assert.match(prom.stdout, /^raft_inspector_failures_tolerated\{.*\} 1$/m);
    const screen = await cli('member', 'list', '--lab', lab.dir);
    assert.match(screen.stdout, /^HEALTHY {2}3 voters, quorum 2, 1 may fail/);
  });

  it('asks for the id of a cluster that is no practice cluster before no margin is left, and never prompts off a terminal', async () => {
    const { clusterId } = await list(lab);
    const at = ['--endpoint', lab.connection.endpoints.join(','), '--cacert', labPaths.certificate(lab.dir, LAB_CA), '--cert', labPaths.certificate(lab.dir, LAB_CLIENT), '--key', labPaths.key(lab.dir, LAB_CLIENT)];
    const preview = await cli<MembershipChangeReport>('member', 'remove', 'n3', ...at, '--json');
    assert.deepEqual([preview.code, preview.envelope.data.state, preview.envelope.data.after.failuresTolerated], [0, 'preview', 0]);
    assert.match(preview.envelope.next[0] ?? '', new RegExp(`--execute --confirm ${clusterId.slice(0, 8)}$`));
    const unconfirmed = await cli('member', 'remove', 'n3', ...at, '--execute', '--yes', '--json');
    assert.deepEqual([unconfirmed.code, unconfirmed.envelope.error?.hint.endsWith(`--confirm ${clusterId.slice(0, 8)}`)], [2, true]);
    assert.equal(ruleOf(await cli('member', 'remove', 'n3', ...at, '--execute', '--confirm', 'another-cluster', '--json')), 'confirm-mismatch');
    // A busy machine may have elected anew since: who leads is asked right before.
    const { members, leader } = await list(lab);
    assert.equal(members.length, 3);
    assert.equal((await live<{ state: string }>(lab, 0, 'leader', 'stepdown', '--to', leader ?? '')).envelope.data.state, 'already');
  });

  it('member list --watch gives a line a look, and ends well on Ctrl-C', async () => {
    const watch = watching('member', 'list', '--watch=200ms');
    await until('three looks', () => watch.rows().length >= 3);
    assert.equal(await watch.interrupt(), 0);
    assert.ok(watch.rows<MemberList>().every((one) => one.members.length === 3));
  });

  it('changes one member at a time under load; no acknowledged write is lost or doubled', async () => {
    const prefix = 'load/';
    const { revision: from } = (await live<{ revision: number }>(lab, 0, 'kv', 'put', 'mark', 'before the load')).envelope.data;
    const watch = watching('kv', 'watch', prefix, '--prefix', '--from-revision', String(from));
    const writer = await LiveWriter.start(lab.connection, { prefix, tasks: 4, everyMs: 10 });
    let caseDir = '';
    try {
      await writer.nextAck();

      // A preview changes nothing; adding waits until the member has caught up; doing it again changes nothing.
      const n4 = (await started(lab, 'n4')).address;
      const preview = (await live<MembershipChangeReport>(lab, 0, 'member', 'add', 'n4', n4)).envelope;
      assert.deepEqual([preview.data.state, preview.data.changed, preview.data.after.learners], ['preview', false, ['n4']]);
      assert.match(preview.next[0] ?? '', /member add n4 .* --execute$/);
      assert.equal((await list(lab)).members.length, 3);
      const added = (await live<MembershipChangeReport>(lab, 0, 'member', 'add', 'n4', n4, '--execute')).envelope.data;
      assert.deepEqual([added.state, added.changed, added.steps.map((one) => one.status)], ['done', true, ['done', 'done']]);
      assert.equal((await live<MembershipChangeReport>(lab, 0, 'member', 'add', 'n4', '--execute')).envelope.data.state, 'already', 'a practice cluster knows the address');
      await live(lab, 0, 'member', 'wait', 'n4');
      assert.equal((await live<MembershipChangeReport>(lab, 0, 'member', 'promote', 'n4', '--execute')).envelope.data.state, 'done');
      assert.deepEqual((await list(lab)).members.filter((one) => one.role === 'voter').length, 4);

      // Removing the leader: it hands over first.
      const leader = await leaderOf(lab);
      const removed = (await live<MembershipChangeReport>(lab, 0, 'member', 'remove', leader, '--execute')).envelope.data;
      assert.equal(removed.state, 'done');
      assert.equal((await live<MembershipChangeReport>(lab, 0, 'member', 'remove', leader, '--execute')).envelope.data.state, 'already');
      assert.equal(ruleOf(await live(lab, 4, 'member', 'add', leader, (await lab.member(leader)).address, '--execute')), 'id-reused');
      await lab.order({ kind: 'kill', ids: [leader], signal: 'SIGKILL' });
      await writer.nextAck();

      // Replacing a live member, with a journal of every step.
      const voters = (await list(lab)).members.map((one) => one.id);
      const old = voters.find((one) => one !== 'n4') ?? '';
      const n5 = (await started(lab, 'n5')).address;
      caseDir = path.join(lab.root, 'case');
      const replaced = (await live<MembershipChangeReport>(lab, 0, 'member', 'replace', old, 'n5', n5, '--execute', '--case', caseDir)).envelope.data;
      assert.deepEqual(replaced.steps.map((one) => one.id), ['add-learner n5', 'wait n5', 'promote n5', `remove ${old}`]);
      const journal = fs.readFileSync(replaced.journal ?? '', 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as { event: string });
      assert.deepEqual(journal.map((one) => one.event), ['run', ...replaced.steps.flatMap(() => ['started', 'ended'])]);
      assert.equal((await live<MembershipChangeReport>(lab, 0, 'member', 'replace', old, 'n5', n5, '--execute', '--case', caseDir)).envelope.data.state, 'already');
      assert.deepEqual((await list(lab)).members.map((one) => one.id).sort(), voters.map((one) => (one === old ? 'n5' : one)).sort());

      await lab.order({ kind: 'kill', ids: [old], signal: 'SIGKILL' });

      // Handing over, with the gap measured under load.
      const before = await leaderOf(lab);
      const stepped = (await live<{ before: { leader: string; term: number }; after: { leader: string; term: number }; gapMs: number }>(lab, 0, 'leader', 'stepdown', '--execute')).envelope.data;
      assert.equal(stepped.before.leader, before);
      assert.notEqual(stepped.after.leader, before);
      assert.ok(stepped.after.term > stepped.before.term);
      assert.ok(stepped.gapMs > 0 && stepped.gapMs < 3000, `gap ${stepped.gapMs} ms`);

      // kill -9 of the leader, and back.
      const victim = await leaderOf(lab);
      await lab.order({ kind: 'kill', ids: [victim], signal: 'SIGKILL' });
      await writer.nextAck();
      const degraded = await until('the list to show the dead member', async () => {
        const ran = await cli<MemberList>('member', 'list', '--lab', lab.dir, '--json');
        return ran.code === 3 && ran.envelope.data.members.some((one) => one.id === victim && !one.healthy) ? ran.envelope : null;
      });
      assert.deepEqual([degraded.data.failuresTolerated, degraded.findings.map((one) => one.rule)], [0, ['member-down', 'no-margin']]);
      await lab.order({ kind: 'start', id: victim });
      await live(lab, 0, 'member', 'wait', victim);

      // The leader cut off, and healed.
      const cut = await leaderOf(lab);
      const others = (await lab.status()).members.map((one) => one.id).filter((one) => one !== cut);
      await lab.order({ kind: 'links', links: others.flatMap((id) => [{ from: cut, to: id }, { from: id, to: cut }]), fault: { mode: 'cut' } });
      await until('another leader', async () => (await cli<{ leader: string }>('leader', 'show', '--lab', lab.dir, '--json')).envelope.data.leader !== cut);
      await writer.nextAck();
      await lab.order({ kind: 'heal' });
      await live(lab, 0, 'member', 'wait', cut);
      await writer.nextAck();
    } finally {
      await writer.stop();
    }
    assert.ok(writer.acked.size > 200, `${writer.acked.size} writes were acknowledged`);
    await readBack(lab, writer, prefix);
    await until('the watch to tell the last write', () => watch.rows<{ key: string }>().length >= writer.acked.size);
    await pause(200);
    assert.equal(await watch.interrupt(), 0);
    checkWatch(watch.rows(), writer);
    assert.ok(watch.stderr.includes('watch goes on:') || watch.stderr === '', watch.stderr);
  });

  it('B15: refuses with exit 4 and its rule what would cost the majority, and a learner that lags', async () => {
    const { leader, members } = await list(lab);
    const [victim, other] = members.map((one) => one.id).filter((one) => one !== leader);
    // A learner that was never started lags for ever.
    const partial = (await live<MembershipChangeReport>(lab, 8, 'member', 'add', 'n6', '127.0.0.1:9', '--execute', '--timeout', '2s')).envelope;
    assert.deepEqual([partial.data.state, partial.data.changed, partial.data.steps.map((one) => one.status)], ['partial', true, ['done', 'failed']]);
    assert.match(partial.next[0] ?? '', /member wait n6 /);
    assert.equal(ruleOf(await live(lab, 4, 'member', 'promote', 'n6', '--execute', '--timeout', '3s')), 'learner-lagging');
    assert.equal((await live(lab, 6, 'member', 'wait', 'n6', '--timeout', '1s')).envelope.error?.code, 'UNREACHABLE');
    await live(lab, 0, 'member', 'remove', 'n6', '--execute');
    assert.equal(ruleOf(await live(lab, 4, 'member', 'add', 'n6', '127.0.0.1:9', '--execute')), 'id-reused');
    await lab.order({ kind: 'kill', ids: [victim ?? ''], signal: 'SIGKILL' });
    await until('the dead member to show', async () => (await cli('member', 'list', '--lab', lab.dir)).code === 3);
    assert.equal(ruleOf(await live(lab, 4, 'member', 'remove', other ?? '', '--execute')), 'margin-lost');
    // A dead member is removed before its successor comes.
    const n7 = (await started(lab, 'n7')).address;
    const replaced = (await live<MembershipChangeReport>(lab, 0, 'member', 'replace', victim ?? '', 'n7', n7, '--execute', '--case', path.join(lab.root, 'case'))).envelope.data;
    assert.deepEqual(replaced.steps.map((one) => `${one.id} ${one.status}`), [`remove ${victim} done`, 'add-learner n7 done', 'wait n7 done', 'promote n7 done']);
    assert.equal((await list(lab)).failuresTolerated, 1);
  });

  it('without a majority reads what a member has, and says of everything else that it did not happen', async () => {
    await live(lab, 0, 'kv', 'put', 'kept', 'here');
    const { members } = await list(lab);
    await settled(lab);
    const victims = members.map((one) => one.id).slice(0, 2);
    await lab.order({ kind: 'kill', ids: victims, signal: 'SIGKILL' });
    await until('the leader to be forgotten', async () => (await cli('leader', 'show', '--lab', lab.dir)).code === 6);
    assert.equal((await live<{ value: string }>(lab, 0, 'kv', 'get', 'kept', '--consistency', 'stale')).envelope.data.value, 'here');
    assert.equal(ruleOf(await live(lab, 4, 'kv', 'get', 'kept', '--consistency', 'follower', '--max-staleness', '200ms', '--timeout', '1s')), 'too-stale');
    await live(lab, 6, 'kv', 'get', 'kept', '--timeout', '1s');
    assert.match((await live(lab, 6, 'kv', 'put', 'kept', 'lost', '--timeout', '1s')).envelope.error?.message ?? '', /did not take effect/);
    assert.deepEqual((await live(lab, 6, 'member', 'list')).envelope.findings.map((one) => one.rule), ['no-leader', 'member-down', 'member-down']);
    assert.equal(ruleOf(await live(lab, 4, 'member', 'remove', victims[0] ?? '', '--execute')), 'no-leader');
    const waiting = watching('member', 'wait', victims[0] ?? '');
    await pause(1500);
    assert.equal(await waiting.interrupt(), 5);
    for (const id of victims) await lab.order({ kind: 'start', id });
    for (const id of victims) await live(lab, 0, 'member', 'wait', id);
    assert.equal((await live<{ value: string }>(lab, 0, 'kv', 'get', 'kept')).envelope.data.value, 'here');
  });

  it('snapshot save writes a whole snapshot under a new name, and never over another', async () => {
    const file = path.join(lab.root, 'saved.snap');
    const saved = (await live<{ index: number; sha256: string }>(lab, 0, 'snapshot', 'save', '-o', file)).envelope;
    assert.deepEqual(saved.next, [`raft-inspector snapshot verify ${file}`]);
    const verified = await cli<{ snapshots: { verdict: string; index: number }[] }>('snapshot', 'verify', file, '--json');
    assert.deepEqual([verified.code, verified.envelope.data.snapshots[0]?.verdict, verified.envelope.data.snapshots[0]?.index], [0, 'verified', saved.data.index]);
    const before = fs.readFileSync(file);
    assert.equal((await live(lab, 2, 'snapshot', 'save', '-o', file)).envelope.error?.code, 'USAGE');
    assert.ok(before.equals(fs.readFileSync(file)));
    assert.deepEqual(fs.readdirSync(lab.root).filter((name) => name.includes('.part')), []);
  });

  it('inspect member on a running member agrees with its status, and indexes only grow', async () => {
    const connection = lab.connection;
    let last = 0;
    for (let round = 0; round < 2; round += 1) {
      await live(lab, 0, 'kv', 'put', 'grow', String(round));
      const status = await settled(lab);
      for (const { id, dataDir } of connection.members.filter((one) => status.members.some((other) => other.id === one.id))) {
        const own = status.members.find((one) => one.id === id);
        const ran = await cli<{ members: MemberReport[] }>('inspect', 'member', dataDir, '--json');
        const [report] = ran.envelope.data.members;
        assert.ok(ran.code === 0 && report !== undefined, `${ran.code} ${ran.stderr}`);
        assert.deepEqual([report.store, report.memberId, report.health], ['native', id, 'ok']);
        assert.ok(report.lastEntry.index >= (own?.lastIndex ?? 0), `${id}: ${report.lastEntry.index} on disk, ${own?.lastIndex} told before`);
        assert.equal(report.hardState.currentTerm, own?.term);
      }
      const { commitIndex } = await list(lab);
      assert.ok(commitIndex > last);
      last = commitIndex;
    }
  });

  it('recover pick on the stopped directories agrees with what is true', async () => {
    const { members } = await list(lab);
    const status = await settled(lab);
    const truth = status.members[0];
    const names = members.map((one) => one.id);
    const places = lab.connection.members.filter((one) => names.includes(one.id)).map((one) => `${one.id}=${one.dataDir}`);
    assert.equal((await cli('lab', 'down', '--dir', lab.dir)).code, 0);
    const whole = (await cli<PickReport>('recover', 'pick', ...places, '--json')).envelope.data;
    assert.deepEqual([whole.loss.verdict, whole.loss.proof], ['none', 'proven']);
    assert.ok(whole.ranking.every((one) => one.disqualified === null), JSON.stringify(whole.ranking));
    assert.ok((whole.ranking[0]?.lastEntry.index ?? 0) >= (truth?.commitIndex ?? Number.MAX_SAFE_INTEGER));
    const alone = (await cli<PickReport>('recover', 'pick', places[0] ?? '', '--json')).envelope.data;
    assert.equal(alone.loss.verdict, 'unknown');
    const again = await cli('lab', 'up', '--dir', lab.dir);
    assert.equal(again.code, 0, again.stderr);
    assert.equal((await live<{ value: string }>(lab, 0, 'kv', 'get', 'grow')).envelope.data.value, '1');
  });
});

describe('live commands on a cluster with calm timing', function () {
  this.timeout(60_000);

  it('B15: refuses a second change while one is pending, with exit 4', async () => {
    ensureBuilt();
    const lab = await TestLab.up(3, '--timing', 'calm');
    let cluster: LiveCluster | undefined;
    try {
      const leader = await leaderOf(lab);
      const others = lab.connection.members.map((one) => one.id).filter((one) => one !== leader);
      cluster = await connect(lab);
      // Followers that hear their leader, and whose answers to appends are held, keep a change appended and uncommitted.
      for (const id of others) await lab.order({ kind: 'faults', id, faults: { messages: [{ kinds: ['append-reply'], action: 'hold' }] } });
      const first = cluster.changeMembership({ kind: 'add-learner', id: 'n8', name: 'n8', address: '127.0.0.1:8' }, { changeId: 'first', expectedIndex: null, timeoutMs: 20_000 });
      first.catch(() => undefined);
      await until('the pending change to show', async () => (await cli<MemberList>('member', 'list', '--lab', lab.dir, '--json')).envelope.data.pendingChange !== null);
      assert.equal(ruleOf(await live(lab, 4, 'member', 'add', 'n9', '127.0.0.1:9', '--execute', '--no-wait')), 'change-pending');
      await lab.order({ kind: 'heal' });
      await first;
      await live(lab, 0, 'member', 'add', 'n9', '127.0.0.1:9', '--execute', '--no-wait');
    } finally {
      await cluster?.close();
      await lab.end();
    }
  });
});

function connect({ connection: { endpoints, clusterId, tls } }: TestLab): Promise<LiveCluster> {
  return openLiveCluster('native', { endpoints, clusterId, tls });
}

/** The leader by the word of the members themselves: those that were removed, or are dead, do not count. */
async function leaderOf(lab: TestLab): Promise<string> {
  return until('a leader', async () => (await cli<{ leader: string | null }>('leader', 'show', '--lab', lab.dir, '--json')).envelope.data?.leader ?? null);
}

async function started(lab: TestLab, id: string): Promise<{ address: string }> {
  const status = await lab.order({ kind: 'start', id });
  const found = status.members.find((one) => one.id === id);
  assert.ok(found, `${id} was not started`);
  return found;
}

/** Waits until the members (those that were removed still run, and stay behind) have applied the same and agree on the state. */
async function settled(lab: TestLab): Promise<LabStatus> {
  const ids = (await list(lab)).members.map((one) => one.id);
  return until('equal members', async () => {
    const status = await lab.status();
    const shown = new Set(status.members.filter((one) => ids.includes(one.id)).map((one) => `${one.state} ${one.appliedIndex} ${one.stateHash}`));
    return shown.size === 1 ? { ...status, members: status.members.filter((one) => ids.includes(one.id)) } : null;
  });
}

/** Every acknowledged write is there with its value, and in the log of a member exactly once. */
async function readBack(lab: TestLab, writer: LiveWriter, prefix: string): Promise<void> {
  await settled(lab);
  const cluster = await connect(lab);
  try {
    const kv = cluster.kv();
    const valueOf = async (key: string) => (await kv.get(Buffer.from(key), { kind: 'linearizable' }, { timeoutMs: 5000 })).found;
    for (const [key, { revision, value }] of writer.acked) {
      const found = await valueOf(key);
      assert.deepEqual([found === null ? null : Buffer.from(found.value).toString(), found?.revision], [value, revision], key);
    }
    for (const key of writer.failed) assert.equal(await valueOf(key), null, `${key} was told failed`);
  } finally {
    await cluster.close();
  }
  const { members } = await list(lab);
  for (const { id } of members) {
    const place = lab.connection.members.find((one) => one.id === id)?.dataDir ?? '';
    const ran = await cli('inspect', 'log', place, '--format', 'ndjson');
    assert.equal(ran.code, 0, ran.stderr);
    const counts = new Map<string, number>();
    let oldest = Number.POSITIVE_INFINITY;
    for (const line of ran.stdout.trimEnd().split('\n')) {
      const { key, index } = JSON.parse(line) as { key: string | null; index: number };
      oldest = Math.min(oldest, index);
      if (key?.startsWith(prefix)) counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (const [key, { revision }] of writer.acked) if (revision >= oldest) assert.equal(counts.get(key), 1, `${key} in the log of ${id}`);
    for (const key of writer.failed) assert.equal(counts.get(key) ?? 0, 0, `${key} was told failed and is in the log of ${id}`);
    for (const key of writer.unknown) assert.ok((counts.get(key) ?? 0) <= 1, `${key} twice in the log of ${id}`);
  }
}

/** The watch told every acknowledged write once, in the order of revisions, through all changes of leaders. */
function checkWatch(rows: readonly { type: string; key: string; revision: number }[], writer: LiveWriter): void {
  const revisions = rows.map((one) => one.revision);
  assert.deepEqual(revisions, [...new Set(revisions)].sort((a, b) => a - b));
  const told = new Set(rows.map((one) => one.key));
  for (const key of writer.acked.keys()) assert.ok(told.has(key), `the watch missed ${key}`);
  for (const key of writer.failed) assert.ok(!told.has(key), `the watch told ${key}`);
}
