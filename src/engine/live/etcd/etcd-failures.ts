import { status } from '@grpc/grpc-js';
import { InspectorError, RefusedError, UnreachableError } from '../../errors.ts';
import { hintOf, OutcomeUnknownError } from '../failures.ts';
import { EtcdCallError } from './etcd-client.ts';

/**
 * What etcd's own words mean. It is the text that counts: some of these arrive with another gRPC code than they were declared with.
 * `refused`: a rule, nothing happened. `passing`: nothing happened, and it may go well in a moment.
 */
const MEANINGS: readonly (readonly [RegExp, { readonly refused: string } | { readonly passing: string } | { readonly open: true }])[] = [
  [/not leader$/, { passing: 'The leadership moved: it may be run again' }],
  [/bad leader transferee/, { refused: 'transfer-target' }],
  [/leader transfer took too long/, { refused: 'transfer-timeout' }],
  [/too many learner members/, { refused: 'too-many-learners' }],
  [/in sync with leader/, { refused: 'learner-lagging' }],
  [/can only promote a learner member$/, { refused: 'already-voter' }],
  [/not enough started members/, { refused: 'margin-lost' }],
  [/unhealthy cluster/, { passing: 'Members count as connected 5 s after they came up: run it again then; raft-inspector member list shows who is down' }],
  [/Peer URLs already exists|member ID already exist/, { refused: 'address-in-use' }],
  [/member URLs are invalid/, { refused: 'bad-change' }],
  [/member not found/, { refused: 'unknown-member' }],
  [/not supported for learner/, { passing: 'A learner answers little: name a voter with --endpoint' }],
  [/no leader$/, { passing: 'A majority of the voters has to be up and to reach each other: raft-inspector member list' }],
  [/request timed out|server stopped/, { open: true }],
  [/database space exceeded/, { refused: 'no-space' }],
  [/corrupt cluster/, { refused: 'corrupt' }],
  [/has been compacted/, { refused: 'compacted' }],
  [/future revision/, { refused: 'future-revision' }],
  [/authentication failed|permission denied|invalid auth token|user name is empty|auth store is old/, { refused: 'not-authorized' }],
  [/unknown service|unknown method/, { refused: 'not-supported' }],
];

const WHO_ASKS = 'Say who asks: a user with the rights for it in ETCDCTL_USER=<name>:<password>, or certificates with --cacert, --cert, --key';

/**
 * A failed call as the error that commands end with. Nothing that may have happened is called a failure.
 * @param what The call in the operator's words: `add n2`.
 */
export function toEtcdFailure(error: unknown, what: string, effect: 'none' | 'possible', howToFindOut: string): Error {
  if (error instanceof InspectorError) return error;
  if (!(error instanceof EtcdCallError)) return new UnreachableError(`${what}: ${error instanceof Error ? error.message : String(error)}`, 'raft-inspector member list shows who answers', { cause: error });
  const said = `${what}: ${error.message} (${error.endpoint})`;
  const options = { cause: error };
  const meaning = MEANINGS.find(([words]) => words.test(error.message))?.[1];
  if (meaning !== undefined && 'refused' in meaning) return new RefusedError(meaning.refused, said, meaning.refused === 'not-authorized' ? WHO_ASKS : hintOf(meaning.refused), options);
  if (meaning !== undefined && 'passing' in meaning) return new UnreachableError(`${said}; it did not take effect`, meaning.passing, options);
  if (effect === 'possible' && error.wasSent) return new OutcomeUnknownError(`${said}: it may or may not have taken effect`, howToFindOut, options);
  return new UnreachableError(effect === 'none' ? said : `${said}; it did not take effect`, hintFor(error), options);
}

function hintFor({ code }: EtcdCallError): string {
  if (code === status.UNIMPLEMENTED) return 'This endpoint does not speak the etcd v3 API, or is older than the call: look whether it is the client port';
  return 'Look whether the members run, whether the endpoints are right (client URLs, not peer URLs), and whether certificates are asked for: --cacert, --cert, --key';
}

/** Whether another endpoint may answer what this one did not. */
export function isWorthAnother(error: unknown): boolean {
  return error instanceof EtcdCallError && (!error.wasSent || error.code === status.UNAVAILABLE || error.code === status.DEADLINE_EXCEEDED || /not supported for learner|no leader$/.test(error.message));
}
