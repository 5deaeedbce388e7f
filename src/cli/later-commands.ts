/**
 * Commands that are planned and not in this version. Somebody who types one from the documentation has to hear that it does not
 * exist yet, and not be offered one with a similar name. A test fails when one of them comes into being and stays listed.
 */
const LATER: Readonly<Record<string, readonly string[]>> = {
  inspect: [],
  recover: [],
  snapshot: ['diff'],
  upgrade: ['plan', 'run', 'status', 'enable', 'abort'],
  runbook: ['run'],
  bench: ['write', 'read', 'election', 'snapshot'],
  doctor: [],
};

/** All of them by id, `doctor` and the like as one word. */
export function laterIds(): string[] {
  return Object.entries(LATER).flatMap(([topic, verbs]) => verbs.map((verb) => `${topic}:${verb}`));
}

/**
 * The planned command that words name, written with spaces; undefined when they name none. A topic of which nothing exists yet
 * counts whatever follows it.
 */
export function laterCommand(words: readonly string[], ids: readonly string[]): string | undefined {
  const [first = '', second] = words;
  const verbs = Object.hasOwn(LATER, first) ? LATER[first] : undefined;
  if (verbs === undefined) return undefined;
  if (second !== undefined && verbs.includes(second) && !ids.includes(`${first}:${second}`)) return `${first} ${second}`;
  const exists = ids.some((id) => id === first || id.startsWith(`${first}:`));
  return exists ? undefined : first;
}
