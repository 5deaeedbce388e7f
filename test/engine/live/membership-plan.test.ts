import assert from 'node:assert/strict';
import { RefusedError, UsageError } from '../../../src/engine/errors.ts';
import { changeIdOf, planMembership } from '../../../src/engine/live/membership-plan.ts';
import { down, listOf, member } from '../../helpers/fake-live-cluster.ts';

const three = listOf([member('n1'), member('n2'), member('n3')]);
const oneDown = listOf([member('n1'), member('n2'), down('n3')]);
const withLearner = listOf([member('n1'), member('n2'), member('n3'), member('n4', { role: 'learner' })]);

function ruleOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof RefusedError) return error.rule;
    throw error;
  }
  return 'none';
}

describe('plans of membership changes', () => {
  it('shows the configuration before and after, and who comes', () => {
    const plan = planMembership({ kind: 'add', id: 'n4', name: 'n4', address: '10.0.0.4:7001' }, three);
    assert.deepEqual(plan.before, { voters: ['n1', 'n2', 'n3'], learners: [], quorum: 2, failuresTolerated: 1 });
    assert.deepEqual(plan.after, { voters: ['n1', 'n2', 'n3'], learners: ['n4'], quorum: 2, failuresTolerated: 1 });
    assert.deepEqual(plan.members.map((one) => `${one.sign}${one.id}`), [' n1', ' n2', ' n3', '+n4']);
    assert.equal(plan.severe, null);
  });

  it('is idempotent: what the cluster shows already is done', () => {
    assert.ok(planMembership({ kind: 'add', id: 'n4', name: 'n4', address: '127.0.0.1:7004' }, withLearner).steps.every((one) => one.isDone));
    assert.ok(planMembership({ kind: 'promote', id: 'n1' }, three).steps.every((one) => one.isDone));
    assert.ok(planMembership({ kind: 'remove', id: 'n9' }, listOf([member('n1'), member('n2')], { removedIds: ['n9'] })).steps.every((one) => one.isDone));
  });

  it('B15: refuses what the cluster would refuse, by the same rule', () => {
    assert.equal(ruleOf(() => planMembership({ kind: 'add', id: 'n9', name: 'n9', address: '10.0.0.9:1' }, { ...three, removedIds: ['n9'] })), 'id-reused');
    assert.equal(ruleOf(() => planMembership({ kind: 'add', id: 'n9', name: 'n9', address: '127.0.0.1:7002' }, three)), 'address-in-use');
    assert.equal(ruleOf(() => planMembership({ kind: 'add', id: 'n2', name: 'n2', address: '127.0.0.1:9999' }, three)), 'address-in-use');
    assert.equal(ruleOf(() => planMembership({ kind: 'promote', id: 'n9' }, three)), 'unknown-member');
    assert.equal(ruleOf(() => planMembership({ kind: 'remove', id: 'n9' }, three)), 'unknown-member');
    assert.equal(ruleOf(() => planMembership({ kind: 'remove', id: 'n1' }, listOf([member('n1')]))), 'last-voter');
  });

  it('B15: refuses a change after which the voters that are up make no majority', () => {
    assert.equal(ruleOf(() => planMembership({ kind: 'remove', id: 'n2' }, oneDown)), 'margin-lost');
    const fourOfWhichTwoDown = listOf([member('n1'), member('n2'), member('n5'), down('n3'), down('n4')]);
    assert.equal(ruleOf(() => planMembership({ kind: 'remove', id: 'n5' }, fourOfWhichTwoDown)), 'margin-lost');
    assert.equal(ruleOf(() => planMembership({ kind: 'remove', id: 'n3' }, fourOfWhichTwoDown)), 'none');
    const learnerBesideTwoDown = listOf([member('n1'), member('n2'), member('n3'), down('n4'), down('n5'), member('n6', { role: 'learner', healthy: false })]);
    assert.equal(ruleOf(() => planMembership({ kind: 'promote', id: 'n6' }, learnerBesideTwoDown)), 'margin-lost');
  });

  it('asks for confirmation exactly where no further failure is tolerated afterwards', () => {
    assert.match(planMembership({ kind: 'remove', id: 'n3' }, three).severe ?? '', /2 voters with a quorum of 2: no further failure/);
    assert.match(planMembership({ kind: 'remove', id: 'n3' }, oneDown).severe ?? '', /no further failure/);
    const five = listOf(['n1', 'n2', 'n3', 'n4', 'n5'].map((id) => member(id)));
    assert.equal(planMembership({ kind: 'remove', id: 'n5' }, five).severe, null);
    assert.equal(planMembership({ kind: 'promote', id: 'n4' }, withLearner).severe, null);
    assert.match(planMembership({ kind: 'promote', id: 'n4' }, listOf([member('n1'), member('n2'), down('n3'), member('n4', { role: 'learner' })])).severe ?? '', /4 voters with a quorum of 3/);
  });

  it('B15: replaces a live member by adding first, a dead one by removing first', () => {
    const request = { kind: 'replace' as const, id: 'n4', name: 'n4', address: '10.0.0.4:7001' };
    const kinds = (plan: ReturnType<typeof planMembership>): string[] => plan.steps.map((one) => `${one.isDone ? '(' : ''}${one.kind} ${one.target}`);
    assert.deepEqual(kinds(planMembership({ ...request, old: 'n3' }, three)), ['add-learner n4', 'wait n4', 'promote n4', 'remove n3']);
    assert.deepEqual(kinds(planMembership({ ...request, old: 'n3' }, oneDown)), ['remove n3', 'add-learner n4', 'wait n4', 'promote n4']);
    assert.deepEqual(planMembership({ ...request, old: 'n3' }, three).after.voters, ['n1', 'n2', 'n4']);
    assert.throws(() => planMembership({ ...request, old: 'n4' }, three), UsageError);
  });

  it('resumes a replacement from what the cluster shows', () => {
    const request = { kind: 'replace' as const, old: 'n3', id: 'n4', name: 'n4', address: '127.0.0.1:7004' };
    const undone = (list: typeof three): string[] => planMembership(request, list).steps.filter((one) => !one.isDone).map((one) => one.kind);
    assert.deepEqual(undone(withLearner), ['wait', 'promote', 'remove']);
    assert.deepEqual(undone(listOf([member('n1'), member('n2'), member('n3'), member('n4')])), ['remove']);
    assert.deepEqual(undone(listOf([member('n1'), member('n2'), member('n4', { role: 'learner' })], { removedIds: ['n3'] })), ['wait', 'promote']);
    assert.deepEqual(undone(listOf([member('n1'), member('n2'), member('n4')], { removedIds: ['n3'] })), []);
  });

  it('names a change by its arguments alone, so that a retry is the same change', () => {
    const add = { kind: 'add-learner', id: 'n4', name: 'n4', address: 'a:1' } as const;
    assert.equal(changeIdOf('c', add), changeIdOf('c', { ...add, name: 'other' }));
    assert.notEqual(changeIdOf('c', add), changeIdOf('c', { ...add, address: 'b:1' }));
    assert.notEqual(changeIdOf('c', { kind: 'promote', id: 'n4' }), changeIdOf('c', { kind: 'remove', id: 'n4' }));
    assert.notEqual(changeIdOf('c', { kind: 'promote', id: 'n4' }), changeIdOf('d', { kind: 'promote', id: 'n4' }));
  });
});
