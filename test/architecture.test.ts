import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT } from './helpers/run-cli.ts';

const SRC = path.join(ROOT, 'src');
const MAX_LINES = 400;

/** What each folder may import from, besides itself and `engine/errors.ts`. Imports point one way. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  commands: ['cli', 'help', 'engine'],
  help: ['cli', 'engine/core'],
  hooks: ['cli'],
  cli: ['engine'],
  'engine/core': [],
  'engine/files': [],
  'engine/ports': ['engine/core'],
  'engine/native': ['engine/ports', 'engine/core'],
  'engine/storage': ['engine/native', 'engine/ports', 'engine/core'],
  'engine/machines': ['engine/native', 'engine/ports', 'engine/core'],
  'engine/runtime': ['engine/storage', 'engine/native', 'engine/ports', 'engine/core'],
  'engine/adapters': ['engine/native', 'engine/ports', 'engine/core'],
  'engine/client': ['engine/adapters', 'engine/native', 'engine/ports', 'engine/core'],
  'engine/node': ['engine/files', 'engine/adapters', 'engine/runtime', 'engine/machines', 'engine/storage', 'engine/native', 'engine/ports', 'engine/core'],
  'engine/sim': ['engine/runtime', 'engine/machines', 'engine/storage', 'engine/native', 'engine/ports', 'engine/core'],
  'engine/lab': ['engine/node', 'engine/client', 'engine/adapters', 'engine/machines', 'engine/storage', 'engine/ports', 'engine/core'],
  'engine/live': ['engine/files', 'engine/lab', 'engine/client', 'engine/adapters', 'engine/machines', 'engine/native', 'engine/model', 'engine/ports', 'engine/core'],
  'engine/model': ['engine/core'],
  'engine/readers': ['engine/native', 'engine/ports', 'engine/model', 'engine/core'],
  'engine/places': ['engine/readers', 'engine/model', 'engine/core'],
  'engine/inspect': ['engine/places', 'engine/readers', 'engine/model', 'engine/core'],
  'engine/writers': ['engine/native', 'engine/readers', 'engine/model', 'engine/core'],
  'engine/recovery': ['engine/files', 'engine/adapters', 'engine/storage', 'engine/writers', 'engine/places', 'engine/readers', 'engine/native', 'engine/model', 'engine/ports', 'engine/core'],
  'engine/servers': ['engine/files', 'engine/node', 'engine/client', 'engine/adapters', 'engine/live', 'engine/readers', 'engine/native', 'engine/model', 'engine/ports', 'engine/core'],
  'engine/rehearsal': ['engine/servers', 'engine/live', 'engine/recovery', 'engine/files', 'engine/places', 'engine/readers', 'engine/model', 'engine/core'],
  'engine/report': ['engine/model', 'engine/core'],
  'engine/runbook': ['engine/model', 'engine/core'],
  'engine/drill': ['engine/sim', 'engine/rehearsal', 'engine/report', 'engine/servers', 'engine/lab', 'engine/live', 'engine/recovery', 'engine/client', 'engine/node', 'engine/adapters', 'engine/machines', 'engine/files', 'engine/places', 'engine/readers', 'engine/native', 'engine/model', 'engine/ports', 'engine/core'],
};

interface Source {
  file: string;
  text: string;
}

function sources(): Source[] {
  return fs
    .readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .map((file) => ({ file, text: fs.readFileSync(path.join(SRC, file), 'utf8') }));
}

function importsOf(text: string): string[] {
  return [...text.matchAll(/^\s*(?:import|export)\s[^'"]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|^\s*import\s+['"]([^'"]+)['"]/gm)].map((one) => one[1] ?? one[2] ?? one[3] ?? '');
}

function layerOf(file: string): string | undefined {
  return Object.keys(ARROWS).find((layer) => file.startsWith(`${layer}/`));
}

function isAllowed(from: string, to: string): boolean {
  return to.startsWith(`${from}/`) || to === 'engine/errors.ts' || (ARROWS[from] ?? []).some((layer) => to.startsWith(`${layer}/`));
}

describe('architecture', () => {
  const all = sources();

  it('knows the layer of every file', () => {
    const strangers = all.filter(({ file }) => layerOf(file) === undefined && file !== 'engine/errors.ts').map(({ file }) => file);
    assert.deepEqual(strangers, [], 'a new folder needs its arrow in this test');
  });

  it('has imports that point one way', () => {
    const wrong = all.flatMap(({ file, text }) => {
      const from = layerOf(file);
      const targets = importsOf(text).filter((one) => one.startsWith('.')).map((one) => path.join(path.dirname(file), one));
      return targets.filter((to) => (from === undefined ? to !== file : !isAllowed(from, to))).map((to) => `${file} -> ${to}`);
    });
    assert.deepEqual(wrong, []);
  });

  it('keeps the core free of the world', () => {
    const wrong = all.filter(({ file }) => file.startsWith('engine/core/')).flatMap(({ file, text }) => importsOf(text).filter((one) => !one.startsWith('.')).map((one) => `${file} -> ${one}`));
    assert.deepEqual(wrong, []);
  });

  it('keeps the engine free of the framework and of the terminal', () => {
    const forbidden = /^(@oclif\/|inquirer|cli-table3|string-width|node:readline|node:tty)/;
    const wrong = all.filter(({ file }) => file.startsWith('engine/')).flatMap(({ file, text }) => importsOf(text).filter((one) => forbidden.test(one)).map((one) => `${file} -> ${one}`));
    assert.deepEqual(wrong, []);
  });

  it('loads slow packages only where they are used', () => {
    const slow = /^\s*import\s(?!type)[^'"]*from\s+['"](zod|inquirer|cli-table3|js-yaml)['"]/m;
    const wrong = all.filter(({ file, text }) => (file.startsWith('cli/') || file.startsWith('commands/')) && slow.test(text)).map(({ file }) => file);
    assert.deepEqual(wrong, []);
  });

  it('writes nothing where it only looks', () => {
    const writes = /\bfs\.(?:write|append|mkdir|rm|unlink|rename|copyFile|cp|truncate|chmod|utimes|symlink|link|createWriteStream)\w*\(/;
    const wrong = all.filter(({ file, text }) => /^engine\/(readers|model|core)\//.test(file) && writes.test(text)).map(({ file }) => file);
    assert.deepEqual(wrong, []);
  });

  it(`has no file past ${MAX_LINES} lines`, () => {
    const written = all.filter(({ file }) => !file.startsWith('engine/adapters/generated/')); // made by npm run proto
    const long = written.map(({ file, text }) => ({ file, lines: text.split('\n').length - 1 })).filter(({ lines }) => lines > MAX_LINES);
    assert.deepEqual(long, []);
  });

  it('has default exports in commands only, and one in each', () => {
    const wrong = all.filter(({ file, text }) => /^export default /m.test(text) !== file.startsWith('commands/')).map(({ file }) => file);
    assert.deepEqual(wrong, []);
  });
});
