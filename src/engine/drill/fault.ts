import { z } from 'zod';

/** Longest fault or drill, in milliseconds: half an hour. */
export const MAX_DRILL_MS = 1_800_000;

const moment = z.int().min(0).max(MAX_DRILL_MS);

/** Who is hit: a role when the fault begins, a member by id, or everybody. */
const target = z.string().regex(/^(leader|follower|followers|all|[A-Za-z0-9][A-Za-z0-9._-]{0,62})$/, 'leader, follower, followers, all, or a member id');

const when = {
  /** Milliseconds after the load has settled. */
  atMs: moment.default(0),
  /** How long it lasts; after that it is taken back: links healed, members started again. */
  forMs: z.int().min(1).max(MAX_DRILL_MS).default(5000),
  target: target.default('leader'),
};

const messageAction = z.enum(['drop', 'duplicate', 'reorder']);

/** One thing that is done to the cluster. All of it happens to real processes: their links, signals, disks and clocks. */
export const faultSchema = z.discriminatedUnion('kind', [
  /** kill -9; started again at the end. */
  z.strictObject({ kind: z.literal('kill'), ...when }),
  /** SIGTERM, as a service manager stops it; started again at the end. */
  z.strictObject({ kind: z.literal('stop'), ...when }),
  /** SIGSTOP, then SIGCONT. */
  z.strictObject({ kind: z.literal('pause'), ...when }),
  /** No link to or from the target: `cut` resets connections, `stall` leaves them open and silent. */
  z.strictObject({ kind: z.literal('disconnect'), ...when, how: z.enum(['cut', 'stall']).default('cut') }),
  /** What the target sends reaches nobody, and what it is sent reaches it. */
  z.strictObject({ kind: z.literal('one-way'), ...when }),
  /** The cluster falls into parts of these sizes; the target is in the last part. */
  z.strictObject({ kind: z.literal('split'), ...when, sizes: z.array(z.int().min(1).max(7)).min(2).max(7), how: z.enum(['cut', 'stall']).default('cut') }),
  /** Links to and from the target are slow. */
  z.strictObject({ kind: z.literal('delay'), ...when, delayMs: z.number().min(0).max(60_000), jitterMs: z.number().min(0).max(60_000).default(0), bytesPerSecond: z.int().min(1).nullable().default(null) }),
  /** Messages the target sends are lost, repeated, or overtaken, this share of them. */
  z.strictObject({ kind: z.literal('messages'), ...when, action: messageAction, chance: z.number().min(0).max(1), messageKinds: z.array(z.string()).min(1).nullable().default(null) }),
  /** Commits and fsyncs of the target are slow, or fail. `lands`: what was reported failed is on the disk all the same. */
  z.strictObject({ kind: z.literal('disk'), ...when, parts: z.array(z.enum(['raft', 'state', 'snapshots'])).min(1).default(['raft']), delayMs: z.number().min(0).max(60_000).default(0), fails: z.enum(['ENOSPC', 'EIO']).nullable().default(null), lands: z.boolean().default(false) }),
  /** Clocks of the target run at another rate, or are off by so much. */
  z.strictObject({ kind: z.literal('clock'), ...when, rate: z.number().min(0.1).max(10).default(1), wallOffsetMs: z.int().min(-1e13).max(1e13).default(0) }),
  /** The target is cut off and joined again, over and over. */
  z.strictObject({ kind: z.literal('flapping'), ...when, everyMs: z.int().min(100).max(60_000).default(1000) }),
  /** The target is killed and started again, over and over. */
  z.strictObject({ kind: z.literal('restart-storm'), ...when, everyMs: z.int().min(300).max(60_000).default(1000) }),
]);

export type Fault = z.output<typeof faultSchema>;
export type FaultKind = Fault['kind'];

/** `delay 200 ms + up to 50 ms on all, 10 s`: for people. */
export function showFault(fault: Fault): string {
  return `${words(fault)} on ${fault.target}`;
}

function words(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
      return 'kill -9';
    case 'stop':
      return 'stop (SIGTERM)';
    case 'pause':
      return 'pause (SIGSTOP)';
    case 'disconnect':
      return `links ${fault.how}`;
    case 'one-way':
      return 'deaf peers (one way)';
    case 'split':
      return `split ${fault.sizes.join(' | ')} (${fault.how})`;
    case 'delay':
      return `delay ${fault.delayMs} ms${fault.jitterMs > 0 ? ` + up to ${fault.jitterMs} ms` : ''}`;
    case 'messages':
      return `${fault.action} ${Math.round(fault.chance * 100)} % of ${fault.messageKinds?.join(', ') ?? 'messages'}`;
    case 'disk':
      return fault.fails === null ? `disk + ${fault.delayMs} ms` : `disk ${fault.fails}${fault.lands ? ', landed' : ''}`;
    case 'clock':
      return `clock x${fault.rate}${fault.wallOffsetMs === 0 ? '' : `, wall ${fault.wallOffsetMs > 0 ? '+' : ''}${fault.wallOffsetMs} ms`}`;
    case 'flapping':
      return `flapping every ${fault.everyMs} ms`;
    case 'restart-storm':
      return `kill -9 and start every ${fault.everyMs} ms`;
  }
}
