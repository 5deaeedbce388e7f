import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { parseHistory, renderHistory, type History } from '../../../src/engine/sim/history.ts';
import { checkLogOrder } from '../../../src/engine/sim/log-order-check.ts';
import { checkBySearch } from '../../../src/engine/sim/search-check.ts';
import { runSeed } from '../../../src/engine/sim/simulation.ts';
import { ROOT } from '../../helpers/run-cli.ts';

const DOCTORED = path.join(ROOT, 'test/testdata/sim/doctored');

/** Histories that no single copy could give, but only the log shows it: the search looks at calls and answers of linearizable operations alone. */
const SEEN_BY_THE_LOG_ALONE: Readonly<Record<string, string>> = {
  'session-goes-back.jsonl': 'a follower read promises no more than its token, which the search does not know',
  'stale-read-of-no-state.jsonl': 'a stale read may show any state, but not one its index does not have',
  'one-index-for-two-writes.jsonl': 'the writes go to two keys, and an order exists; their places in the log are wrong all the same',
};

function read(file: string): History {
  return parseHistory(fs.readFileSync(path.join(DOCTORED, file), 'utf8'));
}

/** The same without the ground truth at its end: what an outside checker sees. */
function blackBox({ header, lines }: History): History {
  return { header, lines: lines.filter((line) => line.t !== 'applied') };
}

describe('histories (D)', () => {
  const files = fs.readdirSync(DOCTORED).filter((file) => file.endsWith('.jsonl'));

  it('has at least 20 doctored ones', () => assert.ok(files.length >= 20, String(files.length)));

  for (const file of files) {
    const reason = SEEN_BY_THE_LOG_ALONE[file];
    it(`rejects ${file}${reason === undefined ? '' : ` by log order alone: ${reason}`}`, () => {
      const history = read(file);
      assert.notDeepEqual(checkLogOrder(history), []);
      if (reason === undefined) assert.notDeepEqual(checkBySearch(history), []);
      else assert.deepEqual(checkBySearch(history), []);
    });
    if (reason === undefined) it(`rejects ${file} by calls and answers alone`, () => assert.notDeepEqual(checkBySearch(blackBox(read(file))), []));
  }

  it('accepts those of real runs, both ways, and gives them back as they were', async () => {
    for (const seed of ['3', '4', '8']) {
      const run = await runSeed({ seed });
      assert.deepEqual(run.violations, []);
      const again = parseHistory(renderHistory(run.history));
      assert.deepEqual(again.lines, run.history.lines);
      assert.deepEqual([checkLogOrder(again), checkBySearch(again)], [[], []]);
    }
  });

  it('rejects a run whose answers are exchanged', async () => {
    const { history: genuine } = await runSeed({ seed: '1', plan: { faults: [], voters: 3, learners: 0, endsInQuorumLoss: false } });
    const answered = genuine.lines.filter((line) => line.t === 'ok' && line.op === 'get' && line.level === 'linearizable' && line.r !== null);
    const victim = answered.at(-1);
    assert.ok(victim?.t === 'ok');
    const lines = genuine.lines.map((line) => (line === victim ? { ...victim, r: 'c9:999,' } : line));
    assert.notDeepEqual(checkLogOrder({ header: genuine.header, lines }), []);
    assert.notDeepEqual(checkBySearch({ header: genuine.header, lines }), []);
  });

  it('refuses text that is no history, naming the line', () => {
    assert.throws(() => parseHistory('{"v":2,"t":"header"}'), /line 1/);
    const [head] = renderHistory(read('stale-read.jsonl')).split('\n');
    assert.throws(() => parseHistory(`${head}\n{"i":1,"t":"what"}`), /line 2/);
    assert.throws(() => parseHistory(`${head}\nnothing`), /line 2/);
  });
});
