import assert from 'node:assert/strict';
import path from 'node:path';
import { undoPlan } from '../../../../src/engine/recovery/apply/undo.ts';
import { lintPlan } from '../../../../src/engine/recovery/plan/lint.ts';
import { targetOfKind } from '../../../../src/engine/recovery/targets/index.ts';
import { baseSnapshot } from '../../../../src/engine/recovery/targets/hashicorp/kept-log.ts';
import { readResult } from '../../../../src/engine/recovery/targets/hashicorp/result-checks.ts';
import { corpusCases } from '../../../helpers/corpus.ts';
import { treeFingerprint } from '../../../helpers/tree-fingerprint.ts';
import { apply, copyCase, planFor, recoverableCases, serverIdsOf } from './plan-and-apply.ts';
import { commandsOf, failed, removeAll } from './recover-directory.ts';

/** Names, sizes and bytes; times are not kept by an undo in every place. */
function contentOf(directory: string): string[] {
  return treeFingerprint(directory, 'bytes').map((line) => line.replace(/ mtime=\S+| ctime=\S+/g, '').replace(/ size=\d+$/, ''));
}

describe('every recoverable case of the corpus: plan, apply, read back, undo', function () {
  this.timeout(60_000);
  afterEach(removeAll);

  for (const { name, sources, members } of recoverableCases(corpusCases())) {
    const isWal = name.includes('/wal-');
    it(`${name}${isWal ? ' (read by our reader: Debian has no raft-wal to start it with)' : ''}`, async () => {
      const copy = copyCase(name);
      const ids = serverIdsOf(name);
      const plan = await planFor(members.map((member) => path.join(copy, member)), { ids });
      const { source } = plan;
      assert.ok(sources.includes(source), `${source} is none of ${sources.join(', ')}`);
      assert.deepEqual(lintPlan(plan, new Date(plan.createdAt)).filter((one) => one.severity === 'error'), []);
      const directory = path.join(copy, source);
      const before = contentOf(directory);
      const original = readResult(directory);
      const commands = commandsOf(original, baseSnapshot(original.report)?.index ?? 0, plan.keepTo);

      await apply(plan);
      const target = targetOfKind(plan.target);
      assert.deepEqual(failed(await target.check(directory, plan.outcome, plan.parameters)), []);
      const { report, ...result } = readResult(directory);
      assert.deepEqual(report.startable, { ok: true });
      assert.deepEqual(commandsOf({ report, ...result }, baseSnapshot(report)?.index ?? 0, plan.keepTo), commands);
      assert.deepEqual(plan.outcome.voters, [ids[source]]);
      if (plan.target === 'raft-append') {
        assert.deepEqual(report.confState?.voters, [ids[source]]);
        assert.equal(report.lastEntry.index, original.report.lastEntry.index + 1);
        assert.ok(report.lastEntry.term > original.report.hardState.currentTerm, 'in a term above every one seen');
      } else {
        assert.equal(plan.target, 'peers-json');
        assert.deepEqual(report.lastEntry, original.report.lastEntry);
      }

      await undoPlan(plan, { caseDir: null, overrides: [] });
      assert.deepEqual(contentOf(directory), before, 'byte for byte as it was');
    });
  }
});
