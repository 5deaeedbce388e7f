import { UsageError } from '../errors.ts';

/** A word of the command line, understood: what to open and what to call it. Nothing was looked at yet. */
export type Place =
  | { kind: 'local'; label: string | null; path: string }
  | { kind: 'archive'; label: string | null; path: string }
  | { kind: 'remote'; label: string | null; path: string; user: string | null; host: string; directory: string };

const LABEL = /^([A-Za-z0-9][A-Za-z0-9._-]{0,63})=(.+)$/s;
const REMOTE = /^(?:([A-Za-z0-9_][A-Za-z0-9_.-]*)@)?([A-Za-z0-9][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.%]+\]):(.+)$/s;
const ARCHIVE = /\.(?:tar|tgz|tar\.gz)$/i;

/**
 * Parses `[label=]path`, where path may be `[user@]host:dir`. As in scp, a colon before the first slash makes it a host;
 * a local name with a colon or an equals sign is written `./name`. Pure: the file system is not asked.
 * @throws {UsageError} On an empty word or path.
 */
export function parsePlace(word: string): Place {
  const labelled = LABEL.exec(word);
  const label = labelled?.[1] ?? null;
  const path = labelled?.[2] ?? word;
  if (path === '' || path.includes('\0')) throw new UsageError(`"${word}" is not a place`, 'Write [label=]path, for example n1=/var/lib/etcd or root@host:/var/lib/etcd');
  const colon = path.indexOf(':');
  const slash = path.indexOf('/');
  const remote = colon > 0 && (slash === -1 || colon < slash || path.startsWith('[') || path.includes('@[')) ? REMOTE.exec(path) : null;
  if (remote) return { kind: 'remote', label, path, user: remote[1] ?? null, host: (remote[2] ?? '').replace(/^\[|\]$/g, ''), directory: remote[3] ?? '' };
  return { kind: ARCHIVE.test(path) ? 'archive' : 'local', label, path };
}

/** The name of an archive without its ending. */
export function withoutArchiveEnding(name: string): string {
  return name.replace(ARCHIVE, '');
}
