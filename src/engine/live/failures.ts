import { EXIT, InspectorError, RefusedError, UnreachableError, UsageError } from '../errors.ts';
import type { CallError } from '../ports/node-api.ts';

/** The call was sent and its outcome never came: it may take effect, now or later, or never. */
export class OutcomeUnknownError extends InspectorError {
  readonly code = 'OUTCOME_UNKNOWN';
  readonly exitCode = EXIT.unreachable;
}

/** What stands behind each refusal, and what to do about it. */
const HINTS: Readonly<Record<string, string>> = {
  'change-pending': 'One change at a time: wait until member list shows no pending change, then run it again',
  'configuration-moved': 'Somebody else changed the membership meanwhile: look at member list, then decide anew',
  'id-reused': 'An id is never used twice, not even after a removal: choose a new one and give the member an empty directory',
  'address-in-use': 'Another member has this address: raft-inspector member list shows which',
  'unknown-member': 'raft-inspector member list shows the members',
  'already-voter': 'Nothing is left to do',
  'learner-lagging': 'Let it catch up first: raft-inspector member wait <id>',
  'margin-lost': 'Not enough of the resulting voters can be reached to form a majority: start the members that are down first, or remove them',
  'last-voter': 'A cluster needs a voter: add and promote another one first',
  'transfer-target': 'Name a voter that is up: raft-inspector member list',
  'too-stale': 'Ask for less (--max-staleness), for --consistency stale, or for linearizable',
  'behind-token': 'The asked member lags behind what this session has seen: ask another one',
  'wrong-lineage': 'The endpoint belongs to another cluster, or to an older generation of this one',
  'bad-change': 'Correct the id, the name or the address',
  'not-authorized': 'Give certificates that the cluster signed: --cacert, --cert, --key; they name the cluster they are for',
  'transfer-timeout': 'The voter did not take over in time and the old leader goes on: run it again, or name another one with --to',
  'storage-failed': 'The asked member cannot write to its disk: its log says why; it stops by itself',
  removed: 'The asked member was removed from its cluster: name another endpoint',
  'too-many-learners': 'One learner at a time: promote or remove the other one first',
  'no-space': 'The database is full and takes no writes: free space, then end the alarm with the cluster\'s own tools',
  corrupt: 'A member found that its data differs from the others and the cluster stopped taking writes: compare the disks with raft-inspector inspect fsck',
  'future-revision': 'The member that was asked has not got there yet: wait until it has caught up, or ask another one',
  'not-supported': 'This endpoint does not speak the etcd v3 API: look whether it is the client port',
  compacted: 'That far back is no longer kept: read the present values, then watch without --from-revision',
};

/** What to do about a refusal, by its rule. */
export function hintOf(rule: string): string {
  return HINTS[rule] ?? '';
}

const REFUSALS: ReadonlySet<string> = new Set(Object.keys(HINTS));

/**
 * A failed call as the error that commands end with. Nothing that may have happened is called a failure: `unknown` stays unknown.
 * @param what The call in the operator's words: `put a`.
 * @param howToFindOut What to type when the outcome is unknown.
 */
export function toFailure(error: CallError, what: string, howToFindOut: string): InspectorError {
  const options = { cause: error };
  if (error.outcome === 'unknown') return new OutcomeUnknownError(`${what}: it may or may not have taken effect (${error.message})`, howToFindOut, options);
  const leader = error.leader === null ? '' : `; the leader is ${error.leader.id} at ${error.leader.address}`;
  if (REFUSALS.has(error.rule)) return new RefusedError(error.rule, `${what}: ${error.message}${leader}`, HINTS[error.rule] ?? '', options);
  if (error.rule === 'bad-request' || error.rule === 'too-large') return new UsageError(`${what}: ${error.message}`, 'Keys have 1 to 4096 bytes, values at most 1 MiB', options);
  return new UnreachableError(`${what}: ${error.message}${leader}; it did not take effect`, 'raft-inspector member list shows who answers; a majority of the voters has to', options);
}
