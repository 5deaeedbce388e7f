import type { StepdownReport } from '../../engine/live/leader-gap.ts';
import type { LeaderView } from '../../engine/live/cluster.ts';
import { escapeControl } from '../escape.ts';
import { showDuration } from '../measure.ts';
import { headLine } from './head.ts';
import type { Style } from './style.ts';
import { fitLines } from './wrap.ts';

/** `leader show`: who, since when, in which term. */
export function* leaderLines(view: LeaderView, kind: string, nowMs: number, style: Style): Generator<string> {
  if (view.leader === null) {
    yield* fitLines(headLine(style.bad('NO LEADER'), `${kind}  term ${view.term}`), style);
    return;
  }
  const age = view.since === null ? '' : `  for ${showDuration(Math.max(0, nowMs - Date.parse(view.since)))}`;
  yield* fitLines(headLine(`${style.strong('LEADER')}  ${style.strong(escapeControl(view.leader))}  term ${view.term}${age}`, kind), style);
}

export interface StepdownScreen {
  readonly state: 'preview' | 'done' | 'already';
  readonly before: { readonly leader: string; readonly term: number };
  readonly target: string;
  readonly lag: number | null;
  readonly done: StepdownReport | null;
  readonly kind: string;
  readonly clusterId: string;
}

/** `leader stepdown`: from whom to whom, and for how long nobody answered. */
export function* stepdownLines(screen: StepdownScreen, style: Style): Generator<string> {
  const { before, target, state, done } = screen;
  const context = `${screen.kind}  cluster ${screen.clusterId}`;
  if (state === 'already') {
    yield* fitLines(headLine(`${style.good('ALREADY')}  ${escapeControl(target)} leads, term ${before.term}`, context), style);
  } else if (done === null) {
    yield* fitLines(headLine(`${style.caution('PREVIEW')}  move the leadership, nothing changed`, context), style);
    yield `  ${style.caution('~')}  leader  ${escapeControl(before.leader)} -> ${escapeControl(target)}   term ${before.term} -> higher`;
    yield `  ${escapeControl(target)} is ${screen.lag ?? 'an unknown number of'} ${screen.lag === 1 ? 'entry' : 'entries'} behind; writes wait until it leads, usually well under a second`;
  } else {
    yield* fitLines(headLine(`${style.good('DONE')}  leader ${escapeControl(done.before.leader)} -> ${escapeControl(done.after.leader)}`, context), style);
    yield `  term ${done.before.term} -> ${done.after.term}   gap ${showDuration(done.gapMs)} ${style.dim(`(longest time without an answer; ${done.probes} linearizable reads)`)}`;
  }
}
