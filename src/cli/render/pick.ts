import type { Evidence } from '../../engine/model/evidence.ts';
import type { LossReport, RankedMember } from '../../engine/model/pick-report.ts';
import type { OperatorFacts } from '../../engine/recovery/facts.ts';
import { contentWords, keepsNoCommit, reachOf, safeWords } from '../../engine/recovery/loss.ts';
import { FACT_RULES } from '../../engine/recovery/pick-facts.ts';
import type { PickOutcome } from '../../engine/recovery/pick.ts';
import { listOf } from './member-words.ts';
import { pickBars } from './pick-bars.ts';
import type { Style } from './style.ts';
import { columns, displayWidth } from './table.ts';
import type { Column } from './table.ts';
import { wrapAfter } from './wrap.ts';

export interface PickScreen {
  outcome: PickOutcome;
  facts: OperatorFacts;
  explain: boolean;
  showKey: (key: string) => string;
  /** The command as typed, without flags of its own, to be extended in advice. */
  command: string;
}

const HEAD_WIDTH = 100;

/** `recover pick`: verdict first, then the ranking, the bars, and with `--explain` the reasoning. */
export function* pickScreen(screen: PickScreen, style: Style): Generator<string> {
  const { outcome } = screen;
  const width = Math.min(style.width, 120);
  yield* headLines(screen, style);
  if (outcome.surveys.length > 1 || outcome.report.source === null) yield* rankingLines(screen, style);
  if (outcome.report.source === null) {
    yield* paragraph('Refused', outcome.refused ?? '', width, style.bad);
    yield* factLines(screen, style, width);
    yield* adviceLines(screen, width);
    return;
  }
  yield* pickBars(outcome, screen.explain ? 'all' : 'source', style);
  yield* factLines(screen, style, width);
  if (outcome.report.preliminary) yield* paragraph('Running', 'preliminary: a surveyed member is running. Stop it and ask again', width, style.caution);
  if (outcome.report.loss.verdict === 'certain') yield* paragraph('Lost', outcome.report.loss.statement.replace(/^Lost (is|are) /, ''), width, style.bad);
  if (screen.explain) yield* explainLines(screen, width);
  else if (outcome.report.loss.verdict !== 'certain') yield* paragraph('Means', outcome.report.loss.statement, width);
}

function* headLines({ outcome, facts }: PickScreen, style: Style): Generator<string> {
  const { report } = outcome;
  const source = outcome.surveys.find((one) => one.member.label === report.source);
  const any = (source ?? outcome.surveys.find((one) => one.evidence.report.health !== 'unreadable'))?.evidence.report;
  const software = any?.software ? `${any.software.name}${any.software.version === null ? '' : ` ${any.software.version}`}` : (any?.store ?? '');
  const cluster = outcome.isMixed && outcome.clusters.length > 1 ? `${outcome.clusters.length} clusters` : outcome.clusterId === null ? 'no cluster id' : `cluster ${outcome.clusterId}`;
  const voters = report.quorum.voters > 0 ? `  ${report.quorum.voters} voters, quorum ${report.quorum.quorum}` : '';
  const right = any === undefined ? '' : `${software}  ${cluster}${voters}`;
  const loss = source ? lossWords(report.loss, facts, source.evidence) : '';
  const plain = source ? `SOURCE ${source.member.label}  ${loss}` : 'NO SOURCE';
  const painted = source ? `${style.strong(`SOURCE ${source.member.label}`)}  ${paintLoss(report.loss, style)(loss)}` : style.bad('NO SOURCE');
  const width = Math.min(style.width, HEAD_WIDTH);
  const gap = width - displayWidth(plain) - displayWidth(right);
  if (right === '') yield painted;
  else if (gap >= 2) yield `${painted}${' '.repeat(gap)}${right}`;
  else if (style.width >= HEAD_WIDTH) yield `${painted}  ${right}`;
  else yield* [painted, `  ${right}`];
}

/** `LOSS NONE (proven)`, `LOSS CERTAIN (7 revisions or more)`. */
function lossWords(loss: LossReport, facts: OperatorFacts, evidence: Evidence): string {
  const proof = loss.proof.replaceAll('-', ' ');
  if (loss.verdict !== 'certain') return `LOSS ${loss.verdict.toUpperCase()} (${proof})`;
  const end = evidence.report.revisionAtEnd;
  const count = (many: number, one: string, all: string): string => `LOSS CERTAIN (${many} ${many === 1 ? one : all} or more)`;
  if (facts.seenRevision !== undefined && end !== null && facts.seenRevision > end) return count(facts.seenRevision - end, 'revision', 'revisions');
  const { missing } = loss;
  return missing?.to == null ? 'LOSS CERTAIN' : count(missing.to - missing.from + 1, 'entry', 'entries');
}

function paintLoss(loss: LossReport, style: Style): (text: string) => string {
  return { none: style.good, possible: style.caution, unknown: style.caution, certain: style.bad }[loss.verdict];
}

interface Row {
  mark: string;
  label: string;
  ranked: RankedMember | null;
  evidence: Evidence | null;
  health: string;
  why: string;
}

function rowsOf({ outcome }: PickScreen): Row[] {
  const rows = outcome.report.ranking.map((ranked): Row => {
    const evidence = outcome.surveys.find((one) => one.member.label === ranked.label)?.evidence ?? null;
    const mark = ranked.label === outcome.report.source ? '*' : ranked.disqualified === null ? String(ranked.rank) : '-';
    const health = ranked.health === 'damaged' ? 'DAMAGED' : ranked.health;
    return { mark, label: ranked.label, ranked, evidence, health, why: ranked.reason };
  });
  for (const { name, dead } of outcome.unread) rows.push({ mark: '-', label: name, ranked: null, evidence: null, health: dead ? 'dead' : 'no data', why: '' });
  return rows;
}

function* rankingLines(screen: PickScreen, style: Style): Generator<string> {
  const all = rowsOf(screen);
  const rows = style.verbose ? all : all.slice(0, 7);
  const stored = rows.some((row) => row.evidence?.report.hardState.commitIndex != null);
  const position = ({ ranked }: Row): string | null => (ranked && ranked.lastEntry.index > 0 ? `${ranked.lastEntry.term}/${ranked.lastEntry.index}` : null);
  const spec: Column<Row>[] = [
    { header: '', cell: (row) => row.mark },
    { header: 'MEMBER', cell: (row) => row.label, paint: (text, row) => (row.mark === '*' ? style.strong(text) : text) },
    { header: 'LAST ENTRY', cell: position, align: 'right' },
    { header: 'ENTRIES', cell: (row) => (row.evidence ? entriesOf(row.evidence) : null), align: 'right', drop: 2 },
    { header: stored ? 'COMMIT' : 'FLOOR', cell: ({ ranked, evidence }) => (stored ? evidence?.report.hardState.commitIndex : ranked?.commitFloor), align: 'right' },
    { header: 'CURRENT TERM', cell: ({ ranked }) => (ranked && ranked.health !== 'unreadable' ? ranked.currentTerm : null), align: 'right', drop: 1 },
    { header: 'HEALTH', cell: (row) => row.health, paint: (text, row) => healthPaint(row.health, style)(text) },
  ];
  const why: Column<Row> = { header: 'WHY', cell: (row) => row.why || null };
  // A dash under WHY for a disk nobody read would say nothing.
  const lines = columns(rows, [...spec, why], { width: style.width }).map((line, at) => (at > 0 && rows[at - 1]?.why === '' ? line.replace(/\s+-$/, '') : line));
  if (lines.every((line) => displayWidth(line) <= style.width)) yield* lines;
  else {
    yield* columns(rows, spec, { width: style.width });
    for (const row of rows) if (row.why !== '') yield* wrapAfter(`  ${row.label}  `, row.why, style.width);
  }
  if (rows.length < all.length) yield `  ${all.length - rows.length} more: --verbose`;
}

function healthPaint(health: string, style: Style): (text: string) => string {
  if (health === 'DAMAGED' || health === 'unreadable') return style.bad;
  if (health === 'ok') return style.good;
  return health === 'torn-tail' || health === 'encrypted' ? style.caution : style.dim;
}

/** `1-2171, 2173-3563`: every readable stretch. */
function entriesOf(evidence: Evidence): string | null {
  const stretches: { first: number; last: number }[] = [];
  for (const { first, last } of evidence.log.runs) {
    const open = stretches.at(-1);
    if (open && open.last + 1 === first) open.last = last;
    else stretches.push({ first, last });
  }
  if (stretches.length === 0) return null;
  const shown = stretches.slice(-3).map(({ first, last }) => `${first}-${last}`);
  return `${stretches.length > 3 ? '.., ' : ''}${shown.join(', ')}`;
}

function* explainLines(screen: PickScreen, width: number): Generator<string> {
  const { outcome, showKey } = screen;
  const { loss, source: label } = outcome.report;
  const source = outcome.surveys.find((one) => one.member.label === label);
  if (!source) return;
  const { doubt } = source.evidence;
  if (loss.verdict === 'none') yield* paragraph('Proof', loss.why, width);
  else {
    const knower = outcome.ranking.floor.provenBy.includes(source.member.label) ? `${label} itself knows them committed` : `${outcome.ranking.floor.provenBy.join(', ') || 'you'} proved them committed`;
    if (loss.safeTo > 0) yield* paragraph('Safe', `${safeWords(doubt, loss.safeTo).replace(/ \((.*)\)$/, ', $1')}: ${knower}`, width);
    else yield* paragraph('Safe', 'nothing is known committed', width);
  }
  if (loss.inDoubt && loss.verdict !== 'certain') {
    const { from, to } = loss.inDoubt;
    const what = doubt && doubt.from === from ? contentWords(doubt, showKey) : null;
    const range = `${from === to ? from : `${from}-${to}`}${what === null ? '' : `: ${what}`}`;
    const [it, write] = from === to ? ['it', 'a write'] : ['they', 'writes'];
    const unstored = keepsNoCommit(source.evidence);
    const kept = unstored
      ? 'The store keeps no commit index, only snapshots prove; most of it was surely committed, so all of it is kept.'
      : loss.verdict === 'none'
        ? `No client need have been told ${it} succeeded; kept all the same.`
        : `A client may have been told ${it} succeeded, so ${from === to ? 'it is' : 'they are'} kept; at worst that adds ${write} no client was promised.`;
    yield* paragraph('In doubt', `${range}. ${kept} --in-doubt drop would cut ${from === to ? 'it' : 'them'}${unstored ? ', which is almost never right' : ''}`, width);
  }
  if (loss.proof === 'best-effort') {
    const unread = outcome.unread.map((one) => one.name);
    yield* paragraph('Unknown', `${unread.length > 0 ? `what ${listOf(unread)} agreed on without ${label}` : 'what was agreed on without these disks'}: ${loss.why}`, width);
  } else if (loss.verdict !== 'none') yield* paragraph('Why', loss.why, width);
  yield* dropLines(screen, source.member.label, width);
  yield* adviceLines(screen, width);
}

/** What the operator said and the disks do not take up. */
function* factLines({ outcome }: PickScreen, style: Style, width: number): Generator<string> {
  let head = 'You said';
  for (const { rule, message, fix } of outcome.findings) {
    if (!FACT_RULES.some((one) => one === rule)) continue;
    yield* paragraph(head, fix === null ? message : `${message}. ${fix}`, width, style.caution);
    head = '';
  }
}

/** What the other disks hold and the source does not. */
function* dropLines({ outcome, showKey }: PickScreen, label: string, width: number): Generator<string> {
  const source = outcome.surveys.find((one) => one.member.label === label);
  const reach = source && reachOf(source) > source.member.last.index ? reachOf(source) : 0;
  const certain = outcome.report.loss.verdict === 'none' ? 'provably never committed' : 'not in the source';
  for (const pair of outcome.pairs) {
    const other = pair.a === label ? pair.b : pair.b === label ? pair.a : null;
    const only = pair.a === label ? pair.onlyInB : pair.onlyInA;
    // What the source's state machine has passed is held by its effects, or was never committed.
    const range = only && { from: Math.max(only.from, reach + 1), to: only.to };
    const survey = outcome.surveys.find((one) => one.member.label === other);
    if (other === null || !range || range.from > range.to || !survey || !outcome.ranking.order.some((one) => one.member === survey.member)) continue;
    const { doubt } = survey.evidence;
    const what = doubt && doubt.from === range.from && doubt.to === range.to ? contentWords(doubt, showKey) : `${range.to - range.from + 1} entries`;
    yield* paragraph('Drops', `${other}'s ${range.from}-${range.to}: ${what ?? 'entries'}, ${certain}`, width);
  }
}

function* adviceLines({ outcome }: PickScreen, width: number): Generator<string> {
  let head = 'Better';
  for (const line of outcome.report.advice) {
    yield* paragraph(head, line, width);
    head = '';
  }
}

function paragraph(head: string, text: string, width: number, paint: (text: string) => string = (plain) => plain): string[] {
  const padded = `  ${head.padEnd(8)}  `;
  const lines = wrapAfter(padded, text, width);
  return lines.map((line, at) => (at === 0 && head !== '' ? `  ${paint(head)}${line.slice(2 + head.length)}` : line));
}
