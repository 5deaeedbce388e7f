import { z } from 'zod';
import { EVIDENCE_FORMAT, EVIDENCE_VERSION } from './evidence.ts';
import type { Evidence } from './evidence.ts';

const counter = z.int().nonnegative();
const maybeCounter = counter.nullable();
const text = z.string().max(65_536);
const maybeText = text.nullable();
const ids = z.array(text).max(10_000);
const hex = (length: number) => z.string().regex(/^[0-9a-f]*$/).length(length);
const position = z.strictObject({ term: counter, index: counter });
const run = z.strictObject({ term: counter, first: counter, last: counter });
const confSets = { voters: ids, learners: ids };

const findingSchema = z.strictObject({
  rule: text,
  severity: z.enum(['info', 'warn', 'error']),
  member: maybeText,
  file: maybeText,
  byteOffset: maybeCounter,
  message: text,
  fix: text,
});

const reportSchema = z.strictObject({
  path: text,
  label: text.min(1),
  store: z.enum(['etcd', 'raft-boltdb', 'raft-wal', 'native']),
  software: z.strictObject({ name: text, version: maybeText }).nullable(),
  memberId: maybeText,
  clusterId: maybeText,
  generation: maybeCounter.optional(),
  machine: maybeText.optional(),
  hardState: z.strictObject({ currentTerm: counter, votedFor: maybeText, commitIndex: maybeCounter }),
  log: z.strictObject({
    firstIndex: counter,
    lastIndex: z.int().min(-1),
    lastTerm: counter,
    entries: counter,
    bytes: counter,
    byKind: z.object({ command: counter, noop: counter, confChange: counter }).catchall(counter),
    termRuns: z.array(run),
  }),
  snapshots: z.array(
    z.strictObject({
      file: text,
      term: counter,
      index: counter,
      bytes: counter,
      status: z.enum(['verified', 'unverifiable', 'bad']),
      confState: z.strictObject(confSets).nullable(),
      takenAt: z.iso.datetime().optional(),
    }),
  ),
  lastEntry: position,
  appliedIndex: maybeCounter,
  commitFloor: counter,
  inDoubt: z.strictObject({ from: counter, to: counter, entries: counter }).nullable(),
  confState: z
    .strictObject({
      ...confSets,
      index: counter,
      pending: z.boolean(),
      members: z.array(z.strictObject({ id: text, name: maybeText, addresses: ids, role: z.enum(['voter', 'learner']) })),
    })
    .nullable(),
  state: z
    .strictObject({ revision: maybeCounter, keys: maybeCounter, hash: z.union([z.number(), text]).nullable(), bytes: maybeCounter })
    .nullable(),
  damage: z.array(
    z.strictObject({ file: text, byteOffset: counter, fromIndex: maybeCounter, toIndex: maybeCounter, tail: position.nullable() }),
  ),
  health: z.enum(['ok', 'torn-tail', 'damaged', 'unreadable', 'encrypted']),
  checked: z.enum(['checksums', 'structure']),
  name: maybeText,
  revisionAtEnd: maybeCounter,
  running: z.strictObject({ pid: maybeCounter }).nullable(),
  lastWritten: maybeText,
  startable: z.union([z.strictObject({ ok: z.literal(true) }), z.strictObject({ ok: z.literal(false), reason: text })]),
  serverStarts: z.boolean().nullable().optional(),
});

const configurationSchema = z.strictObject({
  index: counter,
  term: counter,
  source: z.enum(['log', 'snapshot']),
  change: text,
  ...confSets,
  effective: z.boolean(),
});

const logSchema = z.strictObject({
  runs: z.array(run),
  blocks: z.array(
    z.strictObject({ block: counter, digest: hex(16), first: counter.optional(), last: counter.optional(), entries: counter.optional() }),
  ),
  configurations: z.array(z.strictObject({ index: counter, term: counter, digest: hex(16) })),
  tail: z.strictObject({ first: counter, width: z.int().min(8).max(64), digests: z.string().max(1 << 20) }).nullable(),
});

const doubtSchema = z.strictObject({
  from: counter,
  to: counter,
  entries: counter,
  bytes: counter,
  ops: z.array(z.strictObject({ op: text, entries: counter })),
  prefixes: z.array(z.strictObject({ prefix: text, entries: counter })),
  single: z.strictObject({ index: counter, op: text, key: maybeText, valueBytes: maybeCounter, detail: text }).nullable(),
  revisions: z.strictObject({ before: counter, after: counter, exact: z.boolean() }).nullable(),
});

/** Evidence format v1. Strict: an unknown field means another version, not something to skip. */
export const evidenceSchema = z.strictObject({
  format: z.literal(EVIDENCE_FORMAT),
  version: z.literal(EVIDENCE_VERSION),
  collectedAt: z.iso.datetime(),
  tool: text,
  report: reportSchema,
  findings: z.array(findingSchema),
  configurations: z.array(configurationSchema),
  log: logSchema,
  doubt: doubtSchema.nullable(),
  storeDigest: hex(64).optional(),
  digest: hex(64),
});

/** The evidence, or in words what is wrong with it. */
export function checkEvidence(raw: unknown): Evidence | string {
  const version = (raw as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > EVIDENCE_VERSION) {
    return `evidence format version ${version} is newer than this tool reads (${EVIDENCE_VERSION})`;
  }
  const result = evidenceSchema.safeParse(raw);
  if (result.success) return result.data as Evidence;
  const issue = result.error.issues[0];
  return `is not an evidence file of version ${EVIDENCE_VERSION}: ${issue?.path.map(String).join('.') ?? ''} ${issue?.message ?? ''}`.trim();
}
