import { holdsRange, readableSpans, showSpans } from '../../engine/inspect/coverage.ts';
import type { LogPosition } from '../../engine/core/types.ts';
import type { Finding } from '../../engine/model/finding.ts';
import type { MemberReport } from '../../engine/model/member-report.ts';
import type { UnreadableMember } from '../../engine/places/unreadable.ts';
import { findingLines } from './findings.ts';
import type { Style } from './style.ts';
import { fitLines, wrap } from './wrap.ts';
import { type Column, columns } from './table.ts';
import { contextOf, headLine, nameOf } from './head.ts';

export type ShownMember = MemberReport | UnreadableMember;

const SHOWN_MEMBERS = 7;

/** The screen of `inspect member` (S1). `reasonOf` says why a damaged place cannot be read. */
export function* memberLines(members: readonly ShownMember[], findings: readonly Finding[], style: Style, reasonOf: (label: string, at: number) => string | null): Generator<string> {
  const read = members.filter((one): one is MemberReport => one.store !== null && one.health !== 'unreadable');
  const sick = members.filter((one) => one.health === 'damaged' || one.health === 'unreadable' || one.health === 'encrypted');
  const shown = style.verbose ? members : members.slice(0, SHOWN_MEMBERS);
  yield headLine(verdict(members, sick, style), contextOf(read));
  yield* columns(shown, spec(style), { width: style.width });
  if (members.length > shown.length) yield style.dim(`  ${members.length - shown.length} more: --verbose`);
  const noted = shown.some(fromSnapshot);
  let told: Finding[] = [];
  for (const member of shown) {
    if (member.store === null) continue;
    for (const [at, damage] of member.damage.entries()) {
      const lines = damageText(member as MemberReport, damage, at, reasonOf(member.label, at), read);
      yield* paragraph(member.label, at === 0 && damage === member.damage[0] && noted ? `${lines}      (s) taken from the snapshot` : lines, style);
      told = told.concat(findings.filter((one) => one.severity === 'error' && one.member === member.label && one.byteOffset === damage.byteOffset && one.file === damage.file));
    }
  }
  if (noted && !shown.some((one) => one.damage.length > 0)) yield '  (s) taken from the snapshot';
  yield* findingLines(findings.filter((one) => !told.includes(one)), style);
  const written = writtenLine(read);
  if (written !== null) for (const line of fitLines(written, style)) yield style.dim(line);
}

function verdict(members: readonly ShownMember[], sick: readonly ShownMember[], style: Style): string {
  if (sick.length === 0) {
    const torn = members.filter((one) => one.health === 'torn-tail').length;
    return `${style.good(style.strong('OK'))}  ${members.length} ${members.length === 1 ? 'member' : 'members'}${torn > 0 ? `, ${torn} with a torn tail (harmless)` : ''}`;
  }
  const word = sick.some((one) => one.health === 'damaged') ? 'DAMAGED' : sick.some((one) => one.health === 'unreadable') ? 'UNREADABLE' : 'ENCRYPTED';
  return `${style.bad(word)}  ${sick.length} of ${members.length} ${members.length === 1 ? 'member' : 'members'}: ${sick.map((one) => one.label).join(' ')}`;
}

function spec(style: Style): Column<ShownMember>[] {
  return [
    { header: 'MEMBER', cell: (one) => one.label },
    { header: 'HEALTH', cell: (one) => (one.health === 'damaged' ? 'DAMAGED' : one.health), paint: (text, one) => paintHealth(text, one, style) },
    { header: 'LAST ENTRY', cell: (one) => (one.store === null ? null : `${show(one.lastEntry)}${fromSnapshot(one) ? ' (s)' : ''}`) },
    { header: 'ENTRIES', cell: (one) => (one.store === null ? null : showSpans(readableSpans(one))) },
    { header: 'IN DOUBT', cell: (one) => (one.inDoubt === null || one.health === 'damaged' ? null : `${one.inDoubt.from}-${one.inDoubt.to}`), paint: (text) => style.caution(text) },
    { header: 'TERM', cell: (one) => (hasHardState(one) ? one.hardState.currentTerm : null), align: 'right', drop: 2 },
    { header: 'VOTE', cell: (one) => (one.hardState.votedFor === null || !hasHardState(one) ? null : nameOf(one.hardState.votedFor, one.confState?.members)), drop: 1 },
    { header: 'COMMIT', cell: (one) => (hasHardState(one) ? one.hardState.commitIndex : null), align: 'right' },
    { header: 'APPLIED', cell: (one) => one.appliedIndex, align: 'right', drop: 3 },
    { header: 'SNAPSHOT', cell: (one) => newestSnapshot(one), align: 'right', drop: 4 },
  ];
}

/** A hard state read up to damage is not the member's last one: shown as unknown. */
function hasHardState(one: ShownMember): boolean {
  return one.store !== null && !(one.health === 'damaged' && one.damage.some((damage) => damage.tail !== null)) && one.hardState.currentTerm > 0;
}

function paintHealth(text: string, one: ShownMember, style: Style): string {
  if (one.health === 'ok') return style.good(text);
  return one.health === 'torn-tail' || one.health === 'encrypted' ? style.caution(text) : style.bad(text);
}

function show(position: LogPosition): string {
  return position.index === 0 && position.term === 0 ? '-' : `${position.term}/${position.index}`;
}

function fromSnapshot(one: ShownMember): boolean {
  return one.store !== null && one.lastEntry.index > 0 && (one.log.entries === 0 || one.lastEntry.index > one.log.lastIndex);
}

function newestSnapshot(one: ShownMember): string | null {
  const newest = one.snapshots.find((snapshot) => snapshot.status !== 'bad');
  return newest ? `${newest.term}/${newest.index}` : null;
}

function damageText(member: MemberReport, damage: MemberReport['damage'][number], at: number, reason: string | null, read: readonly MemberReport[]): string {
  const { fromIndex, toIndex, tail } = damage;
  const lost = fromIndex === null ? 'what it held is unknown' : toIndex === null || toIndex === fromIndex ? `entry ${fromIndex}` : `entries ${fromIndex} to ${toIndex}`;
  const parts = [`${damage.file}, record at byte ${damage.byteOffset}: ${lost}${reason === null ? '' : `, ${reason}`}.`];
  if (tail !== null) {
    const behind = toIndex === null ? null : tail.index - toIndex;
    parts.push(`${behind === null ? 'Entries' : `${behind} ${behind === 1 ? 'entry' : 'entries'}`} behind it ${behind === 1 ? 'is' : 'are'} whole, up to ${tail.term}/${tail.index}: damage inside, not an unfinished write.`);
  }
  // A server dies of most damage; where it does not, it silently cuts whole entries off (a zeroed sector).
  const server = member.software?.name ?? 'The server';
  if (at === 0) parts.push(member.serverStarts === false ? `${server} will not start from it.` : `Do not let ${server.replace('The', 'the')} start from it.`);
  if (fromIndex !== null) parts.push(holders(member, fromIndex, toIndex ?? fromIndex, read));
  return parts.filter((part) => part !== '').join(' ');
}

function holders(member: MemberReport, from: number, to: number, read: readonly MemberReport[]): string {
  const others = read.filter((one) => one !== member && one.clusterId === member.clusterId);
  if (others.length === 0) return '';
  const what = from === to ? `entry ${from}` : `entries ${from} to ${to}`;
  const have = others.filter((one) => holdsRange(one, from, to)).map((one) => one.label);
  if (have.length > 0) return `${have.length === 1 ? have[0] : `${have.slice(0, -1).join(', ')} and ${have.at(-1)}`} ${have.length === 1 ? 'holds' : 'hold'} ${what}.`;
  const covered = others.filter((one) => one.commitFloor >= to && one.log.firstIndex > from).map((one) => one.label);
  return covered.length > 0 ? `No member here holds ${what}; ${covered.join(', ')} went past it with a snapshot.` : `No other member here holds ${what}.`;
}

function* paragraph(label: string, text: string, style: Style): Generator<string> {
  const indent = label.length + 4;
  const note = /(?: {6}(\(s\).*))$/.exec(text);
  const lines = wrap(note ? text.slice(0, note.index) : text, Math.max(80, Math.min(style.width, 100)) - indent);
  if (note) {
    const last = lines.pop() ?? '';
    if (indent + last.length + 6 + (note[1]?.length ?? 0) <= 100) lines.push(`${last}      ${note[1]}`);
    else lines.push(last, note[1] ?? '');
  }
  for (const [at, line] of lines.entries()) yield `${at === 0 ? `  ${style.strong(label)}  ` : ' '.repeat(indent)}${line}`;
}

function writtenLine(read: readonly MemberReport[]): string | null {
  const times = read.flatMap((one) => (one.lastWritten === null ? [] : [{ label: one.label, at: showMinute(one.lastWritten) }]));
  if (times.length === 0) return null;
  const distinct = [...new Set(times.map((one) => one.at))];
  const who = read.length === 1 ? '' : read.length === 2 ? ' on both' : read.length === 3 ? ' on all three' : ` on all ${read.length}`;
  const what = distinct.length === 1 && times.length === read.length ? `${distinct[0]}${who}` : times.map((one) => `${one.label} ${one.at}`).join(', ');
  return `  Files last written ${what} (a hint; ranking never uses times)`;
}

/** Local time with its offset. */
export function showMinute(rfc3339: string): string {
  const at = new Date(rfc3339);
  if (Number.isNaN(at.getTime())) return rfc3339;
  const offset = -at.getTimezoneOffset();
  const local = new Date(at.getTime() + offset * 60_000).toISOString();
  const two = (value: number): string => String(Math.abs(value)).padStart(2, '0');
  const zone = offset === 0 ? 'UTC' : `${offset < 0 ? '-' : '+'}${two(Math.trunc(offset / 60))}:${two(offset % 60)}`;
  return `${local.slice(0, 10)} ${local.slice(11, 16)} ${zone}`;
}
