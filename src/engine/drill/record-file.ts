import { z } from 'zod';
import { CorruptDataError, UnreadableError } from '../errors.ts';
import type { DrillRecord } from '../model/drill-record.ts';
import { readSmallFile } from './small-file.ts';

/** Largest record that is read, in bytes. */
export const MAX_RECORD_BYTES = 32 * 1024 * 1024;

const time = z.number();
const maybe = z.number().nullable();
const check = z.object({ name: z.string(), ok: z.boolean().nullable(), detail: z.string() });
const verdict = z.enum(['pass', 'fail', 'could-not-run']);
const named = z.object({ name: z.string(), value: z.string() });
const lane = z.enum(['leader', 'voter', 'learner', 'down', 'rebuilding']);

const recordSchema = z.object({
  drillId: z.string().regex(/^\d{4}-\d{2}-\d{2}-[0-9a-f]{4,16}$/),
  scenario: z.string(),
  engine: z.string(),
  seed: z.string(),
  verdict,
  rtoMs: maybe,
  rpo: z.object({ acknowledged: z.int().min(0), lost: z.int().min(0).nullable(), duplicated: z.int().min(0).nullable() }),
  objectives: z.array(z.object({ name: z.enum(['rtoMs', 'rpoLost', 'rpoDuplicated', 'electionMs', 'failureRatePercent', 'replicaLag']), limit: z.number(), measured: maybe, ok: z.boolean(), from: z.string(), to: z.string(), clock: z.string() })),
  phases: z.array(z.object({ name: z.string(), startedAt: z.string(), durationMs: time, ok: z.boolean() })),
  checks: z.array(check),
  followUps: z.array(z.object({ id: z.string(), text: z.string(), owner: z.string().nullable(), openedAt: z.string(), due: z.string().nullable(), state: z.enum(['open', 'closed']) })),
  version: z.literal(1),
  tool: z.string(),
  startedAt: z.iso.datetime(),
  durationMs: time,
  title: z.string(),
  service: z.string().nullable(),
  environment: z.string().nullable(),
  nodes: z.int().min(1),
  electionMs: maybe,
  failureRatePercent: maybe,
  replicaLag: maybe,
  problem: z.string().nullable(),
  statement: z.array(z.string()),
  timeline: z.object({
    zeroAt: z.iso.datetime(),
    zeroIs: z.string(),
    fromMs: time,
    toMs: time,
    phases: z.array(z.object({ name: z.string(), fromMs: time, toMs: time, ok: z.boolean() })),
    lanes: z.array(z.object({ member: z.string(), spans: z.array(z.object({ state: lane, fromMs: time, toMs: time })) })),
    bucketMs: z.number().positive(),
    writes: z.array(z.object({ atMs: time, acknowledged: z.int().min(0), failed: z.int().min(0) })),
    ticks: z.array(z.object({ n: z.int(), atMs: time, kind: z.enum(['command', 'fault']), label: z.string(), step: z.int().nullable() })),
    brackets: z.array(z.object({ name: z.string(), fromMs: time, toMs: time, fromEvent: z.string(), toEvent: z.string() })),
  }),
  steps: z.array(z.object({ n: z.int(), command: z.string(), atMs: time, durationMs: time, exit: z.int(), by: z.enum(['hand', 'automatic']), ok: z.boolean() })),
  decision: z.array(z.string()),
  drillFile: z.string(),
  provenance: z.array(named),
  artefacts: z.array(z.object({ name: z.string(), sha256: z.string() })),
  controls: z.array(z.string()),
});

/**
 * Reads the record of a drill.
 * @throws {UnreadableError} When the file cannot be read. @throws {CorruptDataError} When it is no record, or of a newer version.
 */
export function readRecord(file: string): DrillRecord {
  const text = readSmallFile(file, MAX_RECORD_BYTES);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new CorruptDataError(file, 0, `is no JSON: ${(cause as Error).message}`, 'Records are written by drill run: record.json, or a file of the history', { cause });
  }
  const version = (document as { version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > 1) throw new UnreadableError(file, `is a record of version ${version}; this tool reads version 1`, 'Use a newer raft-inspector');
  const parsed = recordSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new CorruptDataError(file, 0, `is no record of a drill: ${issue?.path.map(String).join('.') || 'it'}: ${issue?.message ?? 'not one'}`, 'Records are written by drill run: record.json, or a file of the history');
}
