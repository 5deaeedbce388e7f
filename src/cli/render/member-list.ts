import type { LiveMember, MemberList } from '../../engine/live/member-list.ts';
import { escapeControl } from '../escape.ts';
import { showDuration } from '../measure.ts';
import { headLine } from './head.ts';
import type { Style } from './style.ts';
import { type Column, columns } from './table.ts';
import { fitLines, wrapAfter } from './wrap.ts';

/** How the cluster stands, in one word. */
export type ClusterHealth = 'HEALTHY' | 'DEGRADED' | 'FRAGILE' | 'NO LEADER';

export interface MemberListExtras {
  readonly kind: string;
  /** How the lag of each member went, newest last; absent without `--watch`. */
  readonly history?: ReadonlyMap<string, string>;
  readonly historyHeader?: string;
  /** What happened while watching, newest first. */
  readonly events?: readonly string[];
}

const SHOWN_MEMBERS = 7;
const CATCHING_UP_ENTRIES = 100;

export function healthOf(list: MemberList): ClusterHealth {
  if (list.leader === null) return 'NO LEADER';
  if (list.failuresTolerated === 0) return 'FRAGILE';
  return list.members.some((one) => !one.healthy) ? 'DEGRADED' : 'HEALTHY';
}

/** The screen of `member list` (S9). */
export function* memberListLines(list: MemberList, extras: MemberListExtras, style: Style): Generator<string> {
  yield* fitLines(headLine(verdict(list, style), `${extras.kind}  cluster ${list.clusterId}  term ${list.term}  commit ${list.commitIndex}`), style);
  const shown = style.verbose ? list.members : list.members.slice(0, SHOWN_MEMBERS);
  yield* columns(shown, spec(list, extras, style), { width: style.width });
  if (list.members.length > shown.length) yield style.dim(`  ${list.members.length - shown.length} more: --verbose`);
  if (list.pendingChange !== null) yield `  ${style.caution('NOW')}  a membership change waits to be committed (entry ${list.pendingChange.index})`;
  for (const one of shown) if (one.problem !== null) yield* wrapAfter(`  ${escapeControl(one.name)}  `, escapeControl(one.problem), Math.max(80, style.width));
  for (const event of extras.events ?? []) yield style.dim(`  ${event}`);
}

/** `3 voters, quorum 2, 1 may fail` with its word before it. */
function verdict(list: MemberList, style: Style): string {
  const health = healthOf(list);
  const voters = list.members.filter((one) => one.role === 'voter');
  const down = list.members.filter((one) => !one.healthy).length;
  const word = health === 'HEALTHY' ? style.good(health) : health === 'NO LEADER' ? style.bad(health) : style.caution(health);
  const parts = [`${voters.length} ${voters.length === 1 ? 'voter' : 'voters'}`, `quorum ${list.quorum}`];
  if (down > 0) parts.push(`${down} down`);
  parts.push(`${list.failuresTolerated === 0 ? 'none' : list.failuresTolerated} may fail`);
  return `${style.strong(word)}  ${parts.join(', ')}`;
}

function spec(list: MemberList, extras: MemberListExtras, style: Style): Column<LiveMember>[] {
  const isNamed = list.members.some((one) => one.name !== one.id);
  const history = extras.history;
  return [
    { header: ' ', cell: (one) => (one.isLeader ? '*' : ' '), paint: (text) => style.strong(text) },
    { header: 'NAME', cell: (one) => escapeControl(one.name), paint: (text, one) => (one.isLeader ? style.strong(text) : text) },
    ...(isNamed ? [{ header: 'ID', cell: (one: LiveMember) => escapeControl(one.id), drop: 3 }] : []),
    { header: 'ADDRESS', cell: (one) => one.addresses.map(escapeControl).join(','), drop: 1 },
    { header: 'ROLE', cell: (one) => (one.isLeader ? 'leader' : one.role) },
    { header: 'VERSION', cell: (one) => (one.version === null ? null : escapeControl(one.version)), drop: 2 },
    { header: 'MATCH', cell: (one) => one.matchIndex, align: 'right' },
    { header: 'LAG', cell: (one) => one.lag, align: 'right' },
    ...(history === undefined ? [] : [{ header: extras.historyHeader ?? 'LAG OVER TIME', cell: (one: LiveMember) => history.get(one.id) ?? '', drop: 4 }]),
    { header: 'SEEN', cell: seen, align: 'right' },
    { header: '', cell: note, paint: (text, one) => paintNote(text, one, style) },
  ];
}

function seen(one: LiveMember): string | null {
  if (one.isLeader) return 'now';
  return one.lastContactMs === null ? null : showDuration(one.lastContactMs);
}

function note(one: LiveMember): string {
  if (!one.healthy) return 'DOWN';
  if (one.lag !== null && one.lag > CATCHING_UP_ENTRIES) return 'catching up';
  return 'ok';
}

function paintNote(text: string, one: LiveMember, style: Style): string {
  if (!one.healthy) return style.bad(text);
  return text.startsWith('catching') ? style.caution(text) : style.good(text);
}
