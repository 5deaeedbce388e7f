import assert from 'node:assert/strict';
import { CoreStorm } from '../../helpers/core-storm.ts';

const SEEDS = Number(process.env['CORE_SEEDS'] ?? 150);
const FIRST = Number(process.env['CORE_SEED'] ?? 1);
const TERM_QUIET_TICKS = 150;

describe('core: storms of faults', () => {
  const counts: Record<string, number> = {};

  for (const voters of [1, 2, 3, 4, 5]) {
    it(`keeps I1-I9, I11-I13, I15, I18-I19 and comes to rest (I22), ${voters} voters`, () => {
      const share = voters === 1 ? 10 : voters === 3 || voters === 5 ? 35 : 10;
      for (let seed = FIRST; seed < FIRST + Math.ceil((SEEDS * share) / 100); seed++) {
        const storm = new CoreStorm({ seed: seed * 8 + voters, voters });
        try {
          storm.runTicks(400);
          storm.heal(400);
          const term = storm.leader()?.state.term;
          storm.heal(TERM_QUIET_TICKS);
          assert.deepEqual(storm.unrest(), [], 'I22');
          assert.equal(storm.leader()?.state.term, term, 'I22: the term is stable once the faults are over');
        } catch (error) {
          throw new Error(`CORE_SEED=${seed} CORE_SEEDS=1, ${voters} voters: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`, { cause: error });
        }
        for (const [what, times] of Object.entries(storm.truth.counts)) counts[what] = (counts[what] ?? 0) + times;
      }
    });
  }

  it('met every fault and event it is there for', function () {
    if (SEEDS < 150) this.skip();
    if (process.env['CORE_COUNTS'] !== undefined) console.error(counts);
    const wanted = [
      'became leader', 'became candidate', 'deposed', 'stepped down for silence', 'truncated', 'configuration truncated', 'snapshot installed', 'snapshot not needed', 'read accepted',
      'read refused', 'change accepted', 'change refused change-pending', 'change refused learner-lagging', 'change refused removes-leader', 'change refused margin-lost', 'transfer accepted',
      'transfer refused', 'campaign by transfer', 'crash of a leader that loses writes', 'crash of a candidate that loses writes', 'partition', 'pause', 'old message replayed', 'removed', 'slow disk',
    ];
    assert.deepEqual(wanted.filter((what) => (counts[what] ?? 0) === 0), [], 'never happened');
    assert.equal(counts['amnesia'] ?? 0, 0, 'no member that kept its disk is taken for one that lost it');
  });
});
