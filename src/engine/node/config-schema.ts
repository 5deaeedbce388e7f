import { z } from 'zod';
import { TICK_MS } from '../core/settings.ts';

/** Ids become file names, certificate names and parts of addresses: letters, digits, dots, dashes and underscores. */
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const HOST_PORT = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/;
const KIB = 1024;
const MIB = 1024 * KIB;

export const memberIdSchema = z.string().regex(ID, 'must be 1 to 63 letters, digits, dots, dashes or underscores, and begin with a letter or digit');

export const addressSchema = z
  .string()
  .regex(HOST_PORT, 'must be host:port')
  .refine((text) => {
    const port = Number(HOST_PORT.exec(text)?.[2]);
    return port >= 1 && port <= 65_535;
  }, 'has a port outside 1..65535');

const listedMember = z.strictObject({ id: memberIdSchema, name: z.string().min(1).max(200).optional(), address: addressSchema });

/** Pods of a StatefulSet: `<name>-0.<service>:<port>` up to `<name>-<replicas - 1>`, ids are the pods' names. */
const statefulSet = z.strictObject({
  dns: z.strictObject({
    service: z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'must be a host name'),
    name: memberIdSchema,
    port: z.int().min(1).max(65_535),
    replicas: z.int().min(1).max(9),
  }),
});

/** Milliseconds; whole ticks (heartbeat * 3 <= min, min * 2 <= max). */
const ticksMs = z.int().min(TICK_MS).max(60_000).multipleOf(TICK_MS, `must be a multiple of ${TICK_MS} ms`);
const explicitTiming = z
  .strictObject({ heartbeatMs: ticksMs, electionMinMs: ticksMs, electionMaxMs: ticksMs })
  .refine((one) => one.heartbeatMs * 3 <= one.electionMinMs, { path: ['electionMinMs'], message: 'must be at least three times heartbeatMs' })
  .refine((one) => one.electionMinMs * 2 <= one.electionMaxMs, { path: ['electionMaxMs'], message: 'must be at least twice electionMinMs' });

const limits = z.strictObject({
  /** Largest command a client may propose. */
  maxCommandBytes: z.int().min(1).max(MIB).default(MIB),
  /** Above this many bytes not yet committed, proposals are refused as overloaded. */
  maxUncommittedBytes: z.int().min(MIB).max(1024 * MIB).default(64 * MIB),
  /** Entries kept behind the older snapshot for members that lag. */
  compactionMargin: z.int().min(0).max(10_000_000).default(10_000),
  maxPendingReads: z.int().min(1).max(1_000_000).default(65_536),
});

const snapshot = z.strictObject({
  /** Entries after which a snapshot is taken. */
  entries: z.int().min(10).max(100_000_000).default(100_000),
  /** Payload bytes after which a snapshot is taken. */
  bytes: z.int().min(64 * KIB).max(1024 * 1024 * MIB).default(256 * MIB),
});

export const nodeConfigSchema = z
  .strictObject({
    clusterId: memberIdSchema,
    /** Of the cluster; grows with each forced recovery. From 2 on it stands instead of initialMembers and join: such a member was recovered, or joins. */
    generation: z.int().min(1).max(1_000_000).optional(),
    member: z.union([z.strictObject({ id: memberIdSchema, name: z.string().min(1).max(200).optional() }), z.literal('hostname')]),
    dataDir: z.string().min(1),
    listen: addressSchema,
    /** What peers and clients dial. Default: the member's address in `initialMembers`, else `listen`. */
    advertise: addressSchema.optional(),
    initialMembers: z.union([z.array(listedMember).min(1).max(9), statefulSet]).optional(),
    /** True: starts empty and waits until a leader adds it. */
    join: z.boolean().default(false),
    tls: z.strictObject({ ca: z.string().min(1), cert: z.string().min(1), key: z.string().min(1) }).optional(),
    /** Plain connections, on loopback addresses only: to try things out. */
    insecureLoopback: z.boolean().default(false),
    timing: z.union([z.enum(['fast', 'calm']), explicitTiming]).default('fast'),
    machine: z.enum(['kv']).default('kv'),
    snapshot: snapshot.prefault({}),
    limits: limits.prefault({}),
    /** Space set aside so that a full disk leaves room to recover. */
    ballastBytes: z.int().min(0).max(1024 * MIB).default(64 * MIB),
    /** Marks a member of a practice cluster: it lives and dies with its supervisor, and can be made to misbehave. */
    lab: z.strictObject({}).optional(),
  })
  .superRefine((one, context) => {
    if ((one.tls === undefined) !== one.insecureLoopback) {
      context.addIssue({ code: 'custom', path: ['tls'], message: one.tls === undefined ? 'is missing' : 'and insecureLoopback exclude each other' });
    }
    if (one.insecureLoopback && !isLoopback(one.listen)) context.addIssue({ code: 'custom', path: ['listen'], message: 'must be a loopback address with insecureLoopback' });
    if (one.join && one.initialMembers !== undefined) context.addIssue({ code: 'custom', path: ['initialMembers'], message: 'and join exclude each other' });
    const isLater = (one.generation ?? 1) > 1;
    if (isLater && one.initialMembers !== undefined) context.addIssue({ code: 'custom', path: ['initialMembers'], message: `belong to generation 1, not to ${one.generation}` });
    if (!one.join && !isLater && one.initialMembers === undefined) context.addIssue({ code: 'custom', path: ['initialMembers'], message: 'is missing' });
  });

/** The file as written, checked and with defaults. */
export type RawNodeConfig = z.output<typeof nodeConfigSchema>;

export function isLoopback(address: string): boolean {
  const host = address.slice(0, address.lastIndexOf(':'));
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
