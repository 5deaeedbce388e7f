import { type Configuration } from '../core/configuration.ts';
import type { LogPosition, MemberId, Term } from '../core/types.ts';
import { RefusedError } from '../errors.ts';
import { chainBytes } from '../native/chain-hash.ts';
import { encodeFormat, encodeIdentity, encodeSnapshotNames } from '../native/named-records.ts';
import { encodeHardState, encodeIncarnation, encodePosition } from '../native/position-records.ts';
import { boundedMark, encodeRecoveries, encodeRecoveryEntry, type RecoveryMark } from '../native/recovery-record.ts';
import type { KvOperation } from '../ports/kv-store.ts';
import type { SnapshotManifest } from '../ports/snapshot-files.ts';
import type { Identity } from '../ports/storage.ts';
import { LogEdit } from './log-edit.ts';
import { putMeta, putTail } from './meta.ts';

/** Whose store is made of a snapshot. */
export interface NativeRestore {
  readonly to: { readonly clusterId: string; readonly generation: number; readonly memberId: MemberId; readonly name: string };
  readonly address: string;
  /** Above the snapshot's, and above every other that was seen. */
  readonly term: Term;
  readonly wallClockMs: number;
  readonly why: Pick<RecoveryMark, 'planId' | 'at' | 'source' | 'verdict' | 'proof' | 'statement' | 'facts'>;
}

/**
 * The store of a new member that begins with a snapshot: the only member of a new lineage. Its log starts behind the snapshot with the
 * recovery entry; whoever was a member when the snapshot was taken can never be one again.
 * @throws {RefusedError} When it does not follow the snapshot.
 */
export function planNativeRestore(manifest: SnapshotManifest, restore: NativeRestore): { readonly operations: KvOperation[]; readonly identity: Identity; readonly last: LogPosition } {
  const { to, address, term, wallClockMs, why } = restore;
  const chainHash = chainBytes(manifest.chainHash);
  if (chainHash === null) throw new RefusedError('bad-snapshot', `the snapshot says the chain hash ${manifest.chainHash}`, 'Verify it: raft-inspector snapshot verify');
  if (to.clusterId === manifest.clusterId && to.generation <= manifest.generation) throw new RefusedError('old-generation', `generation ${to.generation} does not follow generation ${manifest.generation} of the snapshot`, `Ask for ${manifest.generation + 1} or later`);
  if (term <= manifest.term) throw new RefusedError('term-too-low', `term ${term} is not above term ${manifest.term} of the snapshot`, 'Ask for a later one');
  const { id, index, configuration } = manifest;
  const kept: LogPosition = { term: manifest.term, index };
  const identity: Identity = { clusterId: to.clusterId, generation: to.generation, memberId: to.memberId, name: to.name, machine: manifest.machine };
  // Who took the snapshot is not known: it may have been any of them.
  const from = { clusterId: manifest.clusterId, generation: manifest.generation, memberId: configuration.configuration.members[0]?.id ?? to.memberId };
  const mark = boundedMark({ ...why, from, to: { clusterId: to.clusterId, generation: to.generation, memberId: to.memberId }, floor: index, last: kept, kept });
  const base = { ...kept, chainHash };
  const edit = new LogEdit({ base, tail: base, firsts: [] }, () => []);
  edit.append([{ index: index + 1, term, kind: 'confChange', wallClockMs, payload: encodeRecoveryEntry(aloneAfter(configuration.configuration, to, address), mark) }]);
  return {
    operations: [
      ...edit.operations(),
      ...putTail(edit.tail),
      putMeta('base', encodePosition('base', base)),
      putMeta('hardState', encodeHardState({ term, vote: '', commit: index })),
      putMeta('incarnation', encodeIncarnation(0)),
      putMeta('snapshots', encodeSnapshotNames([{ id, index, term: manifest.term, chainHash: manifest.chainHash, configuration }])),
      putMeta('recoveries', encodeRecoveries([mark])),
      putMeta('identity', encodeIdentity(identity)),
      putMeta('format', encodeFormat()),
    ],
    identity,
    last: { term, index: index + 1 },
  };
}

function aloneAfter(before: Configuration, { memberId, name }: NativeRestore['to'], address: string): Configuration {
  const used = new Set([...before.tombstones, ...before.members.map((one) => one.id)]);
  if (used.has(memberId)) throw new RefusedError('id-reused', `the id ${memberId} was used before`, 'Name another');
  return { members: [{ id: memberId, name, address, role: 'voter' }], tombstones: [...used], changes: [] };
}
