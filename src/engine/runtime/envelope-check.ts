import type { MemberId } from '../core/types.ts';
import { PROTOCOL_VERSION, type Envelope } from '../ports/transport.ts';

/** What every RPC carries, whether from a member, a client or an operator. */
export interface EnvelopeHead {
  readonly clusterId: string;
  readonly generation: number;
  readonly to: MemberId;
  readonly version: number;
}

/** Whom an envelope must be meant for. */
export interface Addressee {
  readonly clusterId: string;
  readonly generation: number;
  readonly memberId: MemberId;
}

export type EnvelopeRule = 'wrong-cluster' | 'wrong-generation' | 'wrong-addressee' | 'wrong-version' | 'wrong-sender';

/** Why a head is refused, or null. One check for peers, clients and operators: what it refuses must change nothing. */
export function headProblem(head: EnvelopeHead, own: Addressee): EnvelopeRule | null {
  if (head.clusterId !== own.clusterId) return 'wrong-cluster';
  if (head.generation !== own.generation) return 'wrong-generation';
  if (head.to !== own.memberId) return 'wrong-addressee';
  if (head.version !== PROTOCOL_VERSION) return 'wrong-version';
  return null;
}

/**
 * Why an envelope between members is refused, or null. The sender need not be in the own configuration: a lagging member must hear
 * leaders that joined after its newest entry, and a removed one must be told so (Ongaro thesis 4.1). Its certificate and the
 * lineage say that it belongs; the core judges the rest.
 */
export function envelopeProblem(envelope: Envelope, own: Addressee): EnvelopeRule | null {
  const problem = headProblem(envelope, own);
  if (problem !== null) return problem;
  const { body } = envelope;
  if (envelope.from === own.memberId || body.from !== envelope.from) return 'wrong-sender';
  return body.to === own.memberId ? null : 'wrong-addressee';
}
