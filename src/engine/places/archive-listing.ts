import type { ArchiveLimits } from './archive.ts';

/** One line of `tar -tv`. */
export interface ArchiveEntry {
  /** `-` file, `d` directory, `l` link, `h` hard link, others as tar prints them; `?` for a line that is none. */
  type: string;
  bytes: number;
  name: string;
  link: string | null;
}

// GNU: `-rw------- root/root 64000000 2026-01-02 03:04 n1/member/wal/0.wal`
const GNU = /^([-dlhcbps]|[A-Z])\S{9,10}\s+\S+\s+(\d+|\d+,\d+)\s+\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d(?:\.\d+)?)? (.*)$/s;
// bsdtar: `-rw-------  0 root root 64000000 Jan  2 03:04 n1/member/wal/0.wal`
const BSD = /^([-dlhcbps])\S{9,10}\s+\d+\s+\S+\s+\S+\s+(\d+|\d+,\s*\d+)\s+\w{3}\s+\d+\s+[\d:]+ (.*)$/s;

export function parseListing(line: string): ArchiveEntry {
  const match = GNU.exec(line) ?? BSD.exec(line);
  if (!match) return { type: '?', bytes: 0, name: line, link: null };
  const [, mark = '?', size = '0', text = ''] = match;
  const hard = text.split(' link to ');
  if (hard.length > 1) return { type: 'h', bytes: 0, name: hard[0] ?? '', link: hard.slice(1).join(' link to ') };
  const soft = text.split(' -> ');
  if (mark === 'l') return { type: 'l', bytes: 0, name: soft[0] ?? '', link: soft.slice(1).join(' -> ') };
  return { type: mark, bytes: Number(size) || 0, name: text, link: null };
}

/**
 * Why an archive is not unpacked, null when it may be. Links may point to names below only, without `..`: a link through
 * another link could otherwise lead outside though each looks harmless.
 */
export function refusalOf(entries: readonly ArchiveEntry[], limits: ArchiveLimits): string | null {
  if (entries.length === 0) return 'holds no files';
  let declared = 0;
  for (const entry of entries) {
    declared += entry.bytes;
    if (!['-', 'd', 'l', 'h'].includes(entry.type)) return `holds ${entry.name}, which is neither file nor directory`;
    if (leadsOutside(entry.name)) return `holds ${entry.name}, which would be written outside its directory`;
    if (entry.link !== null && leadsOutside(entry.link)) return `holds ${entry.name}, a link that leads outside (${entry.link})`;
  }
  return declared > limits.declaredBytes ? `declares ${declared} bytes, more than ${limits.declaredBytes}` : null;
}

function leadsOutside(name: string): boolean {
  return name === '' || name.startsWith('/') || /^[A-Za-z]:[\\/]/.test(name) || name.split('/').includes('..');
}
