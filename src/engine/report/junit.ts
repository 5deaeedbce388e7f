import type { ReportPage } from '../model/report-page.ts';
import { join, type Markup, markup, NOTHING } from './markup.ts';
import { objectiveTitle, objectiveValue } from './words.ts';

interface TestCase {
  name: string;
  outcome: 'passed' | 'failed' | 'skipped';
  message: string;
  seconds: number;
}

/**
 * A report for a build server: checks, objectives and steps as test cases of three suites. A check that was not run is `skipped`; so is every
 * objective that was not measured because the drill could not run.
 */
export function renderJunit(page: ReportPage): string {
  const suites: { name: string; cases: TestCase[] }[] = [
    { name: 'checks', cases: page.checks.map((one) => ({ name: one.name, outcome: one.ok === null ? 'skipped' : one.ok ? 'passed' : 'failed', message: one.detail, seconds: 0 })) },
    {
      name: 'objectives',
      cases: page.objectives.map((one) => ({
        name: objectiveTitle(one.name),
        outcome: one.ok ? 'passed' : one.measured === null && page.verdict === 'COULD NOT RUN' ? 'skipped' : 'failed',
        message: `measured ${objectiveValue(one.name, one.measured)}, limit ${objectiveValue(one.name, one.limit)}, from ${one.from} to ${one.to}`,
        seconds: one.name.endsWith('Ms') && one.measured !== null ? one.measured / 1000 : 0,
      })),
    },
    { name: 'steps', cases: page.steps.map((one) => ({ name: `${one.n} ${one.command}`, outcome: one.ok ? 'passed' : 'failed', message: `exit ${one.exit}`, seconds: one.durationMs / 1000 })) },
    // A run that ended before anything could be judged must not look like a pass.
    ...(page.verdict === 'COULD NOT RUN' || page.verdict === 'NOT RECOVERED' || page.verdict === 'FAIL' ? [{ name: 'verdict', cases: [{ name: page.title, outcome: 'failed' as const, message: page.failure?.text ?? page.verdict, seconds: 0 }] }] : []),
  ];
  const all = suites.flatMap((one) => one.cases);
  const document = markup`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="${`${page.kind} ${page.id}`}"${counts(all)}>
${join(suites.filter((one) => one.cases.length > 0).map((one) => suite(page, one.name, one.cases)), '\n')}
</testsuites>
`;
  return document.text;
}

function suite(page: ReportPage, name: string, cases: readonly TestCase[]): Markup {
  const classname = `${page.title}.${name}`;
  return markup`  <testsuite name="${classname}"${counts(cases)}>
    <properties><property name="id" value="${page.id}"/><property name="verdict" value="${page.verdict}"/></properties>
${join(cases.map((one) => markup`    <testcase classname="${classname}" name="${one.name}" time="${one.seconds.toFixed(3)}">${outcome(one)}</testcase>`), '\n')}
  </testsuite>`;
}

function outcome(one: TestCase): Markup {
  if (one.outcome === 'failed') return markup`<failure message="${one.message}" type="${one.name}"/>`;
  if (one.outcome === 'skipped') return markup`<skipped message="${one.message}"/>`;
  return one.message === '' ? NOTHING : markup`<system-out>${one.message}</system-out>`;
}

function counts(cases: readonly TestCase[]): Markup {
  const of = (what: TestCase['outcome']): number => cases.filter((one) => one.outcome === what).length;
  return markup` tests="${cases.length}" failures="${of('failed')}" errors="0" skipped="${of('skipped')}" time="${cases.reduce((sum, one) => sum + one.seconds, 0).toFixed(3)}"`;
}
