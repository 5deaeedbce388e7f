import assert from 'node:assert/strict';
import { appendToLog, bytesBetween, emptyLog, firstOfTermAt, lastOfTerm, logOf, stretchEnd, termAt, trimLog, truncateLog, type Log } from '../../../src/engine/core/log.ts';
import { Dice } from '../../helpers/core-storm.ts';

interface Plain {
  base: number;
  baseTerm: number;
  entries: { term: number; bytes: number }[];
}

function check(log: Log, plain: Plain, dice: Dice): void {
  const last = plain.base + plain.entries.length;
  assert.equal(log.last, last);
  assert.deepEqual(log.base, { index: plain.base, term: plain.baseTerm });
  const at = plain.base - 1 + dice.below(plain.entries.length + 3);
  const termOf = (index: number): number | null => (index === plain.base ? plain.baseTerm : (plain.entries[index - plain.base - 1]?.term ?? null));
  assert.equal(termAt(log, at), termOf(at), `term at ${at}`);
  if (at > plain.base && at <= last) {
    const term = termOf(at);
    let first = at;
    while (first - 1 > plain.base && termOf(first - 1) === term) first--;
    let end = at;
    while (end + 1 <= last && termOf(end + 1) === term) end++;
    assert.equal(firstOfTermAt(log, at), first);
    assert.equal(lastOfTerm(log, term ?? 0), end);
    const until = at + dice.below(last - at + 2);
    const bytes = plain.entries.slice(at - plain.base - 1, until - plain.base - 1).reduce((sum, one) => sum + one.bytes, 0);
    assert.equal(bytesBetween(log, at, until), bytes);
    const [maxEntries, maxBytes] = [1 + dice.below(50), dice.below(3000)];
    let expected = at;
    let sum = 0;
    while (expected <= last && expected - at < maxEntries && (expected === at || sum + (plain.entries[expected - plain.base - 1]?.bytes ?? 0) <= maxBytes)) sum += plain.entries[expected++ - plain.base - 1]?.bytes ?? 0;
    assert.equal(stretchEnd(log, at, maxEntries, maxBytes), expected, `from ${at}, ${maxEntries} entries, ${maxBytes} bytes`);
  }
}

describe('core: log outline', () => {
  it('answers like a plain list, in every version that is still held', () => {
    for (let seed = 0; seed < 20; seed++) {
      const dice = new Dice(seed);
      let log = emptyLog({ index: 5, term: 2 });
      let plain: Plain = { base: 5, baseTerm: 2, entries: [] };
      const held: [Log, Plain][] = [];
      for (let step = 0; step < 600; step++) {
        const what = dice.below(20);
        if (what < 14) {
          for (let many = dice.below(40); many >= 0; many--) {
            const term = (plain.entries.at(-1)?.term ?? plain.baseTerm) + (dice.chance(3) ? 1 : 0);
            const bytes = dice.below(200);
            log = appendToLog(log, term, bytes);
            plain.entries.push({ term, bytes });
          }
        } else if (what < 16 && plain.entries.length > 0) {
          const from = plain.base + 1 + dice.below(plain.entries.length);
          log = truncateLog(log, from);
          plain.entries.length = from - plain.base - 1;
        } else if (what < 17 && plain.entries.length > 0) {
          const first = plain.base + 2 + dice.below(plain.entries.length);
          log = trimLog(log, first);
          plain = { base: first - 1, baseTerm: plain.entries[first - plain.base - 2]?.term ?? 0, entries: plain.entries.slice(first - plain.base - 1) };
        } else if (what < 18) held.push([log, { ...plain, entries: [...plain.entries] }]);
        else if (held.length > 0 && what === 19) {
          // Goes on from an old version while newer ones are still held: they must not notice.
          const [oldLog, oldPlain] = held[dice.below(held.length)] ?? [log, plain];
          held.push([log, { ...plain, entries: [...plain.entries] }]);
          log = oldLog;
          plain = { ...oldPlain, entries: [...oldPlain.entries] };
        }
        check(log, plain, dice);
      }
      for (const [oldLog, oldPlain] of held) for (let times = 0; times < 5; times++) check(oldLog, oldPlain, dice);
    }
  });

  it('holds a million entries', () => {
    let log = emptyLog({ index: 0, term: 0 });
    for (let index = 1; index <= 1_000_000; index++) log = appendToLog(log, 1 + Math.floor(index / 100_000), 10);
    assert.equal(bytesBetween(log, 1, 1_000_001), 10_000_000);
    assert.equal(termAt(log, 500_000), 6);
    assert.equal(stretchEnd(log, 10, 1024, 1024), 112);
    const trimmed = trimLog(log, 999_000);
    assert.equal(bytesBetween(trimmed, 999_000, 1_000_001), 10_010);
    assert.ok(trimmed.sizes.chunks.length <= 2, 'what was trimmed is freed');
  });

  const wrong = [
    { name: 'a gap', runs: [{ term: 1, first: 2, last: 3 }], sizes: [1, 1] },
    { name: 'terms that fall', runs: [{ term: 3, first: 1, last: 1 }, { term: 2, first: 2, last: 2 }], sizes: [1, 1] },
    { name: 'a run that ends before it begins', runs: [{ term: 1, first: 1, last: 0 }], sizes: [] },
    { name: 'more sizes than entries', runs: [{ term: 1, first: 1, last: 1 }], sizes: [1, 1] },
  ];
  for (const { name, runs, sizes } of wrong) it(`refuses an outline with ${name}`, () => assert.throws(() => logOf({ base: { index: 0, term: 0 }, termRuns: runs, sizes }), RangeError));

  it('joins runs of one term that the storage gives apart', () => {
    const log = logOf({ base: { index: 0, term: 0 }, termRuns: [{ term: 1, first: 1, last: 2 }, { term: 1, first: 3, last: 3 }, { term: 2, first: 4, last: 4 }], sizes: [1, 1, 1, 1] });
    assert.deepEqual([firstOfTermAt(log, 3), lastOfTerm(log, 1), lastOfTerm(log, 2), lastOfTerm(log, 3)], [1, 3, 4, null]);
  });

  it('never appends a falling term, nor cuts into what is compacted', () => {
    const log = appendToLog(emptyLog({ index: 5, term: 3 }), 4, 0);
    assert.throws(() => appendToLog(log, 3, 0), RangeError);
    assert.throws(() => truncateLog(log, 5), RangeError);
  });
});
