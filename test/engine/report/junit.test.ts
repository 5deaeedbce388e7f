import assert from 'node:assert/strict';
import { renderJunit } from '../../../src/engine/report/junit.ts';
import { hostilePage, samplePage } from '../../helpers/report-samples.ts';
import { readStrictly } from '../../helpers/strict-markup.ts';

const TAGS = new Set(['testsuites', 'testsuite', 'properties', 'property', 'testcase', 'failure', 'skipped', 'system-out']);

interface Suite {
  name: string;
  tests: number;
  failures: number;
  skipped: number;
}

function suites(xml: string): Suite[] {
  const { tags } = readStrictly(xml);
  for (const { name } of tags) assert.ok(TAGS.has(name), name);
  const number = (value: string | undefined): number => Number(value ?? Number.NaN);
  return tags.filter((one) => one.name === 'testsuite').map(({ attributes }) => ({ name: attributes.get('name') ?? '', tests: number(attributes.get('tests')), failures: number(attributes.get('failures')), skipped: number(attributes.get('skipped')) }));
}

describe('report: JUnit', () => {
  it('a pass: checks, objectives and steps as test cases', () => {
    const xml = renderJunit(samplePage('drill'));
    assert.deepEqual(suites(xml), [
      { name: 'quorum-loss-3.checks', tests: 14, failures: 0, skipped: 0 },
      { name: 'quorum-loss-3.objectives', tests: 5, failures: 0, skipped: 0 },
      { name: 'quorum-loss-3.steps', tests: 13, failures: 0, skipped: 0 },
    ]);
    assert.match(xml, /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites name="drill 2026-03-14-7f21" tests="32" failures="0" errors="0" skipped="0" time="[\d.]+">/);
    assert.match(xml, /<testcase classname="quorum-loss-3\.objectives" name="RTO" time="3\.800">/);
  });

  it('what was not run is skipped, what failed is a failure with its finding', () => {
    const xml = renderJunit(samplePage('drill-fail'));
    assert.deepEqual(suites(xml).map((one) => [one.failures, one.skipped]), [[1, 1], [1, 0], [1, 0], [1, 0]]);
    assert.match(xml, /name="old members refused" time="0\.000"><failure message="n3 with its old data was answered; rule other-generation expected"/);
    assert.match(xml, /name="operator check" time="0\.000"><skipped message="not run: the service was not back in time"\/>/);
    assert.match(xml, /name="RTO" time="71\.300"><failure message="measured 71 s, limit 60 s, from 2nd member killed to first acknowledged write"/);
  });

  it('a drill that could not run is no pass', () => {
    const found = suites(renderJunit(samplePage('drill-could-not-run')));
    assert.deepEqual(found.find((one) => one.name.endsWith('.checks')), { name: 'quorum-loss-3.checks', tests: 14, failures: 0, skipped: 14 });
    assert.deepEqual(found.find((one) => one.name.endsWith('.verdict')), { name: 'quorum-loss-3.verdict', tests: 1, failures: 1, skipped: 0 });
  });

  it('every string may be hostile, and the document stays well-formed XML 1.0', () => {
    const xml = renderJunit(hostilePage(samplePage('drill-fail')));
    suites(xml);
    // oxlint-disable-next-line no-control-regex -- none of them is a character of XML 1.0
    assert.doesNotMatch(xml, /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/u);
  });
});
