import type { MemberList } from '../engine/live/member-list.ts';
import { memberOf } from '../engine/live/member-list.ts';
import { escapeControl } from './escape.ts';

const CELLS = 20;
const MOST_EVENTS = 6;
/** From this lag on, in entries, a cell shows the sign. */
const SIGNS: readonly (readonly [number, string])[] = [[100_000, '#'], [10_000, '*'], [1000, '+'], [100, '='], [10, '-'], [2, ':'], [0, '.']];

/** What `member list --watch` remembers from one look to the next. */
export class WatchMemory {
  private readonly cells = new Map<string, string>();
  private readonly log: string[] = [];
  private last: MemberList | null = null;

  /** Takes a look, or null when nobody answered. */
  add(list: MemberList | null, clock: string): void {
    for (const id of new Set([...this.cells.keys(), ...(list?.members ?? []).map((one) => one.id)])) {
      const member = list === null ? undefined : memberOf(list, id);
      if (list !== null && member === undefined) this.cells.delete(id);
      else this.cells.set(id, `${this.cells.get(id) ?? ''}${signOf(member)}`.slice(-CELLS));
    }
    if (list !== null) {
      if (this.last !== null) this.log.unshift(...changesBetween(this.last, list).map((text) => `${clock}  ${text}`));
      this.log.splice(MOST_EVENTS);
      this.last = list;
    }
  }

  get history(): ReadonlyMap<string, string> {
    return new Map([...this.cells].map(([id, cells]) => [id, cells.padStart(CELLS)]));
  }

  get events(): readonly string[] {
    return this.log;
  }

  /** `LAG, LAST 40 s`. */
  headerFor(intervalMs: number): string {
    return `LAG, LAST ${Math.round((CELLS * intervalMs) / 1000)} s`.padEnd(CELLS);
  }
}

function signOf(member: { healthy: boolean; lag: number | null } | undefined): string {
  if (member === undefined || !member.healthy) return 'x';
  const { lag } = member;
  return lag === null ? '?' : (SIGNS.find(([from]) => lag >= from)?.[1] ?? '.');
}

/** What became different, in words: who came and went, who leads. */
export function changesBetween(before: MemberList, after: MemberList): string[] {
  const changes: string[] = [];
  const name = (text: string): string => escapeControl(text);
  if (before.leader !== after.leader || before.term !== after.term) {
    changes.push(`leader ${name(before.leader ?? 'none')} -> ${name(after.leader ?? 'none')}, term ${before.term} -> ${after.term}`);
  }
  for (const member of after.members) {
    const old = memberOf(before, member.id);
    if (old === undefined) changes.push(`${name(member.id)} added as ${member.role}`);
    else if (old.role !== member.role) changes.push(`${name(member.id)} is a ${member.role} now`);
    if (old !== undefined && old.healthy !== member.healthy) changes.push(member.healthy ? `${name(member.id)} is back` : `${name(member.id)} is down`);
  }
  for (const member of before.members) if (memberOf(after, member.id) === undefined) changes.push(`${name(member.id)} removed`);
  return changes;
}
