import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { Config, loadHelpClass, settings } from '@oclif/core';
import { UsageError } from '../engine/errors.ts';
import type { Run } from './envelope.ts';
import { toFailure } from './failure.ts';
import { askedBy, mannerOf } from './manner.ts';
import { ClosedPipe, writeAll } from './output.ts';
import { presentFailure } from './present.ts';
import { type Resolved, resolveCommand } from './resolve.ts';

/**
 * Runs one command line. The framework's own dispatcher is not used: it answers an unknown verb of a known topic with the
 * topic's help and exit 0.
 */
export async function main(words: string[], root: URL): Promise<void> {
  settings.enableAutoTranspile = false;
  // The framework prints help with console.log: without a listener `--help | head -1` would end in a stack trace.
  if (isMainThread) process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  let run: Run = { command: '', version: 'unknown', startedAt: new Date() };
  try {
    const config = await Config.load({ root: fileURLToPath(root), userPlugins: false, devPlugins: false });
    run = { ...run, version: config.version };
    if (words[0] === '--version') return writeAll(1, `${config.userAgent}\n`);
    const end = words.indexOf('--');
    const isHelp = words[0] === 'help' || words.slice(0, end === -1 ? undefined : end).some((word) => word === '--help' || word === '-h');
    const asked = words.filter((word, at) => !(at === 0 && word === 'help') && (!isHelp || (word !== '--help' && word !== '-h')));
    const resolved = resolveCommand(asked, config.commandIDs);
    if (resolved.kind === 'unknown') throw unknownCommand(resolved);
    if (resolved.kind === 'later') {
      run = { ...run, command: resolved.words };
      throw laterCommandError(resolved.words);
    }
    run = { ...run, command: resolved.kind === 'command' ? resolved.id.replaceAll(':', ' ') : '' };
    if (resolved.kind === 'command' && !isHelp) await config.runCommand(resolved.id, resolved.argv);
    else await showHelp(config, resolved);
  } catch (error) {
    if (error instanceof ClosedPipe) return;
    process.exitCode = await presentFailure(toFailure(error, run.command), run, mannerOf(askedBy(words)));
  }
}

/** Wrong usage that names the nearest command there is. */
export function unknownCommand(asked: { words: string; suggestion: string | undefined }): UsageError {
  const hint = asked.suggestion === undefined ? 'raft-inspector --help lists what there is' : `Did you mean: raft-inspector ${asked.suggestion}`;
  return new UsageError(`there is no command "${asked.words}"`, hint);
}

/** Wrong usage that says plainly that nothing was done, because this version cannot. */
export function laterCommandError(words: string): UsageError {
  return new UsageError(`this version cannot do "${words}" yet: nothing was done`, 'What it can do: raft-inspector --help');
}

async function showHelp(config: Config, resolved: Exclude<Resolved, { kind: 'unknown' | 'later' }>): Promise<void> {
  const Help = await loadHelpClass(config);
  const subject = resolved.kind === 'command' ? resolved.id.split(':') : resolved.kind === 'topic' ? [resolved.topic] : [];
  await new Help(config, config.pjson.oclif.helpOptions).showHelp(subject);
}
