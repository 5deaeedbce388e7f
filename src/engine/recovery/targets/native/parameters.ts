import { z } from 'zod';
import { RefusedError } from '../../../errors.ts';
import type { NativeBootstrap } from '../../../storage/bootstrap.ts';

const counter = z.int().min(0);
const id = z.string().min(1).max(1024);
const lineageMember = { clusterId: id, generation: counter, memberId: id };

const schema = z.strictObject({
  from: z.strictObject(lineageMember),
  to: z.strictObject({ ...lineageMember, name: z.string().max(1024) }),
  address: z.string().min(1).max(255).nullable(),
  term: counter,
  keepTo: counter,
  wallClockMs: counter,
  why: z.strictObject({ planId: id, at: id, source: id, floor: counter, verdict: id, proof: id, statement: z.string(), facts: z.array(z.string()).readonly() }),
  /** Chain hash of the last entry kept, lower-case hex: two logs with equal hashes are equal up to it. Null: the log begins behind it. */
  keptChain: z.string().regex(/^[0-9a-f]{32}$/).nullable(),
  /** Commit index of the source, as the plan saw it. */
  commitBefore: counter,
});

/** What a plan of kind `native` keeps to build and check by. */
export interface NativeParameters extends NativeBootstrap {
  readonly keptChain: string | null;
  readonly commitBefore: number;
}

/** A plan comes from a file: what it says is looked at before it is done. @throws {RefusedError} `bad-plan`. */
export function readParameters(raw: Readonly<Record<string, unknown>>): NativeParameters {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new RefusedError('bad-plan', `the plan's parameters are not those of a native recovery (${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unknown'})`, 'Make the plan anew with this version');
}
