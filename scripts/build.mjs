// Bundles the commands into dist/ and writes oclif.manifest.json, without a network and without a type check: `npm run typecheck`
// does that. `--partial` leaves out commands that do not bundle, with a warning; releases never use it.
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { Plugin, settings } from '@oclif/core';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '..');
const { version } = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
const partial = process.argv.includes('--partial');

/** Every file under src/commands is a command, and only those. */
function commandFiles() {
  const files = fs.readdirSync(path.join(root, 'src/commands'), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.ts')).map((file) => path.join('src/commands', file)).sort();
}

function bundle(entryPoints, outdir) {
  return build({
    absWorkingDir: root,
    entryPoints,
    outdir,
    outbase: 'src',
    bundle: true,
    splitting: true, // what commands share is loaded once; what a command imports lazily stays lazy
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    keepNames: true,
    define: { __RAFT_INSPECTOR_VERSION__: JSON.stringify(version) },
    legalComments: 'none',
    logLevel: partial ? 'silent' : 'warning',
    chunkNames: 'chunks/[name]-[hash]',
    // Native code cannot be bundled; the others are development tools that the framework looks for and does not need.
    external: ['@node-rs/crc32', 'typescript', 'ts-node', 'tsx', 'tsconfig-paths', 'lmdb'],
    // CommonJS packages inside an ES module still ask for these.
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url); const __dirname = import.meta.dirname, __filename = import.meta.filename;" },
  });
}

async function bundleWhatWorks(shared, commands, outdir) {
  const whole = [];
  for (const file of commands) {
    try {
      await build({ absWorkingDir: root, entryPoints: [file], bundle: true, write: false, format: 'esm', platform: 'node', packages: 'external', logLevel: 'silent' });
      whole.push(file);
    } catch (error) {
      process.stderr.write(`left out ${file}: ${error.errors?.[0]?.text ?? error.message}\n`);
    }
  }
  return bundle([...shared, ...whole], outdir);
}

const shared = ['src/cli/supervise.ts', 'src/cli/thread.ts', 'src/cli/main.ts', 'src/help/help.ts', 'src/hooks/command-not-found.ts', 'src/cli/lab-supervisor.ts'];
const commands = commandFiles();
const aside = path.join(root, `dist.new-${process.pid}`);
try {
  await bundle([...shared, ...commands], aside).catch((error) => {
    if (!partial) throw error;
    return bundleWhatWorks(shared, commands, aside);
  });
  fs.rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  fs.renameSync(aside, path.join(root, 'dist'));
} finally {
  fs.rmSync(aside, { recursive: true, force: true });
}

settings.enableAutoTranspile = false;
const plugin = new Plugin({ root, type: 'core', ignoreManifest: true, errorOnManifestCreate: !partial, respectNoCacheDefault: true });
await plugin.load();
const manifest = { ...plugin.manifest, commands: Object.fromEntries(Object.entries(plugin.manifest.commands).sort(([a], [b]) => (a < b ? -1 : 1))) };
const file = path.join(root, 'oclif.manifest.json');
fs.writeFileSync(`${file}.new`, `${JSON.stringify(manifest, null, 2)}\n`);
fs.renameSync(`${file}.new`, file);
process.stderr.write(`built ${Object.keys(manifest.commands).length} commands\n`);
