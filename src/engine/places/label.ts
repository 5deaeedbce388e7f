import path from 'node:path';
import { UsageError } from '../errors.ts';
import { withoutArchiveEnding } from './place.ts';

/** What a label is made of. */
export interface Nameable {
  /** Given as `label=path`. */
  given: string | null;
  /** The member's own name in its data. */
  own: string | null;
  path: string;
}

/**
 * Labels in the order of `members`: as given, else the member's own name, else the shortest distinct part of its path.
 * @throws {UsageError} When two labels are equal.
 */
export function labelsOf(members: readonly Nameable[]): string[] {
  const unnamed = members.filter((one) => one.given === null && one.own === null);
  const parts = distinctParts(unnamed.map((one) => one.path));
  const labels = members.map((one) => one.given ?? one.own ?? parts[unnamed.indexOf(one)] ?? one.path);
  labels.forEach((label, at) => {
    const first = labels.indexOf(label);
    if (first === at) return;
    const [a, b] = [members[first]?.path ?? '', members[at]?.path ?? ''];
    throw new UsageError(`two places are called ${label}: ${a} and ${b}`, `Give each a label: ${label}-a=${a} ${label}-b=${b}`);
  });
  return labels;
}

/** For each path the shortest run of its components that no other path has at the same place, counted from the end. */
export function distinctParts(paths: readonly string[]): string[] {
  const split = paths.map((one) => withoutArchiveEnding(componentsText(one)).split('/').filter((part) => part !== ''));
  const shared = split.length > 1 ? commonEnding(split) : 0;
  const trimmed = split.map((parts) => (shared > 0 && shared < parts.length ? parts.slice(0, parts.length - shared) : parts));
  return trimmed.map((parts, at) => {
    for (let length = 1; length <= parts.length; length += 1) {
      const tail = parts.slice(-length).join('/');
      if (trimmed.every((other, otherAt) => otherAt === at || other.slice(-length).join('/') !== tail)) return tail;
    }
    return parts.slice(-1)[0] ?? '/';
  });
}

function componentsText(place: string): string {
  return /^[^/]*:/.test(place) ? place.replace(':', '/') : path.resolve(place);
}

function commonEnding(split: readonly string[][]): number {
  const [first = [], ...others] = split;
  let length = 0;
  while (length < first.length && others.every((parts) => parts.at(-1 - length) === first.at(-1 - length))) length += 1;
  return length;
}
