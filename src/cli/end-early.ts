import { DeclinedError, type ExitCode, UnreachableError } from '../engine/errors.ts';
import { toFailure } from './failure.ts';
import { askedBy, mannerOf } from './manner.ts';
import { isTerminal, writeError } from './output.ts';
import { presentFailure } from './present.ts';
import { resolveWords } from './resolve.ts';

/**
 * Ends a run that did not end by itself. `hasWritten`: part of the answer is on stdout already, so that no envelope may follow.
 */
export async function endEarly(reason: 'interrupt' | 'timeout' | 'crash', words: readonly string[], hasWritten: boolean, error?: Error): Promise<ExitCode> {
  const command = resolveWords(words);
  const thrown = {
    interrupt: () => new DeclinedError("interrupted; no member's data was changed", ''),
    timeout: () => new UnreachableError("not done within --timeout; no member's data was changed", 'Give it longer: --timeout 10m'),
    crash: () => error ?? new Error('the reading thread ended'),
  }[reason]();
  if (isTerminal(2)) writeError('\r\u001b[K');
  const asked = askedBy(words);
  const manner = mannerOf(hasWritten ? { ...asked, format: 'table' } : asked);
  return presentFailure(toFailure(thrown, command), { command, version: VERSION, startedAt: new Date(Date.now() - process.uptime() * 1000) }, manner);
}

/** Filled in by the build. */
declare const __RAFT_INSPECTOR_VERSION__: string | undefined;
const VERSION = typeof __RAFT_INSPECTOR_VERSION__ === 'string' ? __RAFT_INSPECTOR_VERSION__ : 'unknown';
