import { z } from 'zod';

const messageFault = z.strictObject({
  /** Kinds of messages (`append`, `append-reply`, `vote`, `heartbeat`, `snapshot-chunk`, ...); null: all. */
  kinds: z.array(z.string()).min(1).nullable().default(null),
  /** Addressees; null: all. */
  to: z.array(z.string()).min(1).nullable().default(null),
  /** `hold` keeps them until the fault is taken away, then sends them in order. `reorder` lets later ones overtake. */
  action: z.enum(['drop', 'duplicate', 'reorder', 'hold']),
  /** Share of the messages that are hit. */
  chance: z.number().min(0).max(1).default(1),
});

const diskFault = z.strictObject({
  /** `raft`: log and hard state; `state`: the state machine's store; `snapshots`: snapshot files. */
  part: z.enum(['raft', 'state', 'snapshots']),
  /** Added to each commit or fsync. */
  delayMs: z.number().min(0).max(60_000).default(0),
  /** Every commit, fsync and write fails from now on, the way an operating system reports it. */
  fails: z.enum(['ENOSPC', 'EIO']).nullable().default(null),
  /** Whether a failing commit nevertheless reaches the disk: an error says nothing about that. */
  lands: z.boolean().default(false),
});

const clockFault = z.strictObject({
  /** Seconds that pass for the member in one real second. */
  rate: z.number().min(0.1).max(10).default(1),
  /** Added to the wall clock. The monotonic clock never jumps. */
  wallOffsetMs: z.int().min(-1e13).max(1e13).default(0),
});

/** What a member of a practice cluster is made to suffer at its own ports. Replaces what was in force before. */
export const memberFaultsSchema = z.strictObject({
  messages: z.array(messageFault).max(32).default([]),
  disk: z.array(diskFault).max(3).default([]),
  clock: clockFault.prefault({}),
});

export type MessageFault = z.output<typeof messageFault>;
export type DiskFault = z.output<typeof diskFault>;
export type MemberFaults = z.output<typeof memberFaultsSchema>;

export const NO_MEMBER_FAULTS: MemberFaults = memberFaultsSchema.parse({});

/** For people: what is in force, one phrase each. */
export function showMemberFaults(faults: MemberFaults): string[] {
  return [
    ...faults.messages.map((one) => `${one.action} ${one.kinds?.join(',') ?? 'messages'}${one.to === null ? '' : ` to ${one.to.join(',')}`}${one.chance < 1 ? ` (${Math.round(one.chance * 100)} %)` : ''}`),
    ...faults.disk.map((one) => [`${one.part}:`, one.delayMs > 0 ? `fsync + ${one.delayMs} ms` : '', one.fails ?? ''].filter((word) => word !== '').join(' ')),
    ...(faults.clock.rate === 1 ? [] : [`clock x${faults.clock.rate}`]),
    ...(faults.clock.wallOffsetMs === 0 ? [] : [`wall clock ${faults.clock.wallOffsetMs > 0 ? '+' : ''}${faults.clock.wallOffsetMs} ms`]),
  ];
}
