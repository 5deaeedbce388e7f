import os from 'node:os';

/** Who runs this: `user@host`. */
export function operatorName(): string {
  try {
    return `${os.userInfo().username}@${os.hostname()}`;
  } catch {
    return `${process.getuid?.() ?? 'unknown'}@${os.hostname()}`; // an id without a name, as in containers
  }
}
