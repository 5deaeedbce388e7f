import { RefusedError } from '../../errors.ts';
import type { TargetKind } from '../../model/plan.ts';
import { etcdAppendTarget } from './etcd/append.ts';
import { etcdRebuildTarget } from './etcd/rebuild.ts';
import { peersJsonTarget } from './hashicorp/peers-json.ts';
import { raftAppendTarget } from './hashicorp/raft-append.ts';
import { raftSnapshotTarget } from './hashicorp/raft-snapshot.ts';
import { nativeTarget } from './native/target.ts';
import type { RecoveryTarget, SourceDirectory } from './target.ts';

/** Every store that can be made a cluster of one, in the order they are asked. */
export const TARGETS: readonly RecoveryTarget[] = [etcdAppendTarget, etcdRebuildTarget, peersJsonTarget, raftSnapshotTarget, raftAppendTarget, nativeTarget];

/** @throws {RefusedError} `no-target` when nothing can rebuild this store. */
export function targetFor(source: SourceDirectory): RecoveryTarget {
  const found = TARGETS.find((target) => target.serves(source));
  if (found !== undefined) return found;
  throw new RefusedError('no-target', `a ${source.reading.report.store} store of this layout cannot be rebuilt`, 'inspect stores lists what can be read; its own tools may be able to');
}

export function targetOfKind(kind: TargetKind): RecoveryTarget {
  const found = TARGETS.find((target) => target.kinds.includes(kind));
  if (found !== undefined) return found;
  throw new RefusedError('no-target', `this version does not know plans of kind ${kind}`, 'Use the version that made the plan');
}
