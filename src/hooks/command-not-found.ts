import type { Hook } from '@oclif/core';
import { laterCommandError, unknownCommand } from '../cli/main.ts';
import { resolveCommand } from '../cli/resolve.ts';

/** For callers that go through the framework: an unknown command is wrong usage with a suggestion, never a guess that runs. */
export const commandNotFound: Hook.CommandNotFound = async function commandNotFound({ config, id }) {
  const words = id.split(':');
  const resolved = resolveCommand(words, config.commandIDs);
  if (resolved.kind === 'later') throw laterCommandError(resolved.words);
  throw unknownCommand(resolved.kind === 'unknown' ? resolved : { words: words.join(' '), suggestion: undefined });
};
