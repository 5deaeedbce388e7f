import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import type { ScriptedCluster } from './scripted-cluster.ts';

const SEPARATOR = '----';

/**
 * A file of commands and what they print: comments (`#`), then a command, `----`, its output up to the next empty line.
 * With `UPDATE_GOLDEN=1` the output is written anew and the change is read as a diff.
 */
export class GoldenScript {
  readonly name: string;

  constructor(private readonly file: string) {
    this.name = path.basename(file, '.txt');
  }

  check(cluster: ScriptedCluster): void {
    const before = fs.readFileSync(this.file, 'utf8');
    const after = play(before, cluster);
    if (process.env['UPDATE_GOLDEN'] === '1') fs.writeFileSync(this.file, after);
    else assert.equal(after, before, `${this.file}: npm run golden writes it anew`);
  }
}

export function goldenScripts(directory: string): GoldenScript[] {
  return fs
    .readdirSync(directory)
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .map((name) => new GoldenScript(path.join(directory, name)));
}

/** The script with the output its commands have now. */
export function play(script: string, cluster: ScriptedCluster): string {
  const out: string[] = [];
  let isOutput = false;
  for (const line of script.split('\n')) {
    if (line === '') isOutput = false;
    if (isOutput) continue;
    if (line === SEPARATOR) {
      isOutput = true;
      continue;
    }
    out.push(line);
    if (line !== '' && !line.startsWith('#')) out.push(SEPARATOR, ...cluster.run(line));
  }
  return `${out.join('\n').trimEnd()}\n`;
}
