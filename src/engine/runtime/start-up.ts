import type { Start } from '../core/raft.ts';
import type { LogIndex } from '../core/types.ts';
import { StorageDamagedError } from '../ports/damage.ts';
import type { NamedSnapshot, StoredState } from '../ports/storage.ts';
import type { NodeOptions, NodePorts } from './contract.ts';

/** What must hold of a member's own data before it may run. @throws {StorageDamagedError} Nothing is repaired. */
export function checkStored(stored: StoredState): void {
  const { log, hardState, snapshots } = stored;
  const last = lastIndexOf(stored);
  const newest = snapshots[0]?.index ?? 0;
  if (hardState.commit > last) throw new StorageDamagedError('commit-beyond-log', 'raft', `the commit index ${hardState.commit} is beyond the last entry ${last}: the log lost its end`);
  if (newest > last) throw new StorageDamagedError('snapshot-beyond-log', 'raft', `the newest snapshot covers ${newest}, the log ends at ${last}`);
  if (log.base.index > newest) throw new StorageDamagedError('log-gap', 'raft', `the log begins after ${log.base.index}, the newest snapshot covers ${newest}: entries between them are gone`);
  if (hardState.commit < newest) throw new StorageDamagedError('snapshot-beyond-commit', 'raft', `the newest snapshot covers ${newest}, the commit index is ${hardState.commit}`);
}

/**
 * Opens the state machine and brings it to where the log can carry it on. A crash between naming a snapshot and restoring it leaves
 * the machine behind the log's base: then the newest snapshot that verifies is restored, else the older one if the log reaches it.
 * @throws {StorageDamagedError} When neither does, or the machine stands beyond the own log.
 */
export async function openMachine(ports: NodePorts, stored: StoredState): Promise<LogIndex> {
  const { appliedIndex } = await ports.machine.open();
  const last = lastIndexOf(stored);
  if (appliedIndex > last) throw new StorageDamagedError('state-beyond-log', 'state', `the state machine has applied ${appliedIndex}, the log ends at ${last}: the log lost its end`);
  if (appliedIndex >= stored.log.base.index) return appliedIndex;
  const problems: unknown[] = [];
  for (const snapshot of stored.snapshots) {
    if (snapshot.index < stored.log.base.index) continue;
    try {
      await restoreFrom(ports, snapshot);
      return snapshot.index;
    } catch (error) {
      if (!(error instanceof StorageDamagedError)) throw error;
      problems.push(error);
    }
  }
  const reasons = problems.map((problem) => (problem instanceof Error ? problem.message : String(problem))).join('; ');
  const problem = `the state machine stands at ${appliedIndex}, the log begins after ${stored.log.base.index}, and no snapshot between them can be read${reasons === '' ? '' : `: ${reasons}`}`;
  throw new StorageDamagedError('state-unreachable', 'state', problem, { cause: problems[0] });
}

/** Replaces the machine's state by a snapshot of this member. @throws {StorageDamagedError} When file and state do not verify. */
export async function restoreFrom(ports: NodePorts, snapshot: NamedSnapshot): Promise<string> {
  const reader = await ports.snapshots.open(snapshot.id);
  try {
    const { manifest } = reader;
    await ports.machine.restore(manifest.index, manifest.stateHash, reader.chunks());
    return manifest.stateHash;
  } finally {
    await reader.close();
  }
}

/** What the core starts from. */
export function startOf(ports: NodePorts, options: NodeOptions, stored: StoredState, lastApplied: LogIndex): Start {
  const newest = stored.snapshots[0];
  return {
    id: stored.identity.memberId,
    settings: options.settings,
    seed: ports.rng.nextU32(),
    incarnation: stored.incarnation,
    hardState: stored.hardState,
    log: stored.log,
    snapshot: newest === undefined ? { index: 0, term: 0 } : { index: newest.index, term: newest.term },
    configurations: stored.configurations,
    lastApplied,
  };
}

function lastIndexOf(stored: StoredState): LogIndex {
  return stored.log.base.index + stored.log.sizes.length;
}
