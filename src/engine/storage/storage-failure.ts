import { StorageDamagedError, StorageFailedError, StorageMisuseError } from '../ports/damage.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Any error of a store or a disk as the one that ends the process; errors that say more already stay as they are. */
export function toStorageFailure(error: unknown, what: string): Error {
  if (error instanceof StorageFailedError || error instanceof StorageDamagedError || error instanceof StorageMisuseError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  return new StorageFailedError(FULL.has(code) ? 'full' : 'io', `${what}: ${message}`, { cause: error });
}
