import { load } from 'js-yaml';
import { z } from 'zod';
import { UsageError } from '../errors.ts';
import { isRecord } from '../model/is-record.ts';
import { faultSchema, MAX_DRILL_MS } from './fault.ts';

/** Largest drill file, in bytes. */
export const MAX_DRILL_FILE_BYTES = 256 * 1024;

const text = z.string().min(1).max(500);
const date = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'a date, as 2026-03-14');
/** YAML reads an unquoted date as one: it is taken as it was meant. */
const looseDate = z.preprocess((value) => (value instanceof Date ? value.toISOString().slice(0, 10) : value), date);

const loadSchema = z.strictObject({
  clients: z.int().min(1).max(256).default(8),
  /** Operations a second, all clients together; below 100 before the fault a run is void. */
  rate: z.int().min(1).max(10_000).default(300),
  valueBytes: z.int().min(16).max(16_384).default(64),
  keys: z.int().min(1).max(100_000).default(256),
  /** Share of linearizable reads. */
  readPercent: z.int().min(0).max(90).default(10),
  /** Milliseconds of load before the first fault. */
  warmupMs: z.int().min(200).max(600_000).default(2000),
  /** Longest wait of a client for one answer. */
  timeoutMs: z.int().min(50).max(60_000).default(1500),
});

const objectivesSchema = z.strictObject({
  rtoMs: z.int().min(1).optional(),
  rpoLost: z.int().min(0).optional(),
  rpoDuplicated: z.int().min(0).optional(),
  electionMs: z.int().min(1).optional(),
  failureRatePercent: z.number().min(0).max(100).optional(),
  replicaLag: z.int().min(0).optional(),
});

const followUpSchema = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/),
  text,
  owner: text.nullable().default(null),
  openedAt: looseDate,
  due: looseDate.nullable().default(null),
  state: z.enum(['open', 'closed']).default('open'),
});

/** What a drill is to do, and what it has to reach. */
export const drillSchema = z.strictObject({
  version: z.literal(1).default(1),
  scenario: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
  title: text.optional(),
  engine: z.enum(['native', 'etcd']).default('native'),
  nodes: z.literal([3, 5, 7], { error: 'the size of a cluster: 3, 5 or 7' }).optional(),
  /** Decides which members are hit, where the file leaves it open. A number or a word; default: drawn. */
  seed: z.union([z.int().min(0), z.string().min(1).max(64)]).transform(String).optional(),
  /** `fast`: elections within 150 to 300 ms. `calm`: ten times that, for slow links and busy machines. */
  timing: z.enum(['fast', 'calm']).optional(),
  load: loadSchema.prefault({}),
  /** For the scenario `faults`, and instead of a named fault's own. */
  faults: z.array(z.union([z.strictObject({ preset: z.string(), atMs: z.int().min(0).max(MAX_DRILL_MS).optional(), forMs: z.int().min(1).max(MAX_DRILL_MS).optional(), target: z.string().optional() }), faultSchema])).max(64).default([]),
  /** Losing the majority: one member after the other, or all in one moment. */
  kill: z.enum(['one-by-one', 'at-once']).default('one-by-one'),
  /** When clients are let back in: as soon as the rebuilt cluster is verified, or only at full strength. */
  reopen: z.enum(['after-check', 'after-grow']).default('after-check'),
  /** Commands of your own; one that ends with another code than 0 fails the drill. */
  checks: z.array(z.string().min(1).max(4096)).max(64).default([]),
  objectives: objectivesSchema.optional(),
  /** A data directory or archive of your own to start from; it is copied and never touched. */
  backup: z.string().min(1).max(4096).optional(),
  service: text.nullable().default(null),
  environment: text.nullable().default(null),
  controls: z.array(text).max(64).default([]),
  followUps: z.array(followUpSchema).max(256).default([]),
});

/** A drill file as checked, defaults filled in. */
export type DrillFile = z.output<typeof drillSchema>;
export type DrillLoad = DrillFile['load'];
export type DrillLimits = NonNullable<DrillFile['objectives']>;

/**
 * Reads a drill file.
 * @param loadOf The load that a scenario brings: it stands where the file leaves a field of it out.
 * @throws {UsageError} When it is no YAML, or asks for something that does not exist; names the place.
 */
export function parseDrill(source: string, name: string, loadOf: (scenario: string) => Partial<DrillLoad> | undefined = () => undefined): DrillFile {
  const hint = 'Write one to begin with: raft-inspector drill init; the fields are in docs/drills.md';
  if (Buffer.byteLength(source) > MAX_DRILL_FILE_BYTES) throw new UsageError(`${name} is larger than ${MAX_DRILL_FILE_BYTES} bytes`, hint);
  let document: unknown;
  try {
    document = load(source, { filename: name });
  } catch (cause) {
    throw new UsageError(`${name} is no YAML: ${cause instanceof Error ? cause.message.split('\n')[0] : String(cause)}`, hint, { cause });
  }
  const parsed = drillSchema.safeParse(withLoad(document, loadOf));
  if (parsed.success) return parsed.data;
  const issue = deepest(parsed.error.issues[0]);
  throw new UsageError(`${name}: ${issue.path === '' ? '' : `${issue.path}: `}${issue.message}`, hint);
}

function withLoad(document: unknown, loadOf: (scenario: string) => Partial<DrillLoad> | undefined): unknown {
  if (!isRecord(document) || typeof document['scenario'] !== 'string') return document;
  const { load: own = {} } = document;
  return isRecord(own) ? { ...document, load: { ...loadOf(document['scenario']), ...own } } : document;
}

/** A union reports all its branches: the one that went furthest says what was meant. */
function deepest(issue: z.core.$ZodIssue | undefined): { path: string; message: string } {
  if (issue === undefined) return { path: '', message: 'not a drill file' };
  const path = issue.path.map(String).join('.');
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const inner = [...issue.errors].sort((a, b) => (b[0]?.path.length ?? 0) - (a[0]?.path.length ?? 0) || a.length - b.length)[0]?.[0];
    const below = inner === undefined ? null : deepest(inner);
    if (below !== null) return { path: [path, below.path].filter((part) => part !== '').join('.'), message: below.message };
  }
  return { path, message: issue.message };
}
