import { z } from 'zod';
import { PLAN_FORMAT, PLAN_VERSION, type RecoveryPlan } from './plan.ts';
import { MAX_PLAN_FILES } from './plan-limits.ts';

// Bounds are far above what a plan needs; they keep a forged file from taking memory.
const MAX_TEXT = 65_536;
const MAX_LIST = 10_000;

const counter = z.int().nonnegative();
const text = z.string().max(MAX_TEXT);
const name = text.min(1);
const maybeText = text.nullable();
const maybeCounter = counter.nullable();
const texts = z.array(text).max(MAX_LIST);
const position = z.strictObject({ term: counter, index: counter });
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'is not a SHA-256');
const details = z.record(text, z.unknown());

const member = z.strictObject({ id: text, name: maybeText, addresses: texts, role: z.enum(['voter', 'learner']) });

const loss = z.strictObject({
  verdict: z.enum(['none', 'possible', 'unknown', 'certain']),
  proof: z.enum(['proven', 'proven-if-torn', 'conditional', 'bounded', 'best-effort', 'certain-loss']),
  statement: text,
  why: text,
  floor: counter,
  safeTo: counter,
  inDoubt: z.strictObject({ from: counter, to: counter, entries: counter }).nullable(),
  missing: z.strictObject({ from: counter, to: maybeCounter }).nullable(),
});

const ranked = z.strictObject({
  rank: counter,
  label: text,
  path: text,
  role: z.enum(['voter', 'learner', 'none', 'unknown']),
  lastEntry: position,
  currentTerm: counter,
  commitFloor: counter,
  health: z.enum(['ok', 'torn-tail', 'damaged', 'unreadable', 'encrypted']),
  disqualified: maybeText,
  reason: text,
});

const doubt = z.strictObject({
  from: counter,
  to: counter,
  entries: counter,
  bytes: counter,
  ops: z.array(z.strictObject({ op: text, entries: counter })).max(MAX_LIST),
  prefixes: z.array(z.strictObject({ prefix: text, entries: counter })).max(MAX_LIST),
  single: z.strictObject({ index: counter, op: text, key: maybeText, valueBytes: maybeCounter, detail: text }).nullable(),
  revisions: z.strictObject({ before: counter, after: counter, exact: z.boolean() }).nullable(),
});

/** Plan format v1. Strict: an unknown field means another version, not something to skip. */
export const planSchema = z.strictObject({
  format: z.literal(PLAN_FORMAT),
  version: z.literal(PLAN_VERSION),
  planId: z.uuid(),
  createdAt: z.iso.datetime(),
  tool: text,
  madeBy: text.optional(),
  cluster: z.strictObject({ clusterId: maybeText, members: z.array(member).max(MAX_LIST) }),
  store: z.enum(['etcd', 'raft-boltdb', 'raft-wal', 'native']),
  product: maybeText,
  target: z.enum(['native', 'etcd-append', 'etcd-rebuild', 'peers-json', 'raft-append', 'raft-snapshot']),
  evidence: z.array(z.strictObject({ label: name, digest: sha256 })).min(1).max(MAX_LIST),
  source: name,
  dataDir: maybeText,
  files: z.array(z.strictObject({ path: name, bytes: counter, sha256 })).max(MAX_PLAN_FILES),
  why: z.strictObject({
    loss,
    ranking: z.array(ranked).max(MAX_LIST),
    quorum: z.strictObject({ voters: counter, quorum: counter, surveyed: counter, needed: counter }),
  }),
  facts: texts,
  inDoubt: z.enum(['keep', 'drop']),
  doubt: doubt.nullable(),
  keepTo: counter,
  newClusterId: maybeText,
  dead: texts,
  targetMembers: counter,
  steps: z.array(z.strictObject({ id: name, kind: z.enum(['backup', 'build', 'check', 'swap']), target: text, before: details.nullable(), after: details.nullable() })).max(100),
  changes: z
    .array(z.strictObject({ path: name, kind: z.enum(['create', 'replace', 'remove']), bytesBefore: maybeCounter, bytesAfter: maybeCounter, lines: texts }))
    .max(MAX_PLAN_FILES),
  swap: z.discriminatedUnion('kind', [z.strictObject({ kind: z.literal('files') }), z.strictObject({ kind: z.literal('directory'), path: text })]),
  parameters: details,
  outcome: z.strictObject({
    clusterId: maybeText,
    memberId: maybeText,
    generation: maybeCounter,
    voters: texts,
    lastEntry: position,
    commitIndex: maybeCounter,
    termAbove: counter,
    revision: maybeCounter,
    stateHash: z.union([z.number(), text]).nullable(),
  }),
  fences: z.array(z.strictObject({ member: text, id: maybeText, addresses: texts, action: text })).max(MAX_LIST),
  joins: z.array(z.strictObject({ member: text, settings: texts })).max(MAX_LIST),
  checks: texts,
  rollback: z.strictObject({ command: text, until: text }),
  overrides: z.array(z.strictObject({ rule: name, at: z.iso.datetime(), by: text })).max(100),
  notes: texts,
  connection: z.strictObject({ endpoints: texts, cacert: maybeText, cert: maybeText, key: maybeText }).nullable(),
  digest: sha256,
});

/** The plan, or in words what is wrong with it. */
export function checkPlan(raw: unknown): RecoveryPlan | string {
  const result = planSchema.safeParse(raw);
  if (result.success) return result.data as RecoveryPlan;
  const issue = result.error.issues[0];
  return `${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? ''}`.replace(/^: /, '');
}
