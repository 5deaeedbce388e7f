import fs from 'node:fs';
import os from 'node:os';
import type { HostFacts } from '../native/lock-record.ts';

/** The facts of this host, from /proc where there is one. */
export const thisHost: HostFacts = {
  host: os.hostname(),
  bootId: readText('/proc/sys/kernel/random/boot_id').trim(),
  startTicksOf(pid) {
    try {
      process.kill(pid, 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return null;
    }
    // Field 22; the second field is the command in parentheses and may hold anything, spaces and parentheses too.
    const text = readText(`/proc/${pid}/stat`);
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // A zombie holds nothing: it waits for its parent to read its exit code.
    return fields[0] === 'Z' || fields[0] === 'X' ? null : Number(fields[19] ?? 0) || 0;
  },
};

function readText(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return ''; // no /proc: the process number alone has to do
  }
}
