import { z } from 'zod';
import type { ExitCode } from '../errors.ts';
import { linkFaultSchema } from './link-fault.ts';
import { memberFaultsSchema } from './member-fault.ts';

/** A directed link, from the member that dials to the one that is dialled. */
export const linkSchema = z.strictObject({ from: z.string(), to: z.string() });
export type Link = z.output<typeof linkSchema>;

/** What the supervisor of a practice cluster can be told over its socket: one JSON object a line, one line back. */
export const orderSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('status') }),
  /**
   * A member that does not run. Of an id that is not known: the recovered member that lies in the lab under it, else a new one, which
   * joins. A member whose data were recovered in place starts under its new id.
   */
  z.strictObject({ kind: z.literal('start'), id: z.string() }),
  z.strictObject({ kind: z.literal('kill'), ids: z.array(z.string()).min(1), signal: z.enum(['SIGKILL', 'SIGTERM', 'SIGSTOP', 'SIGCONT']) }),
  z.strictObject({ kind: z.literal('links'), links: z.array(linkSchema).min(1), fault: linkFaultSchema }),
  z.strictObject({ kind: z.literal('faults'), id: z.string(), faults: memberFaultsSchema }),
  /** Ends every fault of links and members, pauses too. */
  z.strictObject({ kind: z.literal('heal') }),
  z.strictObject({ kind: z.literal('down') }),
]);
/** As it is given; what is left out has its default. */
export type Order = z.input<typeof orderSchema>;
/** As it is carried out. */
export type CheckedOrder = z.output<typeof orderSchema>;

/** Where a member of a lab stands; `silent`: its process runs and does not answer. */
export type MemberState = 'starting' | 'running' | 'silent' | 'paused' | 'killed' | 'failed' | 'stopped';

/** One member of a running or stopped lab. What only the member knows is null when it did not say. */
export interface LabMemberStatus {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly dataDir: string;
  readonly origin: 'initial' | 'joined' | 'recovered';
  readonly generation: number;
  readonly pid: number | null;
  readonly state: MemberState;
  /** How its last process ended. */
  readonly ended: { readonly code: number | null; readonly signal: string | null; readonly error: MemberError | null } | null;
  readonly role: string | null;
  readonly term: number | null;
  readonly leader: string | null;
  readonly commitIndex: number | null;
  readonly appliedIndex: number | null;
  readonly firstIndex: number | null;
  readonly lastIndex: number | null;
  readonly stateHash: string | null;
  readonly eventLoopDelayMs: number | null;
  readonly faults: readonly string[];
}

/** Why a member ended by itself: code, rule and words of its last log line. */
export interface MemberError {
  readonly code: string;
  readonly rule: string | null;
  readonly message: string;
  readonly hint: string;
  readonly exit: ExitCode;
}

export interface LabLinkStatus extends Link {
  readonly port: number;
  readonly connections: number;
  /** Null: nothing is wrong with it. */
  readonly fault: string | null;
}

export interface LabStatus {
  readonly dir: string;
  readonly clusterId: string;
  readonly machine: string;
  readonly timing: 'fast' | 'calm';
  /** Of the cluster; members of older ones are refused by it. */
  readonly generation: number;
  readonly isRunning: boolean;
  readonly supervisor: { readonly pid: number; readonly startedAt: string; readonly endsAt: string } | null;
  /** The member most others follow; null when nobody leads. */
  readonly leader: string | null;
  readonly members: readonly LabMemberStatus[];
  readonly links: readonly LabLinkStatus[];
}

export type Reply =
  | { readonly ok: true; readonly status: LabStatus }
  | { readonly ok: false; readonly error: { readonly kind: 'usage' | 'refused' | 'failed'; readonly rule: string; readonly message: string; readonly hint: string; readonly exit: ExitCode } };

/** What the supervisor tells a member over the channel of its child process. */
export type ToMember =
  | { readonly kind: 'world'; readonly links: Readonly<Record<string, string>>; readonly faults: z.output<typeof memberFaultsSchema> }
  | { readonly kind: 'status'; readonly id: number };

/** What a member tells its supervisor. */
export type FromMember =
  | { readonly kind: 'ready' }
  | { readonly kind: 'status'; readonly id: number; readonly status: MemberSelfReport }
  | { readonly kind: 'ended'; readonly error: MemberError };

/** What a member says of itself. */
export type MemberSelfReport = Pick<LabMemberStatus, 'role' | 'term' | 'leader' | 'commitIndex' | 'appliedIndex' | 'firstIndex' | 'lastIndex' | 'stateHash' | 'eventLoopDelayMs'>;
