import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RefusedError, UnreachableError } from '../../../src/engine/errors.ts';
import { OutcomeUnknownError } from '../../../src/engine/live/failures.ts';
import { waitForMember } from '../../../src/engine/live/caught-up.ts';
import { type MembershipRequest, planMembership } from '../../../src/engine/live/membership-plan.ts';
import { runMembership, type RunReport } from '../../../src/engine/live/membership-run.ts';
import { NO_JOURNAL, StepJournalFile } from '../../../src/engine/live/step-journal.ts';
import { FakeCluster, listOf, member } from '../../helpers/fake-live-cluster.ts';

const REPLACE: MembershipRequest = { kind: 'replace', old: 'n3', id: 'n4', name: 'n4', address: '127.0.0.1:7004' };
const three = () => new FakeCluster(listOf([member('n1'), member('n2'), member('n3')]));

function run(cluster: FakeCluster, request: MembershipRequest, timeoutMs = 10_000): Promise<RunReport> {
  return runMembership(cluster, planMembership(request, cluster.list), { timeoutMs, journal: NO_JOURNAL, ...cluster.time });
}

describe('runs of membership changes', () => {
  it('takes the steps of a replacement in order, each once', async () => {
    const cluster = three();
    const { steps, failure } = await run(cluster, REPLACE);
    assert.equal(failure, null);
    assert.deepEqual(steps.map((one) => `${one.id} ${one.status}`), ['add-learner n4 done', 'wait n4 done', 'promote n4 done', 'remove n3 done']);
    assert.deepEqual(cluster.asked.map((one) => one.change.kind), ['add-learner', 'promote', 'remove']);
    assert.deepEqual(cluster.list.members.map((one) => one.id), ['n1', 'n2', 'n4']);
  });

  it('B20: a lost answer is asked for again under the same id, and nothing is done twice', async () => {
    const cluster = three();
    cluster.faults.push((change) => {
      cluster.take(change, cluster.asked.at(-1)?.changeId ?? '');
      throw new OutcomeUnknownError('lost', '');
    });
    const { failure } = await run(cluster, { kind: 'add', id: 'n4', name: 'n4', address: '127.0.0.1:7004' });
    assert.equal(failure, null);
    assert.equal(cluster.asked.length, 2);
    assert.equal(cluster.asked[0]?.changeId, cluster.asked[1]?.changeId);
    assert.equal(cluster.list.members.filter((one) => one.id === 'n4').length, 1);
  });

  it('ends at the first refusal; what was done stays done, and the next run goes on there', async () => {
    const cluster = three();
    cluster.faults.push(() => undefined, () => {
      throw new RefusedError('margin-lost', 'no majority', '');
    });
    const first = await run(cluster, REPLACE);
    assert.ok(first.failure instanceof RefusedError);
    assert.deepEqual(first.steps.map((one) => one.status), ['done', 'done', 'failed', 'not-started']);
    const second = await run(cluster, REPLACE);
    assert.equal(second.failure, null);
    assert.deepEqual(second.steps.map((one) => one.status), ['already', 'done', 'done', 'done']);
    assert.equal(cluster.asked.filter((one) => one.change.kind === 'add-learner').length, 1);
  });

  it('B16: waits out a leader that is new or hands over first, and a learner that is a few entries behind', async () => {
    const cluster = new FakeCluster(listOf([member('n1'), member('n2'), member('n3'), member('n4', { role: 'learner', lag: 3 })]));
    const fail = (error: Error) => () => {
      throw error;
    };
    cluster.faults.push(fail(new UnreachableError('the leader handed over before its removal', '')), fail(new RefusedError('learner-lagging', 'behind', '')));
    assert.equal((await run(cluster, { kind: 'promote', id: 'n4' })).failure, null);
    assert.equal(cluster.asked.length, 3);
  });

  it('believes for a while what it has just seen caught up, when a new leader does not know it yet', async () => {
    const cluster = three();
    const lagging = (): never => {
      throw new RefusedError('learner-lagging', 'n4 stores entries up to 0', '');
    };
    cluster.faults.push(() => undefined, lagging, lagging);
    // As a leader that was elected in between shows it: not heard of yet.
    cluster.onLook = (list) => (cluster.asked.length < 2 ? list : { ...list, members: list.members.map((one) => (one.id === 'n4' ? { ...one, matchIndex: 0, lag: 2046 } : one)) });
    const { steps, failure } = await run(cluster, REPLACE);
    assert.equal(failure, null);
    assert.deepEqual(steps.map((one) => one.status), ['done', 'done', 'done', 'done']);
    const forGood = three();
    forGood.faults.push(() => undefined, ...Array.from({ length: 100 }, () => lagging));
    forGood.onLook = (list) => (forGood.asked.length < 2 ? list : { ...list, members: list.members.map((one) => (one.id === 'n4' ? { ...one, matchIndex: 0, lag: 2046 } : one)) });
    const stuck = await run(forGood, REPLACE, 60_000);
    assert.ok(stuck.failure instanceof RefusedError && stuck.failure.rule === 'learner-lagging');
    assert.ok(forGood.nowMs < 15_000, `not for ever: ${forGood.nowMs} ms`);
  });

  it('B14: does not wait for a learner that is far behind or down', async () => {
    for (const learner of [{ lag: 50_000 }, { healthy: false, lag: null }]) {
      const cluster = new FakeCluster(listOf([member('n1'), member('n2'), member('n3'), member('n4', { role: 'learner', ...learner })]));
      cluster.faults.push(() => {
        throw new RefusedError('learner-lagging', 'behind', '');
      });
      const { failure } = await run(cluster, { kind: 'promote', id: 'n4' });
      assert.ok(failure instanceof RefusedError && failure.rule === 'learner-lagging');
      assert.equal(cluster.asked.length, 1);
    }
  });

  it('keeps a journal: a line before and after each step, made durable, appended to by the next run', async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-journal-'));
    const file = path.join(directory, 'case', 'replace.ndjson');
    const cluster = three();
    for (let round = 0; round < 2; round += 1) {
      const journal = StepJournalFile.open(file, { command: 'member replace n3 n4' });
      await runMembership(cluster, planMembership(REPLACE, cluster.list), { timeoutMs: 5000, journal, ...cluster.time });
      journal.close();
    }
    const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(lines.map((one) => `${one.event} ${one.step ?? ''}`.trim()), ['run', ...['add-learner n4', 'wait n4', 'promote n4', 'remove n3'].flatMap((step) => [`started ${step}`, `ended ${step}`]), 'run']);
    fs.rmSync(directory, { recursive: true });
  });
});

describe('waiting for a member', () => {
  it('waits for what was committed when it began, not for an end that runs ahead', async () => {
    const cluster = new FakeCluster(listOf([member('n1'), member('n2'), member('n4', { role: 'learner', matchIndex: 0 })]));
    let looks = 0;
    cluster.onLook = (list) => {
      looks += 1;
      return { ...list, commitIndex: list.commitIndex + 50, members: list.members.map((one) => (one.id === 'n4' ? { ...one, matchIndex: looks * 40 } : one)) };
    };
    const { member: found } = await waitForMember(cluster, 'n4', { timeoutMs: 5000, ...cluster.time });
    assert.ok((found.matchIndex ?? 0) >= 150);
    assert.ok((found.matchIndex ?? 0) < cluster.list.commitIndex);
  });

  it('gives up with exit 6 and says how far it is; a stranger is refused', async () => {
    const cluster = new FakeCluster(listOf([member('n1'), member('n2'), member('n4', { role: 'learner', matchIndex: 7 })]));
    await assert.rejects(waitForMember(cluster, 'n4', { timeoutMs: 1000, ...cluster.time }), (error) => error instanceof UnreachableError && /up to 7, and 100 is to be reached/.test(error.message));
    await assert.rejects(waitForMember(cluster, 'n9', { timeoutMs: 1000, ...cluster.time }), (error) => error instanceof RefusedError && error.rule === 'unknown-member');
  });
});
