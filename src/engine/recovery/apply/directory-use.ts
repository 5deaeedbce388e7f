import fs from 'node:fs';
import path from 'node:path';
import { heldLock } from '../../readers/process-locks.ts';

/** A process that has something open below a data directory. */
export interface DirectoryUser {
  /** Null where the kernel names none: a lock of an open file description. */
  readonly pid: number | null;
  readonly command: string | null;
  /** One file it has open. */
  readonly file: string;
  /** How to stop it for good, one or more lines, the last a command; empty where nothing is known. */
  readonly stop: readonly string[];
}

/** Who has a data directory open, as far as this user can see. */
export interface DirectoryUse {
  readonly users: readonly DirectoryUser[];
  /** Processes of other users whose files could not be looked at. */
  readonly hidden: number;
}

/** Where kubelet looks for static pods unless told otherwise. */
const MANIFESTS = '/etc/kubernetes/manifests';

/**
 * Looks for processes with a file below `dataDir` open, in /proc (Linux), and for locks on its files, which the kernel lists for all
 * users. Takes nothing and opens no file of the directory.
 */
export function useOf(dataDir: string, proc = '/proc', manifests = MANIFESTS): DirectoryUse {
  const root = realPath(dataDir);
  if (root === null) return { users: [], hidden: 0 };
  const users: DirectoryUser[] = [];
  const files = filesBelow(root);
  let hidden = 0;
  for (const name of namesIn(proc)) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const open = openBelow(path.join(proc, name, 'fd'), root, files);
    if (open.isHidden) hidden += 1;
    else if (open.file !== null) users.push({ pid: Number(name), command: textOf(path.join(proc, name, 'comm'))?.trim() ?? null, file: open.file, stop: howToStop(path.join(proc, name), root, manifests) });
  }
  const lock = users.length === 0 ? heldLock(inodesOf(files), path.join(proc, 'locks')) : null;
  if (lock !== null && lock.pid !== process.pid) {
    const known = lock.pid === null ? null : path.join(proc, String(lock.pid));
    users.push({ pid: lock.pid, command: known === null ? null : (textOf(path.join(known, 'comm'))?.trim() ?? null), file: root, stop: known === null ? [] : howToStop(known, root, manifests) });
  }
  return { users, hidden };
}

/** By last name, where a file lies and what it is, whatever it is called elsewhere. */
type KnownFiles = ReadonlyMap<string, readonly { file: string; device: number; inode: number }[]>;

/** The path of a file below `root` that is open; null for none. In a container the directory has another path: there the file itself tells. */
function openBelow(directory: string, root: string, files: KnownFiles): { file: string | null; isHidden: boolean } {
  let names: string[];
  try {
    names = fs.readdirSync(directory);
  } catch (error) {
    return { file: null, isHidden: (error as NodeJS.ErrnoException).code === 'EACCES' };
  }
  for (const name of names) {
    try {
      const target = fs.readlinkSync(path.join(directory, name)).replace(/ \(deleted\)$/, '');
      if (target === root || target.startsWith(`${root}/`)) return { file: target, isHidden: false };
      // Only files of a name that we know are looked at: one on a network that is down would never answer.
      const known = files.get(path.basename(target));
      if (known === undefined) continue;
      const { dev, ino } = fs.statSync(path.join(directory, name));
      const same = known.find((one) => one.device === dev && one.inode === ino);
      if (same !== undefined) return { file: same.file, isHidden: false };
    } catch {
      // Closed meanwhile.
    }
  }
  return { file: null, isHidden: false };
}

/** A static pod, a container or a unit is started again by whoever watches it: killing the process is not stopping it. */
function howToStop(process: string, root: string, manifests: string): string[] {
  const group = textOf(path.join(process, 'cgroup')) ?? '';
  const manifest = namesIn(manifests).find((name) => /\.ya?ml$|\.json$/.test(name) && (textOf(path.join(manifests, name)) ?? '').includes(root));
  if (/kubepods/.test(group) || manifest !== undefined) {
    const file = path.join(manifests, manifest ?? 'etcd.yaml');
    return ['It is a static pod: killing it restarts it. Move its manifest away and wait about 20 s:', `mv ${file} /root/`];
  }
  const container = /(?:docker[-/]|libpod-|cri-containerd-)([0-9a-f]{12,64})/.exec(group)?.[1];
  if (container !== undefined) return ['It runs in a container, which may be restarted by its policy. Stop that:', `${/libpod/.test(group) ? 'podman' : 'docker'} stop ${container.slice(0, 12)}`];
  const unit = [...group.matchAll(/\/([^/\n]+\.service)(?=\/|\n|$)/g)].at(-1)?.[1];
  if (unit !== undefined && !/^(?:user@|session)/.test(unit)) return ['It is a systemd unit, which may be restarted on failure. Stop that:', `systemctl stop ${unit.replace(/\.service$/, '')}`];
  return ['Stop it, and whatever would start it again:', `kill ${path.basename(process)}`];
}

function filesBelow(root: string): KnownFiles {
  const found = new Map<string, { file: string; device: number; inode: number }[]>();
  try {
    for (const one of fs.readdirSync(root, { recursive: true, withFileTypes: true })) {
      if (!one.isFile()) continue;
      const file = path.join(one.parentPath, one.name);
      const { dev, ino } = fs.lstatSync(file);
      found.set(one.name, [...(found.get(one.name) ?? []), { file, device: dev, inode: ino }]);
    }
  } catch {
    // Gone meanwhile, or closed to this user: what is known so far serves.
  }
  return found;
}

function inodesOf(files: KnownFiles): { inode: { major: number; minor: number; number: number } }[] {
  return [...files.values()].flat().map(({ device, inode }) => ({ inode: { major: (device >> 8) & 0xfff, minor: (device & 0xff) | ((device >> 12) & 0xfff00), number: inode } }));
}

function realPath(file: string): string | null {
  try {
    return fs.realpathSync(file);
  } catch {
    return null;
  }
}

function namesIn(directory: string): string[] {
  try {
    return fs.readdirSync(directory);
  } catch {
    return [];
  }
}

function textOf(file: string): string | null {
  try {
    return fs.readFileSync(file, 'utf8').slice(0, 1 << 16);
  } catch {
    return null;
  }
}
