import { EXIT, InspectorError } from '../errors.ts';

/** A member's own data cannot be true; it must not run until repaired or replaced. `rule` is a finding's. */
export class StorageDamagedError extends InspectorError {
  readonly code = 'STORAGE_DAMAGED';
  readonly exitCode = EXIT.findings;

  constructor(
    readonly rule: string,
    readonly where: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`${where}: ${problem}`, 'This member stays out of the cluster: raft-inspector inspect fsck shows all that is wrong; replace it under a new id', options);
  }
}

/** A write or fsync failed: what is on the disk is unknown until it is read anew. */
export class StorageFailedError extends InspectorError {
  readonly code = 'STORAGE_FAILED';
  readonly exitCode = EXIT.findings;

  constructor(
    readonly reason: 'full' | 'io',
    problem: string,
    options?: ErrorOptions,
  ) {
    super(problem, reason === 'full' ? 'Free space on the disk of the data directory, then start the member again' : 'Check the disk, then start the member again; it reads its data anew', options);
  }
}

/** The storage was asked for what would break an invariant (named by `rule`): a bug of this software. Nothing was written. */
export class StorageMisuseError extends InspectorError {
  readonly code = 'STORAGE_MISUSE';
  readonly exitCode = EXIT.bug;

  constructor(
    readonly rule: string,
    problem: string,
  ) {
    super(`${rule}: ${problem}`, 'This is a bug: please report it with the log of this member. Its data is as it was', undefined);
  }
}
