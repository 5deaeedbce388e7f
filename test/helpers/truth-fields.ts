import { isDeepStrictEqual } from 'node:util';

/** A field of truth.json that no test compares, and why. `path` is a pattern: `*` stands for one step, `**` for any rest. */
export interface NotCompared {
  path: string;
  reason: string;
  /** Cases it holds for, as `system/case`; all when left out. */
  cases?: RegExp;
}

type Step = string;

/** Paths of all leaves: scalars, nulls, and empty lists and objects. Steps are joined by a slash, since keys hold dots. */
export function leafPaths(value: unknown, prefix: Step[] = []): string[] {
  if (value === null || typeof value !== 'object') return [prefix.join('/')];
  const children = Object.entries(value);
  if (children.length === 0) return [prefix.join('/')];
  return children.flatMap(([key, child]) => leafPaths(child, [...prefix, key.replaceAll('/', '|')]));
}

function at(value: unknown, path: string): unknown {
  let here = value;
  for (const step of path.split('/')) {
    if (here === null || typeof here !== 'object') return undefined;
    const entry = Object.entries(here).find(([key]) => key.replaceAll('/', '|') === step);
    here = entry?.[1];
  }
  return here;
}

function toMatcher(pattern: string): RegExp {
  const steps = pattern.split('/').map((step) => (step === '**' ? '.*' : step.split('*').map(escape).join('[^/]*')));
  return new RegExp(`^${steps.join('/').replace(/\/\.\*$/, '(?:/.*)?')}$`);
}

function escape(text: string): string {
  return text.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
}

/**
 * Compares what was read with truth.json, field by field, and remembers which fields were compared: what is left over must
 * be on a list with a reason. Differences are collected, so that one run shows them all.
 */
export class TruthComparison {
  readonly differences: string[] = [];
  private readonly compared: string[] = [];

  constructor(
    readonly caseName: string,
    readonly truth: unknown,
  ) {}

  /** The value of a field; undefined when there is none. Reading it does not count as comparing. */
  peek(path: string): unknown {
    return at(this.truth, path);
  }

  has(path: string): boolean {
    return at(this.truth, path) !== undefined;
  }

  /** Compares the field, mapped into the product's words, with what was read; absent fields are passed over. */
  equal(path: string, actual: unknown, toExpected: (truth: never) => unknown = (truth) => truth): void {
    const value = at(this.truth, path);
    if (value === undefined) return;
    this.compared.push(path);
    this.expect(path, actual, toExpected(value as never));
  }

  /** A comparison that `covers` fields of truth which take part in `expected`. */
  derived(label: string, covers: string[], actual: unknown, expected: unknown): void {
    this.compared.push(...covers.filter((path) => this.has(path)));
    this.expect(label, actual, expected);
  }

  /** A comparison other than equality. */
  holds(label: string, covers: string[], condition: boolean, explanation: string): void {
    this.compared.push(...covers.filter((path) => this.has(path)));
    if (!condition) this.differences.push(`${label}: ${explanation}`);
  }

  private expect(label: string, actual: unknown, expected: unknown): void {
    if (!isDeepStrictEqual(actual, expected)) this.differences.push(`${label}: read ${show(actual)}, truth ${show(expected)}`);
  }

  /** Leaf paths that were neither compared nor listed. */
  uncovered(list: readonly NotCompared[]): string[] {
    const matchers = list.filter((entry) => entry.cases?.test(this.caseName) ?? true).map((entry) => toMatcher(entry.path));
    return leafPaths(this.truth).filter(
      (leaf) => !this.compared.some((path) => leaf === path || leaf.startsWith(`${path}/`)) && !matchers.some((matcher) => matcher.test(leaf)),
    );
  }

  /** Entries of the list that match a field of this case. */
  used(list: readonly NotCompared[]): NotCompared[] {
    const leaves = leafPaths(this.truth);
    return list.filter((entry) => {
      if (!(entry.cases?.test(this.caseName) ?? true)) return false;
      const matcher = toMatcher(entry.path);
      return leaves.some((leaf) => matcher.test(leaf));
    });
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
