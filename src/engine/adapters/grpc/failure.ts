import { Metadata, status } from '@grpc/grpc-js';
import type { ServiceError, StatusObject } from '@grpc/grpc-js';
import { CallError } from '../../ports/node-api.ts';
import { CallFailure, Outcome } from '../generated/raft_inspector/v1/client.ts';

/** Trailing metadata that carries a CallFailure; the suffix makes gRPC treat it as bytes. */
export const FAILURE_KEY = 'raft-inspector-failure-bin';

type Rule = CallError['rule'];

/** Each rule and the gRPC status that other tools see; the details decide for ours. */
const STATUS_OF: Readonly<Record<Rule, status>> = {
  'not-leader': status.FAILED_PRECONDITION,
  overloaded: status.RESOURCE_EXHAUSTED,
  transferring: status.UNAVAILABLE,
  'no-commit-in-term': status.UNAVAILABLE,
  'leadership-lost': status.ABORTED,
  'change-pending': status.FAILED_PRECONDITION,
  'bad-change': status.INVALID_ARGUMENT,
  'configuration-moved': status.FAILED_PRECONDITION,
  'id-reused': status.ALREADY_EXISTS,
  'unknown-member': status.NOT_FOUND,
  'already-voter': status.ALREADY_EXISTS,
  'learner-lagging': status.FAILED_PRECONDITION,
  'margin-lost': status.FAILED_PRECONDITION,
  'last-voter': status.FAILED_PRECONDITION,
  'removes-leader': status.FAILED_PRECONDITION,
  'address-in-use': status.ALREADY_EXISTS,
  'transfer-target': status.FAILED_PRECONDITION,
  'transfer-timeout': status.DEADLINE_EXCEEDED,
  removed: status.FAILED_PRECONDITION,
  timeout: status.DEADLINE_EXCEEDED,
  'too-stale': status.FAILED_PRECONDITION,
  'behind-token': status.FAILED_PRECONDITION,
  stopping: status.UNAVAILABLE,
  'bad-request': status.INVALID_ARGUMENT,
  'too-large': status.INVALID_ARGUMENT,
  'wrong-lineage': status.PERMISSION_DENIED,
  'storage-failed': status.INTERNAL,
  compacted: status.OUT_OF_RANGE,
  unreachable: status.UNAVAILABLE,
  'not-authorized': status.PERMISSION_DENIED,
};

function isRule(text: string): text is Rule {
  return Object.hasOwn(STATUS_OF, text);
}

export function toFailure(error: CallError): CallFailure {
  return {
    outcome: error.outcome === 'failed' ? Outcome.OUTCOME_FAILED : Outcome.OUTCOME_UNKNOWN,
    rule: error.rule,
    message: error.message,
    leaderId: error.leader?.id ?? '',
    leaderAddress: error.leader?.address ?? '',
  };
}

/** An outcome or a rule of a newer version that this one does not know is reported as unknown: the safe reading. */
export function fromFailure(failure: CallFailure): CallError {
  const isKnown = isRule(failure.rule);
  const outcome = failure.outcome === Outcome.OUTCOME_FAILED ? 'failed' : 'unknown';
  const leader = failure.leaderId === '' || failure.leaderAddress === '' ? null : { id: failure.leaderId, address: failure.leaderAddress };
  return new CallError(outcome, isKnown ? (failure.rule as Rule) : 'bad-request', isKnown ? failure.message : `${failure.rule}: ${failure.message}`, leader);
}

/** What a server ends a call with. Anything but a CallError is a bug of ours: the effect is unknown, the text stays here. */
export function toStatus(error: unknown): Partial<StatusObject> & { code: status; details: string; metadata: Metadata } {
  const failure = error instanceof CallError ? error : new CallError('unknown', 'storage-failed', 'the member failed to answer; its log says why');
  const metadata = new Metadata();
  metadata.set(FAILURE_KEY, Buffer.from(CallFailure.encode(toFailure(failure)).finish()));
  return { code: STATUS_OF[failure.rule], details: `${failure.rule}: ${failure.message}`, metadata };
}

/**
 * What a call ended with, as a CallError. Without details the answer came from the way between: `effect` says what is known then:
 * `none` for reads and for requests that never left, `possible` for writes that may have arrived.
 */
export function fromStatus(error: Pick<ServiceError, 'code' | 'details'> & { metadata?: Metadata }, effect: 'none' | 'possible', where: string): CallError {
  const raw = error.metadata?.get(FAILURE_KEY)[0];
  if (Buffer.isBuffer(raw)) {
    try {
      return fromFailure(CallFailure.decode(raw));
    } catch {
      // Details that cannot be read say nothing: fall through to what the status alone allows.
    }
  }
  const outcome = effect === 'none' ? 'failed' : 'unknown';
  const rule = error.code === status.DEADLINE_EXCEEDED || error.code === status.CANCELLED ? 'timeout' : error.code === status.UNIMPLEMENTED ? 'bad-request' : 'unreachable';
  return new CallError(outcome, rule, `${where}: ${error.details || status[error.code]}`);
}
