/** An error that the simulator made: what comes of it is no bug of the engine's. */
export class SimulatedFault extends Error {
  constructor(
    readonly code: 'EIO' | 'ENOSPC',
    message: string,
  ) {
    super(`${code}: ${message}`);
    this.name = 'SimulatedFault';
  }
}

/** Is a simulated fault at the bottom of `error`? */
export function isSimulated(error: unknown): boolean {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth += 1) if (at instanceof SimulatedFault) return true;
  return false;
}

/** The error of the file system for a name that is not there. */
export function noSuchFile(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such file, ${path}`), { code: 'ENOENT' });
}
