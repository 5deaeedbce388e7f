import type { ReportPage } from '../model/report-page.ts';
import { writesWords } from './chart-writes.ts';
import { mdBlock, mdCode, mdTable, mdText } from '../model/markdown-text.ts';
import { counted, NOT_MEASURED, objectiveTitle, objectiveValue, offsetWords, secondsWords, TREND_WORDS } from './words.ts';

/** A report as Markdown, for a ticket or a repository: everything the record holds, in the order of the page. */
export function renderMarkdown(page: ReportPage): string {
  const lines = [...head(page), ...timeline(page), ...judged(page), ...steps(page), ...lists(page), ...trend(page), ...provenance(page), ...signOff(page)];
  return `${lines.join('\n').replaceAll(/\n{3,}/g, '\n\n').trimEnd()}\n`;
}

function head(page: ReportPage): string[] {
  const facts = [{ name: 'date', value: page.date }, { name: page.kind === 'drill' ? 'drill' : 'recovery', value: page.id }, ...page.facts];
  const failure = page.failure === null ? [] : [`> **${mdText(page.failure.text)}**${page.failure.step === null ? '' : ` (step ${page.failure.step})`}`, ''];
  const tiles = page.tiles.map((one) => [mdText(one.name), `**${mdText(one.measured)}**`, one.limit === null ? '-' : mdText(one.limit), one.measured === NOT_MEASURED ? 'not measured' : one.ok === null ? '-' : one.ok ? 'held' : '**MISSED**', one.change === null ? '-' : mdText(one.change)]);
  return [
    `# ${page.verdict}: ${mdText(page.title)}`,
    '',
    ...failure,
    facts.map((one) => `${mdText(one.name)} ${mdText(one.value)}`).join(' · '),
    '',
    ...(tiles.length === 0 ? [] : [...mdTable(['', 'measured', 'limit', '', 'since the last run'], tiles, [1, 2, 4]), '']),
    ...page.statement.map((one) => `- ${mdText(one)}`),
    '',
  ];
}

function timeline({ timeline: one }: ReportPage): string[] {
  if (one === null) return [];
  const stretches = [...one.brackets.map((bracket) => [`**${mdText(bracket.name)}**: ${mdText(bracket.fromEvent)} → ${mdText(bracket.toEvent)}`, bracket.fromMs, bracket.toMs] as const), ...one.phases.map((phase) => [`${mdText(phase.name)}${phase.ok ? '' : ' **FAIL**'}`, phase.fromMs, phase.toMs] as const)];
  const words = writesWords(one);
  return [
    '## Timeline',
    '',
    `0 is: ${mdText(one.zeroIs)}, ${mdText(one.zeroAt)}.`,
    '',
    ...mdTable(['stretch', 'from', 'to', 'length'], stretches.map(([name, from, to]) => [name, offsetWords(from), offsetWords(to), secondsWords(to - from)]), [1, 2, 3]),
    '',
    ...one.lanes.map((lane) => `- **${mdText(lane.member)}**: ${lane.spans.map((span) => `${span.state} ${offsetWords(span.fromMs)} to ${offsetWords(span.toMs)}`).join(', ')}`),
    ...(words === null ? [] : [`- writes: ${words}`]),
    '',
    ...(one.ticks.length === 0 ? [] : mdTable(['no.', 'at', 'kind', 'what'], one.ticks.map((tick) => [String(tick.n), offsetWords(tick.atMs), tick.kind, mdText(tick.label)]), [0, 1])),
    '',
  ];
}

function judged(page: ReportPage): string[] {
  const objectives = page.objectives.map((one) => [objectiveTitle(one.name), objectiveValue(one.name, one.limit), objectiveValue(one.name, one.measured), one.ok ? 'held' : '**MISSED**', `${mdText(one.from)} → ${mdText(one.to)}`, mdText(one.clock)]);
  return [
    ...(objectives.length === 0 ? [] : ['## Objectives', '', ...mdTable(['objective', 'limit', 'measured', '', 'from → to', 'clock'], objectives, [1, 2]), '']),
    ...(page.decision.length === 0 ? [] : ['## Decision', '', ...mdBlock(page.decision), '']),
  ];
}

function steps(page: ReportPage): string[] {
  if (page.steps.length === 0) return [];
  const rows = page.steps.map((one) => [String(one.n), offsetWords(one.atMs), secondsWords(one.durationMs), mdCode(one.command), String(one.exit), one.by === 'hand' ? 'by hand' : 'automatic', one.ok ? 'ok' : '**FAIL**']);
  return ['## Steps', '', ...mdTable(['no.', 'start', 'took', 'command', 'exit', 'run', ''], rows, [0, 1, 2, 4]), ''];
}

function lists(page: ReportPage): string[] {
  const checks = page.checks.map((one) => [one.ok === null ? 'not run' : one.ok ? 'ok' : '**FAIL**', mdText(one.name), one.detail === '' ? '-' : mdText(one.detail)]);
  const followUps = page.followUps.map((one) => [mdText(one.id), mdText(one.text), one.owner === null ? '**no owner**' : mdText(one.owner), one.due === null ? '-' : mdText(one.due), counted(one.ageDays, 'day'), `${one.state}${one.fate === null ? '' : `, ${mdText(one.fate)}`}`]);
  return [
    ...(checks.length === 0 ? [] : ['## Checks', '', ...mdTable(['', 'check', 'found'], checks), '']),
    ...(followUps.length === 0 ? [] : ['## Follow-ups', '', ...mdTable(['id', 'what', 'owner', 'due', 'age', 'state'], followUps, [4]), '']),
  ];
}

function trend({ trend: one }: ReportPage): string[] {
  if (one === null || (one.points.length === 0 && one.scenarios.length === 0)) return [];
  const points = one.points.map((point) => [mdText(point.date), mdText(point.id), point.rtoMs === null ? NOT_MEASURED : objectiveValue('rtoMs', point.rtoMs), point.limitMs === null ? '-' : objectiveValue('rtoMs', point.limitMs), TREND_WORDS[point.verdict].word]);
  const cell = (scenario: string, quarter: string): string => {
    const found = one.cells.find((other) => other.scenario === scenario && other.quarter === quarter);
    return found === undefined ? ' ' : TREND_WORDS[found.verdict].word;
  };
  return [
    '## Trend',
    '',
    ...(points.length === 0 ? [] : [...mdTable(['date', 'drill', 'RTO', 'limit', 'verdict'], points, [2, 3]), '']),
    ...(one.scenarios.length === 0 ? [] : [...mdTable(['scenario', ...one.quarters.map(mdText)], one.scenarios.map((scenario) => [mdText(scenario), ...one.quarters.map((quarter) => cell(scenario, quarter))])), '', 'An empty cell: not drilled in that quarter.', '']),
  ];
}

function provenance(page: ReportPage): string[] {
  return [
    '## Provenance',
    '',
    ...page.provenance.map((one) => `- ${mdText(one.name)}: ${mdText(one.value)}`),
    ...(page.controls.length === 0 ? [] : [`- control tags as given, no compliance claimed: ${page.controls.map(mdCode).join(', ')}`]),
    '',
    ...(page.artefacts.length === 0 ? [] : ['Artefacts; `sha256sum <file>` prints the same digest, or the file is not the one this report is about:', '', ...mdTable(['file', 'SHA-256'], page.artefacts.map((one) => [mdText(one.name), mdCode(one.sha256)])), '']),
    ...(page.source === null ? [] : [`### ${mdText(page.source.name)}`, '', ...mdBlock(page.source.text), '']),
  ];
}

function signOff(page: ReportPage): string[] {
  return ['## Sign-off', '', ...mdTable([page.kind === 'drill' ? 'run by' : 'recovered by', 'reviewed by (another person)', 'date', 'remarks'], [['&nbsp;', '&nbsp;', '&nbsp;', '&nbsp;']])];
}
