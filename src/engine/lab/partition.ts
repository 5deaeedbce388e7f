import { UsageError } from '../errors.ts';
import type { Link } from './orders.ts';

/** Who is to be kept from whom; exactly one way of saying it, or none for every link. */
export interface PartitionChoice {
  /** Each of these is cut off from everybody. */
  readonly isolate?: readonly string[];
  /** Members that may speak within their group only; a `bridge` member speaks with all. */
  readonly groups?: readonly (readonly string[])[];
  /** Alone: the others are split into two halves that only this member connects. With groups: belongs to none. */
  readonly bridge?: string;
  /** What the first says does not reach the second. */
  readonly oneWay?: readonly (readonly [from: string, to: string])[];
}

/** Reads `n1,n2/n3`. */
export function parseGroups(text: string): string[][] {
  const groups = text.split('/').map((group) => group.split(',').map((id) => id.trim()).filter((id) => id !== ''));
  if (groups.length < 2 || groups.some((group) => group.length === 0)) throw new UsageError(`--groups ${text} names fewer than two groups`, 'Write members with commas, groups with slashes: --groups n1,n2/n3');
  return groups;
}

/** Reads `n1:n2`. */
export function parseOneWay(text: string): [string, string] {
  const [from = '', to = '', ...rest] = text.split(':');
  if (from === '' || to === '' || rest.length > 0 || from === to) throw new UsageError(`--one-way ${text} is no pair of members`, 'Write --one-way n1:n2 when what n1 says must not reach n2');
  return [from, to];
}

/**
 * The directed links that a partition concerns. A link is the connections that `from` dials to `to`: the messages of `from` travel on
 * it, so one-way means one link.
 * @throws {UsageError} When a member is not known, named twice, or left out.
 */
export function linksOf(choice: PartitionChoice, members: readonly string[]): Link[] {
  const given = [choice.isolate, choice.groups ?? choice.bridge, choice.oneWay].filter((one) => one !== undefined).length;
  if (given > 1) throw new UsageError('--isolate, --groups or --bridge, and --one-way say different things', 'Give one of them; a second lab partition adds to the first');
  const all = pairs(members);
  if (choice.isolate !== undefined) {
    checkKnown(choice.isolate, members);
    const apart = new Set(choice.isolate);
    return all.filter(({ from, to }) => apart.has(from) || apart.has(to));
  }
  if (choice.oneWay !== undefined) {
    checkKnown(choice.oneWay.flat(), members);
    return choice.oneWay.map(([from, to]) => ({ from, to }));
  }
  if (choice.groups === undefined && choice.bridge === undefined) return all;
  const groups = choice.groups ?? halves(members.filter((id) => id !== choice.bridge));
  checkGroups(groups, choice.bridge, members);
  const groupOf = new Map(groups.flatMap((group, at) => group.map((id) => [id, at] as const)));
  return all.filter(({ from, to }) => from !== choice.bridge && to !== choice.bridge && groupOf.get(from) !== groupOf.get(to));
}

function pairs(members: readonly string[]): Link[] {
  return members.flatMap((from) => members.filter((to) => to !== from).map((to) => ({ from, to })));
}

function halves(members: readonly string[]): string[][] {
  const middle = Math.ceil(members.length / 2);
  return [members.slice(0, middle), members.slice(middle)];
}

function checkGroups(groups: readonly (readonly string[])[], bridge: string | undefined, members: readonly string[]): void {
  const named = [...groups.flat(), ...(bridge === undefined ? [] : [bridge])];
  checkKnown(named, members);
  const twice = named.find((id, at) => named.indexOf(id) !== at);
  if (twice !== undefined) throw new UsageError(`${twice} is named twice`, 'A member is in one group; one that connects the groups goes to --bridge');
  const left = members.filter((id) => !named.includes(id));
  if (left.length > 0) throw new UsageError(`${left.join(', ')} ${left.length > 1 ? 'are' : 'is'} in no group`, 'Name every member: in a group, or as --bridge');
  if (groups.some((group) => group.length === 0)) throw new UsageError('a bridge needs two members or more to connect', 'Use --isolate');
}

/** @throws {UsageError} When one of `ids` is no member of the lab. */
export function checkKnown(ids: readonly string[], members: readonly string[]): void {
  const stranger = ids.find((id) => !members.includes(id));
  if (stranger !== undefined) throw new UsageError(`${stranger} is no member of this lab`, `Its members are ${members.join(', ')}`);
}
