import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import { listFiles } from '../../files/tree.ts';

/** Drawn anew at each boot: two machines made of one image have the same files, and must not draw the same ids. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/**
 * A source of chance that begins anew the same way as long as the machine, the directory and what was decided are the same: what a preview
 * draws is then what is carried out. A write to the directory, an undo or a copy of it draw other ids.
 */
export function repeatableHex(dataDir: string, decided: unknown): (chars: number) => string {
  let seed: Buffer | null = null;
  let drawn = 0;
  return (chars) => {
    // Not before something is drawn: whether this is a data directory at all has been found out by then.
    seed ??= seedOf(dataDir, decided);
    let hex = '';
    while (hex.length < chars) hex += crypto.createHash('sha256').update(seed).update(String(drawn++)).digest('hex');
    return hex.slice(0, chars);
  };
}

function seedOf(dataDir: string, decided: unknown): Buffer {
  const files = listFiles(dataDir).map(({ path, facts }) => `${path} ${facts.bytes} ${facts.inode} ${facts.mtimeNs}`);
  return crypto.createHash('sha256').update(JSON.stringify([bootId(), os.hostname(), fs.realpathSync(dataDir), birthOf(dataDir), files, decided])).digest();
}

/** The directory itself, which no copy shares; its times change with what is made in it. */
function birthOf(dataDir: string): string {
  const { dev, ino, birthtimeNs, ctimeNs } = fs.statSync(dataDir, { bigint: true });
  return [dev, ino, birthtimeNs, ctimeNs].join(' ');
}

function bootId(): string {
  try {
    return fs.readFileSync(BOOT_ID, 'utf8');
  } catch {
    return ''; // another system: the rest tells machines apart
  }
}
