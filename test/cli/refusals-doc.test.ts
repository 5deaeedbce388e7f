import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from '../helpers/run-cli.ts';

const SRC = path.join(ROOT, 'src');
const DOC = 'docs/refusals.md';
const MAX_LINE = 200;

type Sources = ReadonlyMap<string, string>;

/** Rules that come to the error by another way than a literal or a constant: the place, the expression, and where the rules are written. */
const INDIRECT: readonly { file: string; expression: string; rulesIn: (text: string, sources: Sources) => string[] }[] = [
  { file: 'engine/live/failures.ts', expression: 'error.rule', rulesIn: (text) => keysOf(text, 'HINTS') },
  { file: 'engine/live/etcd/etcd-failures.ts', expression: 'meaning.refused', rulesIn: (text) => firstGroups(text, /\{ refused: '([a-z-]+)' \}/g) },
  // Whatever else stands in the way of an append makes it a rebuild.
  { file: 'engine/recovery/targets/etcd/append.ts', expression: 'plan.rule', rulesIn: (text) => firstGroups(text, /if \(plan\.rule !== '([a-z-]+)'\) return/g) },
  // The supervisor's refusals are passed on: they are built elsewhere.
  { file: 'engine/lab/control.ts', expression: 'rule', rulesIn: () => [] },
];

function readSources(): Sources {
  const files = fs.readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((one) => one.endsWith('.ts'));
  return new Map(files.map((one) => [one.replaceAll(path.sep, '/'), fs.readFileSync(path.join(SRC, one), 'utf8')]));
}

function firstGroups(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((one) => one[1] ?? '');
}

/** Keys of an object literal, one a line, that is a constant of the file. */
function keysOf(text: string, name: string): string[] {
  const body = new RegExp(`^const ${name}\\b[^\\n]*\\{\\n(.*?)\\n\\};`, 'ms').exec(text)?.[1] ?? '';
  return firstGroups(body, /^ {2}'?([a-z-]+)'?: /gm);
}

/** The value of a constant: of this file, else of the one that exports it. */
function constantOf(name: string, text: string, sources: Sources): string | undefined {
  const own = new RegExp(`\\bconst ${name} = '([^']+)'`).exec(text)?.[1];
  if (own !== undefined) return own;
  const exported = new RegExp(`^export const ${name} = '([^']+)'`, 'm');
  return [...sources.values()].flatMap((one) => exported.exec(one)?.[1] ?? [])[0];
}

/** The rules of the expressions that errors are built with, and the expressions that this test cannot follow. */
function rulesOf(sources: Sources): { rules: Set<string>; unknown: string[] } {
  const rules = new Set<string>();
  const unknown: string[] = [];
  for (const [file, text] of sources) {
    for (const [, subclass] of text.matchAll(/class (\w+) extends (?:RefusedError|DriftError)\b/g)) unknown.push(`${file}: class ${subclass}`);
    for (const [, argument = ''] of text.matchAll(/new (?:RefusedError|DriftError)\(\s*([^,]+?)\s*,/g)) {
      const indirect = INDIRECT.find((one) => one.file === file && one.expression === argument);
      const literal = /^'([^']+)'$/.exec(argument)?.[1] ?? (/^\w+$/.test(argument) ? constantOf(argument, text, sources) : undefined);
      const found = indirect?.rulesIn(text, sources) ?? (literal === undefined ? [] : [literal]);
      if (indirect === undefined && literal === undefined) unknown.push(`${file}: ${argument}`);
      for (const rule of found) rules.add(rule);
    }
  }
  return { rules, unknown };
}

function rowsOf(doc: string): string[] {
  return firstGroups(doc, /^\| `([^`]+)` \|/gm);
}

describe('docs/refusals.md', () => {
  const sources = readSources();
  const doc = fs.readFileSync(path.join(ROOT, DOC), 'utf8');
  const { rules, unknown } = rulesOf(sources);

  it('is checked against every place that builds a refusal', () => {
    assert.deepEqual(unknown, [], 'say in INDIRECT where these rules are written');
    for (const { file, expression } of INDIRECT) assert.match(sources.get(file) ?? '', new RegExp(`new RefusedError\\(${expression.replace('.', '\\.')},`), `${file} builds none with ${expression} any more`);
    // One of each way, so that a pattern that no longer matches is seen.
    for (const rule of ['other-source', 'margin-lost', 'data-moved-on', 'unverified-snapshot', 'quorum-present', 'already-alone', 'too-stale', 'too-many-learners']) assert.ok(rules.has(rule), rule);
  });

  it('has a row for each rule', () => {
    const rows = rowsOf(doc);
    assert.deepEqual([...rules].filter((one) => !rows.includes(one)).sort(), [], `rules without a row in ${DOC}`);
  });

  it('names no rule that the source does not have, and none twice', () => {
    const rows = rowsOf(doc);
    assert.deepEqual(rows.filter((one) => !rules.has(one)), [], `rows of ${DOC} without a rule`);
    assert.deepEqual(rows.filter((one, at) => rows.indexOf(one) !== at), []);
  });

  it('has four columns everywhere, and no line that is too long', () => {
    const lines = doc.split('\n');
    assert.deepEqual(lines.filter((one) => one.startsWith('|') && one.split('|').length !== 6), []);
    assert.deepEqual(lines.filter((one) => one.length > MAX_LINE), []);
  });

  it('would miss a rule that is added', () => {
    const text = `throw new RefusedError(\n  'brand-new',\n  'x', 'y');\nthrow new DriftError(NEW_RULE, 'x', 'y');\nthrow new RefusedError(why.rule, 'x', 'y');`;
    const found = rulesOf(new Map([['a.ts', text], ['b.ts', "export const NEW_RULE = 'newer-still';"]]));
    assert.deepEqual(found, { rules: new Set(['brand-new', 'newer-still']), unknown: ['a.ts: why.rule'] });
  });
});
