import type { MembershipView } from '../../engine/inspect/membership.ts';
import type { Style } from './style.ts';
import { columns } from './table.ts';
import { headLine } from './head.ts';

/** The screen of `inspect membership`. */
export function* membershipLines(view: MembershipView, context: string, history: boolean, style: Style): Generator<string> {
  const { confState } = view;
  yield headLine(`${style.strong('MEMBERSHIP')}  ${view.label}: ${confState ? `${confState.voters.length} voters, ${confState.learners.length} learners${confState.pending ? ', pending' : ''}` : 'none stored'}`, context);
  if (confState) {
    yield* columns(confState.members, [
      { header: 'NAME', cell: (one) => one.name },
      { header: 'ID', cell: (one) => one.id },
      { header: 'ROLE', cell: (one) => one.role },
      { header: 'ADDRESSES', cell: (one) => one.addresses.join(' ') },
    ]);
  }
  yield '';
  yield* columns(view.places, [
    { header: 'STORED IN', cell: (one) => one.where },
    { header: 'INDEX', cell: (one) => one.index },
    { header: 'VOTERS', cell: (one) => one.voters.join(' ') },
    { header: 'LEARNERS', cell: (one) => one.learners.join(' ') },
    { header: 'AGREES', cell: (one) => (one.agrees ? 'yes' : 'older or other'), paint: (text, one) => (one.agrees ? text : style.caution(text)) },
  ]);
  if (!history) return;
  yield '';
  yield* columns(view.history, [
    { header: 'INDEX', cell: (one) => one.index },
    { header: 'TERM', cell: (one) => one.term },
    { header: 'FROM', cell: (one) => one.source },
    { header: 'CHANGE', cell: (one) => `${one.change}${one.effective ? '' : ' (rejected when applied)'}` },
    { header: 'VOTERS AFTER', cell: (one) => one.voters.join(' ') },
  ]);
}
