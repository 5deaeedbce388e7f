import type { ServerSurfaceCall } from '@grpc/grpc-js/build/src/server-call.js';
import { CallError } from '../../ports/node-api.ts';
import { PROTOCOL_VERSION } from '../../ports/transport.ts';
import type { RequestHeader } from '../generated/raft_inspector/v1/client.ts';
import type { Security } from './credentials.ts';
import { identityOf } from './identity.ts';
import type { RefusalObserver } from './listener.ts';

export interface CallGuardOptions {
  readonly clusterId: string;
  readonly generation: number;
  readonly memberId: string;
  readonly security: Security['kind'];
  /** Calls in work at one time. */
  readonly maxCalls: number;
  readonly refused: RefusalObserver;
}

/** Leave to work on one call; released once, when it has ended. */
export interface Permit {
  /** Milliseconds that are left of the caller's time. */
  readonly deadlineMs: number;
  release(): void;
}

/** A day: longer waits are mistakes. */
const MAX_DEADLINE_MS = 24 * 3_600_000;
/** The member itself ends by the deadline; this much later the service ends the call for it. */
const DEADLINE_SLACK_MS = 100;

/** Decides whether a call may be worked on: who calls, which cluster is meant, until when, and whether there is room. */
export class CallGuard {
  private inWork = 0;

  constructor(private readonly options: CallGuardOptions) {}

  /**
   * @param lineage `may-be-first`: the caller may not know cluster and generation yet.
   * @throws {CallError} `not-authorized`, `wrong-lineage`, `bad-request` or `overloaded`, always `failed`.
   */
  admit(call: ServerSurfaceCall, header: RequestHeader | undefined, lineage: 'may-be-first' | 'must-name', end: 'by-deadline' | 'endless' = 'by-deadline'): Permit {
    const from = this.authenticate(call);
    if (header === undefined) throw this.refusal('bad-request', 'header', from, 'the request has no header');
    if (header.version !== PROTOCOL_VERSION) throw this.refusal('bad-request', 'version', from, `this member speaks version ${PROTOCOL_VERSION} of the protocol, not ${header.version}`);
    this.checkLineage(header, lineage, from);
    const deadlineMs = end === 'endless' ? 0 : this.deadline(call, header, from);
    return { deadlineMs, release: this.take(1) };
  }

  /** Room for one more proposal on a stream that was admitted. @throws {CallError} `overloaded`. */
  admitProposal(): () => void {
    return this.take(1);
  }

  /** Ends a call whose answer is late: the deadline holds even where the member's own operation has none. */
  byDeadline<T>(answer: Promise<T>, deadlineMs: number, effect: 'none' | 'possible'): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => reject(new CallError(effect === 'none' ? 'failed' : 'unknown', 'timeout', `no answer within ${deadlineMs} ms`)), deadlineMs + DEADLINE_SLACK_MS);
      answer.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  private authenticate(call: ServerSurfaceCall): string {
    if (this.options.security !== 'mtls') return 'loopback';
    const identity = identityOf(call.getAuthContext().sslPeerCertificate);
    if (identity === null) throw this.refusal('not-authorized', 'certificate-identity', 'unknown', 'the certificate names nobody');
    if (identity.clusterId === this.options.clusterId) return identity.name;
    throw this.refusal('wrong-lineage', 'certificate-cluster', identity.name, `the certificate is of cluster ${identity.clusterId}, this is ${this.options.clusterId}`);
  }

  private checkLineage(header: RequestHeader, lineage: 'may-be-first' | 'must-name', from: string): void {
    const { clusterId, generation, memberId } = this.options;
    const isFirst = lineage === 'may-be-first' && header.clusterId === '';
    if (!isFirst && header.clusterId !== clusterId) throw this.refusal('wrong-lineage', 'cluster', from, `this is cluster ${clusterId}, not ${header.clusterId || '(none named)'}`);
    if (!isFirst && header.generation !== generation) throw this.refusal('wrong-lineage', 'generation', from, `this is generation ${generation} of the cluster, not ${header.generation}: ask for the status again`);
    if (header.to !== '' && header.to !== memberId) throw this.refusal('wrong-lineage', 'addressee', from, `this is member ${memberId}, not ${header.to}`);
  }

  private deadline(call: ServerSurfaceCall, header: RequestHeader, from: string): number {
    if (header.deadlineMs === 0 || header.deadlineMs > MAX_DEADLINE_MS) throw this.refusal('bad-request', 'deadline', from, `a deadline of ${header.deadlineMs} ms; 1 to ${MAX_DEADLINE_MS} can be asked for`);
    const raw = call.getDeadline();
    const untilMs = raw instanceof Date ? raw.getTime() : raw;
    return Math.max(1, Math.min(header.deadlineMs, Number.isFinite(untilMs) ? Math.ceil(untilMs - Date.now()) : header.deadlineMs));
  }

  private take(calls: number): () => void {
    if (this.inWork + calls > this.options.maxCalls) throw new CallError('failed', 'overloaded', `${this.options.maxCalls} calls are in work already`);
    this.inWork += calls;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.inWork -= calls;
    };
  }

  private refusal(rule: CallError['rule'], observed: string, from: string, message: string): CallError {
    this.options.refused(`client:${observed}`, from);
    return new CallError('failed', rule, message);
  }
}
