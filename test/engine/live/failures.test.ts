import assert from 'node:assert/strict';
import { EXIT, RefusedError } from '../../../src/engine/errors.ts';
import { toFailure } from '../../../src/engine/live/failures.ts';
import { CallError } from '../../../src/engine/ports/node-api.ts';

describe('failed calls as errors of commands', () => {
  const failure = (outcome: CallError['outcome'], rule: CallError['rule']) => toFailure(new CallError(outcome, rule, 'why', { id: 'n2', address: 'h:2' }), 'put a', 'kv get a');

  it('B20: what may have happened is never called a failure, whatever the reason', () => {
    for (const rule of ['timeout', 'leadership-lost', 'unreachable', 'change-pending', 'storage-failed', 'bad-request'] as const) {
      const error = failure('unknown', rule);
      assert.deepEqual([error.code, error.exitCode, error.hint], ['OUTCOME_UNKNOWN', EXIT.unreachable, 'kv get a'], rule);
      assert.match(error.message, /may or may not/);
    }
  });

  it('a refusal keeps its rule and ends in exit 4, and says where the leader is', () => {
    for (const rule of ['change-pending', 'margin-lost', 'id-reused', 'learner-lagging', 'too-stale', 'compacted', 'wrong-lineage', 'not-authorized', 'transfer-timeout'] as const) {
      const error = failure('failed', rule);
      assert.ok(error instanceof RefusedError, rule);
      assert.deepEqual([error.rule, error.exitCode], [rule, EXIT.refused]);
      assert.match(error.message, /n2 at h:2/);
      assert.notEqual(error.hint, '');
    }
  });

  it('what passes by itself is unreachable, and says that nothing happened', () => {
    for (const rule of ['not-leader', 'overloaded', 'transferring', 'no-commit-in-term', 'leadership-lost', 'removes-leader', 'stopping', 'unreachable', 'timeout'] as const) {
      const error = failure('failed', rule);
      assert.deepEqual([error.code, error.exitCode], ['UNREACHABLE', EXIT.unreachable], rule);
      assert.match(error.message, /did not take effect/);
    }
    assert.equal(failure('failed', 'too-large').exitCode, EXIT.usage);
  });
});
