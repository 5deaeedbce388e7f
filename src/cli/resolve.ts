import { laterCommand } from './later-commands.ts';

/** What the words of a command line ask for. */
export type Resolved =
  | { kind: 'root' }
  | { kind: 'topic'; topic: string }
  | { kind: 'command'; id: string; argv: string[] }
  | { kind: 'later'; words: string }
  | { kind: 'unknown'; words: string; suggestion: string | undefined };

const FLAGS_WITH_VALUE = new Set(['--format', '--override', '--timeout', '--redact', '--log-file']);

/**
 * Finds the command that the words name. Global flags may come before it. A first word with a slash or a dot in it is a place,
 * and means `inspect member`. Nothing is ever guessed and run: a near miss is only suggested.
 * @param ids Ids of the commands there are, words separated by colons.
 */
export function resolveCommand(words: readonly string[], ids: readonly string[]): Resolved {
  const lead = leadingFlags(words);
  const rest = words.slice(lead.length);
  const named = leadingWords(rest);
  if (named.length === 0) return { kind: 'root' };
  for (let count = Math.min(named.length, 3); count > 0; count -= 1) {
    const id = named.slice(0, count).join(':');
    if (ids.includes(id)) return { kind: 'command', id, argv: [...rest.slice(count), ...lead] };
  }
  const first = named[0] ?? '';
  const isTopic = ids.some((id) => id.startsWith(`${first}:`));
  if (isTopic && named.length === 1) return { kind: 'topic', topic: first };
  if (!isTopic && /[/.]/.test(first) && ids.includes('inspect:member')) return { kind: 'command', id: 'inspect:member', argv: [...rest, ...lead] };
  const later = laterCommand(named, ids);
  if (later !== undefined) return { kind: 'later', words: later };
  const asked = (isTopic ? named.slice(0, 2) : named.slice(0, 1)).join(' ');
  return { kind: 'unknown', words: asked, suggestion: nearest(named.slice(0, 2).join(' '), asked, ids) };
}

/** The command that words most likely name, where the list of commands is not at hand: for the head of an error. */
export function resolveWords(words: readonly string[]): string {
  const named = leadingWords(words.slice(leadingFlags(words).length));
  return /[/.]/.test(named[0] ?? '') ? 'inspect member' : named.slice(0, 2).join(' ');
}

/** Global flags before the command, with their values. */
export function leadingFlags(words: readonly string[]): string[] {
  let end = 0;
  while (end < words.length && (words[end] ?? '').startsWith('-') && words[end] !== '--') {
    end += FLAGS_WITH_VALUE.has(words[end] ?? '') ? 2 : 1;
  }
  return words.slice(0, end);
}

/** The words up to the first flag. */
export function leadingWords(words: readonly string[]): string[] {
  const end = words.findIndex((word) => word.startsWith('-'));
  return end === -1 ? [...words] : words.slice(0, end);
}

function nearest(two: string, asked: string, ids: readonly string[]): string | undefined {
  const names = ids.map((id) => id.replaceAll(':', ' '));
  const topics = [...new Set(names.filter((name) => name.includes(' ')).map((name) => name.split(' ')[0] ?? ''))];
  // A bare verb (`pick`) is the commonest slip: the topic was left out.
  const verb = names.find((name) => name.endsWith(` ${asked}`));
  if (verb !== undefined) return verb;
  const scored = [...names.map((name) => ({ name, cost: editDistance(two, name) })), ...[...topics, ...names].map((name) => ({ name, cost: editDistance(asked, name) }))];
  const best = scored.sort((a, b) => a.cost - b.cost)[0];
  return best !== undefined && best.cost <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : undefined;
}

/** Insertions, deletions and substitutions between two short words; words beyond 64 characters are no typing slip. */
export function editDistance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
