import { encodeConfiguration, type Configuration } from '../core/configuration.ts';
import type { Entry } from '../core/entry.ts';
import { RefusedError } from '../errors.ts';
import { EMPTY_CHAIN } from '../native/chain-hash.ts';
import { encodeFormat, encodeIdentity, encodeSnapshotNames } from '../native/named-records.ts';
import { encodeHardState, encodeIncarnation, encodePosition, type ChainPosition } from '../native/position-records.ts';
import type { KvStore } from '../ports/kv-store.ts';
import type { Identity } from '../ports/storage.ts';
import { LogEdit } from './log-edit.ts';
import { putMeta, putTail } from './meta.ts';
import { toStorageFailure } from './storage-failure.ts';

const EMPTY_LOG: ChainPosition = { index: 0, term: 0, chainHash: EMPTY_CHAIN };

/**
 * Makes a member of an empty environment, in one commit. Every initial member of a new cluster gets the same first entry, the initial
 * configuration, as committed; a member that joins gets `null` and starts with an empty log and no vote.
 * @throws {RefusedError} `not-empty` when anything lies there: identities are written once.
 */
export async function initialise(kv: KvStore, identity: Identity, configuration: Configuration | null): Promise<void> {
  if (kv.databases().length > 0) throw new RefusedError('not-empty', 'a store lies there already', 'Choose another directory, or move the old one away: a member is set up once');
  const edit = new LogEdit({ base: EMPTY_LOG, tail: EMPTY_LOG, firsts: [] }, () => []);
  if (configuration !== null) edit.append([firstEntry(configuration)]);
  const hardState = configuration === null ? { term: 0, vote: '', commit: 0 } : { term: 1, vote: '', commit: 1 };
  const operations = [
    ...edit.operations(),
    ...putTail(edit.tail),
    putMeta('base', encodePosition('base', EMPTY_LOG)),
    putMeta('hardState', encodeHardState(hardState)),
    putMeta('incarnation', encodeIncarnation(0)),
    putMeta('snapshots', encodeSnapshotNames([])),
    putMeta('identity', encodeIdentity(identity)),
    putMeta('format', encodeFormat()),
  ];
  try {
    await kv.transact(operations);
  } catch (error) {
    throw toStorageFailure(error, 'setting up the store');
  }
}

/** Entry 1 of a new cluster. Without a time, so that it is equal on every member. */
function firstEntry(configuration: Configuration): Entry {
  return { index: 1, term: 1, kind: 'confChange', wallClockMs: 0, payload: encodeConfiguration(configuration) };
}
