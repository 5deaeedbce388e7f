import type { ConfigurationView, MemberDiff, MembershipPlan } from '../../engine/live/membership-plan.ts';
import type { StepReport } from '../../engine/live/membership-run.ts';
import { escapeControl } from '../escape.ts';
import { showDuration } from '../measure.ts';
import { headLine } from './head.ts';
import type { Style } from './style.ts';
import { type Column, columns } from './table.ts';
import { fitLines, wrapAfter } from './wrap.ts';

export type ChangeState = 'preview' | 'done' | 'already' | 'partial';

export interface MembershipChangeScreen {
  readonly plan: MembershipPlan;
  readonly state: ChangeState;
  readonly kind: string;
  /** Null in a preview. */
  readonly steps: readonly StepReport[] | null;
  /** Why the run ended early, in words. */
  readonly failure: string | null;
  /** Whether `--confirm` will be asked for. */
  readonly needsConfirm: boolean;
  /** What a joining member is started with. */
  readonly settings?: readonly string[];
}

const WORDS: Readonly<Record<ChangeState, { word: string; note: string; paint: 'good' | 'caution' | 'bad' }>> = {
  preview: { word: 'PREVIEW', note: ', nothing changed', paint: 'caution' },
  done: { word: 'DONE', note: '', paint: 'good' },
  already: { word: 'ALREADY', note: ': nothing to do', paint: 'good' },
  partial: { word: 'PARTLY DONE', note: ', resumable', paint: 'caution' },
};

/** What a change of membership would do, or did: members with their signs, the majority before and after, the steps. */
export function* membershipChangeLines(screen: MembershipChangeScreen, style: Style): Generator<string> {
  const { plan, state } = screen;
  const { word, note, paint } = WORDS[state];
  yield* fitLines(headLine(`${style.strong(style[paint](word))}  ${escapeControl(plan.title)}${note}`, `${screen.kind}  cluster ${plan.clusterId}`), style);
  yield* columns(plan.members, memberColumns(style), { width: style.width, headers: false });
  yield `  voters    ${arrow(String(plan.before.voters.length), String(plan.after.voters.length))}    quorum ${arrow(String(plan.before.quorum), String(plan.after.quorum))}    may fail ${arrow(mayFail(plan.before), mayFail(plan.after))}`;
  const many = plan.steps.length > 1;
  if (screen.steps === null && many) for (const [at, step] of plan.steps.entries()) yield `  ${at + 1} ${escapeControl(step.id)}${step.isDone ? style.dim('  done already') : ''}`;
  if (screen.steps !== null && (many || state === 'partial')) for (const [at, step] of screen.steps.entries()) yield stepLine(step, at, style);
  if (screen.failure !== null) yield* wrapAfter('  stopped   ', escapeControl(screen.failure), Math.max(80, style.width));
  // Not wrapped: they are copied.
  for (const [at, line] of (screen.settings ?? []).entries()) yield `${at === 0 ? '  start it  ' : '            '}${escapeControl(line)}`;
  if (plan.severe !== null && state === 'preview') yield* wrapAfter('  confirm   ', `${escapeControl(plan.severe)}${screen.needsConfirm ? '. It has to be confirmed with the id of the cluster' : ''}`, Math.max(80, style.width));
}

function memberColumns(style: Style): Column<MemberDiff>[] {
  const sign = (text: string, one: MemberDiff): string => (one.sign === '+' ? style.good(text) : one.sign === '-' ? style.bad(text) : one.sign === '~' ? style.caution(text) : text);
  return [
    { header: '', cell: (one) => one.sign, paint: sign },
    { header: '', cell: (one) => escapeControl(one.id), paint: sign },
    { header: '', cell: (one) => (one.sign === '~' ? `${one.before} -> ${one.after}` : (one.after ?? one.before)), paint: sign },
    { header: '', cell: (one) => one.addresses.map(escapeControl).join(','), drop: 1 },
    { header: '', cell: (one) => (one.sign === '+' ? 'new' : one.sign === '-' ? 'leaves' : one.healthy ? 'up' : 'DOWN'), paint: (text, one) => (one.healthy ? style.dim(text) : style.bad(text)) },
  ];
}

function stepLine(step: StepReport, at: number, style: Style): string {
  const word = step.status === 'done' ? style.good('done') : step.status === 'already' ? style.dim('already') : step.status === 'failed' ? style.bad('FAIL') : style.dim('not started');
  const entry = step.index === null ? '' : `  entry ${step.index}`;
  const time = step.status === 'done' ? `  ${showDuration(step.durationMs)}` : '';
  return `  ${at + 1} ${escapeControl(step.id)}  ${word}${entry}${time}`;
}

function arrow(before: string, after: string): string {
  return before === after ? before : `${before} -> ${after}`;
}

function mayFail(view: ConfigurationView): string {
  return view.failuresTolerated === 0 ? 'none' : String(view.failuresTolerated);
}
