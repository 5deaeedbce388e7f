import assert from 'node:assert/strict';
import { audit } from '../../../src/engine/drill/audit.ts';
import { marksOf, padded, type Write } from '../../../src/engine/drill/traffic.ts';
import { judgeVerdict } from '../../../src/engine/drill/ground-truth.ts';
import type { PickReport } from '../../../src/engine/model/pick-report.ts';

const write = (mark: string, outcome: Write['outcome'], times: [number, number] = [0, 1], revision = Number(mark)): Write => ({ key: 'drill/0/1', mark, invokedAt: times[0], endedAt: times[1], outcome, revision });
const state = (...marks: string[]): Map<string, string[]> => new Map([['drill/0/1', marks]]);

describe('drill: what became of the writes', () => {
  it('reads the marks of a value back, whatever their size', () => {
    const value = Buffer.from(['1', '22', '333'].map((mark) => padded(mark, 16)).join(''));
    assert.equal(value.length, 48);
    assert.deepEqual(marksOf(value), ['1', '22', '333']);
    assert.deepEqual(marksOf(new Uint8Array()), []);
  });

  it('finds nothing where all is well', () => {
    const found = audit([write('1', 'ok', [0, 1]), write('2', 'ok', [2, 3]), write('3', 'info'), write('4', 'fail')], state('1', '2', '3'));
    assert.deepEqual([found.acknowledged, found.lost, found.duplicated, found.revived, found.doubtful, found.strangers, found.disordered], [2, [], [], [], { there: 1, absent: 0 }, 0, []]);
  });

  it('finds what was lost, doubled, told as failed and done, and what nobody wrote', () => {
    const found = audit([write('1', 'ok'), write('2', 'ok'), write('3', 'fail'), write('4', 'info')], state('2', '2', '3', '9'));
    assert.deepEqual(found.lost.map((one) => one.mark), ['1']);
    assert.deepEqual(found.duplicated.map((one) => one.mark), ['2']);
    assert.deepEqual(found.revived.map((one) => one.mark), ['3']);
    assert.deepEqual(found.doubtful, { there: 0, absent: 1 });
    assert.equal(found.strangers, 1);
  });

  it('counts a doubtful write that took effect twice', () => {
    assert.deepEqual(audit([write('1', 'info')], state('1', '1')).duplicated.map((one) => one.mark), ['1']);
  });

  it('finds a write that began after another had ended and has the lower entry', () => {
    const found = audit([write('1', 'ok', [0, 10], 8), write('2', 'ok', [20, 30], 5)], state('1', '2'));
    assert.equal(found.disordered.length, 1);
    assert.deepEqual(audit([write('1', 'ok', [0, 25], 8), write('2', 'ok', [20, 30], 5)], state('1', '2')).disordered, [], 'those that overlap may come either way');
  });
});

describe('drill: the verdict on the loss against the truth', () => {
  const PROOFS = { none: 'proven', possible: 'bounded', unknown: 'best-effort', certain: 'certain-loss' } as const;
  const report = (verdict: PickReport['loss']['verdict'], safeTo: number, missing: PickReport['loss']['missing'] = null) => ({ loss: { verdict, proof: PROOFS[verdict], safeTo, missing } }) as PickReport;
  const lacks = (...entries: number[]) => ({ lacks: new Set(entries.map(String)), lackedAt: entries });

  it('agrees when nothing is missing and nothing certain was claimed lost', () => {
    assert.equal(judgeVerdict(report('none', 10), lacks()).ok, true);
    assert.equal(judgeVerdict(report('unknown', 10), lacks()).ok, true);
    assert.equal(judgeVerdict(report('certain', 10), lacks()).ok, false);
  });

  it('disagrees when a proof was wrong, or something below the safe entry is missing', () => {
    assert.equal(judgeVerdict(report('none', 10), lacks(12)).ok, false);
    assert.equal(judgeVerdict(report('unknown', 10), lacks(12)).ok, true);
    assert.equal(judgeVerdict(report('unknown', 10), lacks(9, 12)).ok, false);
    assert.equal(judgeVerdict(report('possible', 10, { from: 11, to: 12 }), lacks(12)).ok, true);
    assert.equal(judgeVerdict(report('possible', 10, { from: 11, to: 12 }), lacks(13)).ok, false);
    assert.equal(judgeVerdict(report('certain', 10, { from: 11, to: 12 }), lacks(11, 12, 13)).ok, true, 'a certain loss names what is gone at least');
  });
});
