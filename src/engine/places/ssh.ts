import fs from 'node:fs';
import path from 'node:path';
import { Transform } from 'node:stream';
import { UnreachableError, UnreadableError } from '../errors.ts';
import { ARCHIVE_LIMITS } from './archive.ts';
import { runChild } from './child.ts';
import { looksLikeEvidence } from './evidence-file.ts';
import type { Place } from './place.ts';

type Remote = Extract<Place, { kind: 'remote' }>;

export interface Fetched {
  kind: 'evidence' | 'archive';
  /** In the scratch directory. */
  file: string;
}

const IDLE_MS = 60_000;
const CONNECT_SECONDS = 10;
const NO_TOOL = 127;
const MAX_EVIDENCE_BYTES = 64 * 1024 ** 2;

/**
 * Brings a remote member near: as evidence made by the same tool over there when that will do and it is installed, else its
 * files as a tar stream. Nothing is written on the far side. `RAFT_INSPECTOR_SSH` names another program than ssh; it is
 * called the same way.
 * @throws {UnreachableError} When the host cannot be reached, refuses us, or falls silent.
 * @throws {UnreadableError} When the host answers but the directory cannot be read.
 */
export async function fetchRemote(place: Remote, scratch: string, options: { need: 'report' | 'records'; idleMs?: number }): Promise<Fetched> {
  const idleMs = options.idleMs ?? IDLE_MS;
  if (options.need === 'report') {
    const file = path.join(scratch, 'remote.evidence.json');
    const tool = `command -v raft-inspector >/dev/null 2>&1 || exit ${NO_TOOL}; exec raft-inspector recover collect --quiet -o - -- ${shellQuote(place.directory)}`;
    const end = await ssh(place, tool, file, idleMs, MAX_EVIDENCE_BYTES);
    if (end.code === 0 && looksLikeEvidence(file)) return { kind: 'evidence', file };
    fs.rmSync(file, { force: true });
  }
  const file = path.join(scratch, 'remote.tgz');
  const end = await ssh(place, tarCommand(place.directory), file, idleMs, ARCHIVE_LIMITS.streamBytes);
  // GNU tar ends with 1 when a file changed while it was read: a live server, and the reader will see.
  if (end.code === 0 || (end.code === 1 && fs.statSync(file).size > 0)) return { kind: 'archive', file };
  // GNU tar's last line only says that there were errors before it.
  const words = end.said.trim().split('\n').filter((line) => !line.includes('Exiting with failure status')).at(-1) ?? '';
  throw new UnreadableError(place.path, `${place.host} cannot read the directory: ${words || `exit ${end.code}`}`, 'Check the path and the rights of the user there');
}

/** Only what a reader looks at: no preallocated or half-made files, no gossip state, no space held in reserve. */
function tarCommand(directory: string): string {
  const left = ['*.tmp', 'db.tmp*', '*.part', '*.snap.broken', 'serf', 'ballast', 'lost+found'].map((name) => `--exclude=${shellQuote(name)}`).join(' ');
  const where = shellQuote(directory);
  return `if test -d ${where}; then cd ${where} && exec tar -czSf - ${left} .; else exec tar -czSf - -C ${shellQuote(path.posix.dirname(directory))} -- ${shellQuote(path.posix.basename(directory))}; fi`;
}

async function ssh(place: Remote, command: string, file: string, idleMs: number, maxBytes: number): Promise<{ code: number | null; said: string }> {
  const program = process.env['RAFT_INSPECTOR_SSH'] || 'ssh';
  const target = place.user === null ? place.host : `${place.user}@${place.host}`;
  const args = ['-T', '-o', 'BatchMode=yes', '-o', `ConnectTimeout=${CONNECT_SECONDS}`, '-o', 'ServerAliveInterval=15', '--', target, command];
  let bytes = 0;
  const bound = new Transform({
    transform(chunk: Buffer, _encoding, done): void {
      bytes += chunk.length;
      if (bytes > maxBytes) done(new UnreadableError(place.path, `sends more than ${maxBytes} bytes`, 'Pack the directory over there and copy it'));
      else done(null, chunk);
    },
  });
  const out = fs.createWriteStream(file, { mode: 0o600, flags: 'wx' });
  bound.pipe(out);
  const written = new Promise<void>((resolve, reject) => out.once('close', resolve).once('error', reject));
  const end = await runChild(program, args, { output: bound, idleMs }).finally(() => bound.end());
  await written;
  if (end.missing) throw new UnreachableError(`${place.path}: the program ${program} is not installed`, 'Install ssh, or copy the directory here');
  if (end.timedOut) throw new UnreachableError(`${place.path}: ${place.host} sent nothing for ${Math.round(idleMs / 1000)} s`, 'Check the network, or copy the directory here');
  if (end.code === 255 || end.code === null) {
    const words = end.said.trim().split('\n').at(-1) ?? '';
    throw new UnreachableError(`${place.path}: cannot reach ${place.host}${words === '' ? '' : `: ${words}`}`, `Try: ssh -o BatchMode=yes ${target} true (keys are needed, passwords are not asked for)`);
  }
  return { code: end.code, said: end.said };
}

/** A word for the remote shell, whatever it holds. */
function shellQuote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
