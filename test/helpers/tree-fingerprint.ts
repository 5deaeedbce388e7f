import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/** What must stay as it was: `bytes` hashes the contents too, `names` looks at names, sizes and times only. */
export type FingerprintDepth = 'names' | 'bytes';

/**
 * One line per file and directory under `root`, sorted by path: kind, mode, size, mtime, ctime, and with `bytes` a hash of
 * the content. Access times are left out: reading may move them. Times are in nanoseconds.
 */
export function treeFingerprint(root: string, depth: FingerprintDepth): string[] {
  const lines: string[] = [];
  const walk = (file: string, name: string): void => {
    const stat = fs.lstatSync(file, { bigint: true });
    const kind = stat.isDirectory() ? 'dir' : stat.isSymbolicLink() ? 'link' : stat.isFile() ? 'file' : 'other';
    const digest = depth === 'bytes' && kind === 'file' ? ` ${digestOf(file)}` : '';
    lines.push(`${name} ${kind} mode=${stat.mode.toString(8)} size=${stat.size} mtime=${stat.mtimeNs} ctime=${stat.ctimeNs}${digest}`);
    if (kind !== 'dir') return;
    for (const child of fs.readdirSync(file).sort()) walk(path.join(file, child), name === '.' ? child : `${name}/${child}`);
  };
  walk(root, '.');
  return lines;
}

function digestOf(file: string): string {
  const hash = crypto.createHash('sha256');
  const buffer = Buffer.allocUnsafe(1 << 20);
  const fd = fs.openSync(file, 'r');
  try {
    for (let read = fs.readSync(fd, buffer); read > 0; read = fs.readSync(fd, buffer)) hash.update(buffer.subarray(0, read));
  } finally {
    fs.closeSync(fd);
  }
  return hash.digest('hex');
}
