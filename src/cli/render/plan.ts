import { marginWords } from '../../engine/recovery/plan/plan-notes.ts';
import { type FileChange, type RecoveryPlan, shortPlanId } from '../../engine/model/plan.ts';
import { escapeControl } from '../escape.ts';
import { showSize } from '../measure.ts';
import { headLine } from './head.ts';
import { listOf } from './member-words.ts';
import { showMinute } from './members.ts';
import type { Style } from './style.ts';
import { displayWidth } from './table.ts';
import { fitHead, fitLines, wrapAfter } from './wrap.ts';

const MAX_ROWS = 24;
const LABEL = 12;
const RIGHT = 46;
const INDENT = ' '.repeat(14);
/** A longer id says less than the name of its disk. */
const LONGEST_ID = 20;
const SHORT_DATE_MS = 12 * 3_600_000;

/** A plan on one screen: what it makes of what, step by step, what has to stay away, and the way back; `undo` as it is typed here. */
export function* planScreen(plan: RecoveryPlan, style: Style, now = new Date(), undo = plan.rollback.command): Generator<string> {
  for (const line of planLines(plan, style, now, undo)) yield* fitLines(line, style);
}

function* planLines(plan: RecoveryPlan, style: Style, now: Date, undo: string): Generator<string> {
  const what = `${style.strong('PLAN')} ${style.strong(shortPlanId(plan))}  make ${style.strong(escapeControl(plan.source))} a cluster of one`;
  const accepted = acceptedWords(plan, style, now);
  yield* fitHead(headLine(what, accepted), what, accepted, style);
  yield* factLines(plan, style);
  const width = Math.max(80, Math.min(style.width, 100));
  const head = [...stepLines(plan, style, style.terminal ? width : Number.POSITIVE_INFINITY)];
  const tail = [...fenceLines(plan, width), ...[...new Set(plan.overrides.map((one) => one.rule))].flatMap((rule) => labelled('Lifted', overrideWords(plan, rule), width)), ...noteLines(plan, style, width), ...undoLines(plan, undo, width)];
  // What has to be kept away and the way back are never cut; long lists of changes are.
  const room = MAX_ROWS - 4 - tail.length;
  const shown = Math.max(6, room - 2);
  if (style.verbose || head.length <= shown + 2) yield* head;
  else yield* [...head.slice(0, shown), style.dim(`${INDENT}${head.length - shown - 1} lines more: --verbose`), head.at(-1) ?? ''];
  yield* tail;
  if (style.verbose) yield* verboseLines(plan, width);
}

/** How the server is started now, as the target says. */
export function* startLines(plan: RecoveryPlan, style: Style): Generator<string> {
  const start: unknown = plan.steps.find((one) => one.kind === 'swap')?.after?.['start'];
  const lines = Array.isArray(start) ? start.filter((one) => typeof one === 'string') : [];
  for (const [at, line] of lines.entries()) yield* labelled(at === 0 ? 'Start' : '', line, Math.max(80, Math.min(style.width, 100)));
}

/** `LOSS UNKNOWN, accepted 03:21 +01:00 by root on cp-1`. */
function acceptedWords(plan: RecoveryPlan, style: Style, now: Date): string {
  const { verdict, proof } = plan.why.loss;
  const paint = { none: style.good, possible: style.caution, unknown: style.caution, certain: style.bad }[verdict];
  const minute = showMinute(plan.createdAt);
  const at = now.getTime() - Date.parse(plan.createdAt) < SHORT_DATE_MS ? minute.slice(11) : minute;
  const by = plan.madeBy === undefined ? '' : ` by ${escapeControl(plan.madeBy).replace('@', ' on ')}`;
  if (verdict === 'none') return `${paint('LOSS NONE')} (${proof.replaceAll('-', ' ')})  made ${at}${by}`;
  return `${paint(`LOSS ${verdict.toUpperCase()}`)}, accepted ${at}${by}`;
}

/** What is before, and what after. */
function* factLines(plan: RecoveryPlan, style: Style): Generator<string> {
  const { outcome, why, cluster } = plan;
  const ranked = why.ranking.find((one) => one.label === plan.source);
  const before = cluster.members.filter((one) => one.role === 'voter').map((one) => one.name ?? one.id);
  // An id nobody can read stands behind the name of its disk.
  const after = outcome.voters.map((id) => cluster.members.find((one) => one.id === id)?.name ?? (id.length > LONGEST_ID ? plan.source : id));
  const names = [...before].sort().join(' ');
  const arrow = ` -> ${after.join(' ')}`;
  const last = `${ranked === undefined ? '?' : `${ranked.lastEntry.term}/${ranked.lastEntry.index}`} -> ${outcome.lastEntry.term}/${outcome.lastEntry.index}`;
  const commit = outcome.commitIndex === null ? '' : `  commit  ${ranked?.commitFloor ?? '?'} -> ${outcome.commitIndex}`;
  yield* row(style, 'voters', `${names.length + arrow.length <= RIGHT - LABEL - 4 ? names : `${before.length} voters`}${arrow}`, 'last', commit === '' ? last : `${last.padEnd(19)}${commit}`);
  const doubt = plan.why.loss.inDoubt;
  const range = doubt === null ? 'nothing' : `${doubt.from === doubt.to ? doubt.from : `${doubt.from}-${doubt.to}`}`;
  const fate = doubt === null ? '' : plan.keepTo >= doubt.to ? ' -> kept' : plan.keepTo < doubt.from ? ' -> dropped' : ` -> kept up to ${plan.keepTo}`;
  yield* row(style, 'in doubt', `${range}${fate}`, ...lineageWords(plan));
  if (plan.newClusterId !== null) yield `  ${'cluster id'.padEnd(LABEL)}${escapeControl(`${cluster.clusterId ?? 'none'} -> ${plan.newClusterId}`)}`;
}

function lineageWords(plan: RecoveryPlan): [string, string] {
  const { outcome } = plan;
  if (outcome.generation !== null) return ['lineage', `generation ${outcome.generation - 1} -> ${outcome.generation}`];
  const isBumped = plan.parameters['bump'] != null;
  if (isBumped) return ['revision', `${outcome.revision ?? ''} bumped: watchers start anew`.trim()];
  if (outcome.revision !== null) return ['revision', `${outcome.revision}, no bump (watchers may know more)`];
  return plan.newClusterId === null ? ['cluster id', plan.cluster.clusterId === null ? 'the store has none' : 'stays the same'] : ['cluster id', 'a new one'];
}

/** Two facts side by side, or where a terminal is too narrow one below the other. */
function row(style: Style, label: string, value: string, right: string, text: string): string[] {
  const left = `  ${label.padEnd(LABEL)}${escapeControl(value)}`;
  const whole = `${left.padEnd(RIGHT - 2)}  ${right.padEnd(8)}  ${escapeControl(text)}`.trimEnd();
  return !style.terminal || displayWidth(whole) <= style.width ? [whole] : [left.trimEnd(), `  ${right.padEnd(LABEL)}${escapeControl(text)}`];
}

function* stepLines(plan: RecoveryPlan, style: Style, width: number): Generator<string> {
  const step = (kind: string) => plan.steps.find((one) => one.kind === kind);
  const backup = step('backup');
  const allocated = backup?.before?.['allocatedBytes'];
  const bytes = typeof allocated === 'number' ? allocated : plan.files.reduce((sum, one) => sum + one.bytes, 0);
  yield* labelled('1 backup', `${plan.files.length} ${plan.files.length === 1 ? 'file' : 'files'}, ${showSize(bytes)} on disk -> ${backup?.target ?? ''}`, width);
  yield* labelled('2 build', buildWords(plan, step('build')?.target ?? ''), width);
  for (const change of plan.changes) yield* changeLines(change, style);
  yield* labelled('3 check', `${checkWords(plan)}; then 4 swap by rename`, width);
}

function buildWords({ changes, files }: RecoveryPlan, target: string): string {
  const touched = new Set(changes.filter((one) => one.kind !== 'create').map((one) => one.path));
  const equal = files.filter((one) => !touched.has(one.path)).length;
  const count = (kind: FileChange['kind'], one: string, many: string): string[] => {
    const found = changes.filter((change) => change.kind === kind).length;
    return found === 0 ? [] : [`${found} ${found === 1 ? one : many}`];
  };
  const parts = [`${equal} ${equal === 1 ? 'file' : 'files'} equal`, ...count('replace', 'differs', 'differ'), ...count('create', 'new', 'new'), ...count('remove', 'removed', 'removed')];
  return `beside, in ${target}; ${parts.join(', ')}:`;
}

function* changeLines(change: FileChange, style: Style): Generator<string> {
  const sign = { create: style.good('+'), replace: style.caution('~'), remove: style.bad('-') }[change.kind];
  // A first line without a sign says where in the file.
  const [first = ''] = change.lines;
  const where = /^[+~\- ]/.test(first) || first === '' ? [] : [escapeControl(first)];
  const size = where.length > 0 || change.kind === 'replace' ? [] : [change.kind === 'remove' ? change.bytesBefore : change.bytesAfter].flatMap((bytes) => (bytes === null ? [] : [showSize(bytes)]));
  yield `${INDENT}${sign} ${escapeControl(change.path)}${[...where, ...size].map((one) => `, ${one}`).join('')}`;
  yield* inPairs(change.lines.slice(where.length), style).map((line) => `${INDENT}  ${paintSign(line, style)}`);
}

/** The last two additions share a row where both are short. */
function inPairs(lines: readonly string[], style: Style): string[] {
  const plain = lines.map(escapeControl);
  const [last, before] = [plain.at(-1), plain.at(-2)];
  if (last === undefined || before === undefined || !last.startsWith('+ ') || !before.startsWith('+ ') || displayWidth(before) > 46 || displayWidth(last) > 36 || (style.terminal && style.width < 100)) return plain;
  return [...plain.slice(0, -2), `${before.padEnd(48)}${last}`];
}

function paintSign(line: string, style: Style): string {
  const paint = { '+': style.good, '-': style.bad, '~': style.caution }[line[0] ?? ''];
  return paint === undefined ? line : paint(line[0] ?? '') + line.slice(1);
}

function checkWords({ outcome, product, target, keepTo, steps }: RecoveryPlan): string {
  const reader = product ?? (target === 'native' ? 'a member' : 'the server');
  const end = target === 'peers-json' ? keepTo : outcome.lastEntry.index;
  // What makes a log anew begins it elsewhere.
  const first = target === 'etcd-rebuild' || target === 'raft-snapshot' ? undefined : steps.find((one) => one.kind === 'check')?.before?.['firstIndex'];
  return `read it back as ${reader} would: one voter, ${typeof first === 'number' ? `${first}-` : 'up to '}${end} without a gap`;
}

function* fenceLines({ fences, newClusterId, outcome, product }: RecoveryPlan, width: number): Generator<string> {
  if (fences.length === 0) return;
  const sorted = [...fences].sort((a, b) => (a.member < b.member ? -1 : 1));
  const names = sorted.map((one) => `${one.member}${hostOf(one.addresses) === null ? '' : ` (${hostOf(one.addresses)})`}`);
  // One action for all is said once.
  const actions = new Set(sorted.map((one) => one.action.replaceAll(one.member, 'each')));
  if (product === 'etcd' && newClusterId === null) yield* labelled('Fences', `wipe the data of ${listOf(names)} BEFORE they start: cluster id stays the same`, width);
  else if (outcome.generation !== null) yield* labelled('Fences', `keep ${listOf(names)} off: their disks are of an older generation and are refused; wipe them before they join under new ids`, width);
  else if (actions.size === 1) yield* labelled('Fences', `${listOf(names)}: ${sorted.length === 1 ? sorted[0]?.action : [...actions][0]}`, width);
  else for (const [at, one] of sorted.entries()) yield* labelled(at === 0 ? 'Fences' : '', `${names[at]}: ${one.action}`, width);
}

function hostOf(addresses: readonly string[]): string | null {
  const [first] = addresses;
  if (first === undefined) return null;
  return first.replace(/^[a-z]+:\/\//, '').replace(/:\d+\/?$/, '');
}

function overrideWords({ overrides }: RecoveryPlan, rule: string): string {
  const one = overrides.find((record) => record.rule === rule);
  return `${rule}, by ${one?.by.replace('@', ' on ') ?? '?'}`;
}

function* noteLines({ notes }: RecoveryPlan, style: Style, width: number): Generator<string> {
  const shown = style.verbose ? notes : notes.slice(0, 2);
  for (const [at, note] of shown.entries()) yield* labelled(at === 0 ? 'Note' : '', note, width);
  if (shown.length < notes.length) yield style.dim(`${INDENT}${notes.length - shown.length} more: --verbose`);
}

function* undoLines({ rollback }: RecoveryPlan, undo: string, width: number): Generator<string> {
  yield* labelled('Undo', `${undo}, until ${rollback.until}`, width);
}

function* verboseLines(plan: RecoveryPlan, width: number): Generator<string> {
  yield* labelled('Loss', plan.why.loss.statement, width);
  for (const [at, fact] of plan.facts.entries()) yield* labelled(at === 0 ? 'You said' : '', fact, width);
  yield* labelled('Grow', `${marginWords(1)}; back to ${marginWords(plan.targetMembers)}, one member at a time`, width);
  for (const one of plan.joins) yield* labelled('Join', `${one.member}: ${one.settings.join('  ')}`, width);
  for (const one of plan.evidence) yield* labelled('Evidence', `${one.label}, sha256 ${one.digest.slice(0, 16)}`, width);
  for (const one of plan.files) yield* labelled('File', `${one.path}, ${one.bytes} bytes, sha256 ${one.sha256.slice(0, 16)}`, width);
}

function labelled(label: string, text: string, width: number): string[] {
  return wrapAfter(`  ${label.padEnd(LABEL)}`, escapeControl(text), width).map((line) => line.trimEnd());
}
