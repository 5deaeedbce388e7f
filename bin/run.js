#!/usr/bin/env node
import fs from 'node:fs';
import module from 'node:module';
import process from 'node:process';

module.enableCompileCache?.();
const words = process.argv.slice(2);

if (words.length === 1 && words[0] === '--version') {
  // The framework's own answer, without loading it: people type this to see whether the tool is there at all.
  const { name, version } = JSON.parse(fs.readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  fs.writeSync(1, `${name}/${version} ${process.platform}-${process.arch} node-${process.version}\n`);
} else {
  const { run } = await import('../dist/cli/supervise.js');
  await run(words, new URL('..', import.meta.url));
}
