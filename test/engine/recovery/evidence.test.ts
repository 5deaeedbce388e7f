import assert from 'node:assert/strict';
import { CorruptDataError } from '../../../src/engine/errors.ts';
import { canonicalJson, evidenceText, looksLikeEvidence, parseEvidence } from '../../../src/engine/model/evidence.ts';
import { disk } from './build.ts';

describe('evidence files', () => {
  const evidence = disk({ label: 'A', runs: [[2, 1, 50]], floor: 40 });

  it('come back as they were written', async () => {
    assert.deepEqual(await parseEvidence(evidenceText(evidence), 'A.json'), evidence);
    assert.ok(looksLikeEvidence(evidenceText(evidence).slice(0, 200)));
  });

  const spoiled: [string, (text: string) => string, RegExp][] = [
    ['a changed number', (text) => text.replace('"commitFloor":40', '"commitFloor":50'), /does not match its digest/],
    ['an unknown field', (text) => text.replace('"commitFloor":40', '"commitFloor":40,"more":1'), /not an evidence file of version 1: report/],
    ['a cut file', (text) => text.slice(0, 300), /not whole JSON/],
    ['a newer version', (text) => text.replace('"version": 1', '"version": 2'), /newer than this tool reads/],
    ['something else', () => '{"a": 1}', /not an evidence file/],
  ];
  for (const [what, spoil, message] of spoiled) {
    it(`are refused: ${what}`, async () => {
      await assert.rejects(parseEvidence(spoil(evidenceText(evidence)), 'A.json'), (error) => error instanceof CorruptDataError && message.test(error.message));
    });
  }

  it('have one canonical form, whatever the order of fields', () => {
    assert.equal(canonicalJson({ b: [1, { d: null, c: 'x' }], a: undefined }), '{"b":[1,{"c":"x","d":null}]}');
  });
});
