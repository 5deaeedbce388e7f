import { z } from 'zod';

const counter = z.int().nonnegative();
const id = z.string().regex(/^[0-9a-f]{1,16}$/);
const text = z.string().max(65_536);
/** Below the data directory, never out of it. */
const below = z.string().max(4096).refine((one) => !one.startsWith('/') && !one.split('/').includes('..'), 'leads out of the data directory');

/** Adds to the db's revision: one empty revision behind the last one, and a mark that all before it is compacted. */
const bumpSchema = z.strictObject({ db: below, revision: counter.min(2) });

const changeSchema = z.strictObject({ index: counter, type: z.enum(['add-voter', 'remove', 'update', 'add-learner']), id, context: text.nullable() });

/** What building an append plan needs: where the whole records of the newest segment end, and what comes behind them. */
export const appendSchema = z.strictObject({
  tail: below,
  endOffset: counter,
  crc: counter,
  term: counter,
  vote: id.nullable(),
  commit: counter,
  changes: z.array(changeSchema).min(1).max(10_000),
  bump: bumpSchema.nullable(),
});

const memberSchema = z.strictObject({ id, name: text.nullable(), peerUrls: z.array(text).max(100), clientUrls: z.array(text).max(100) });

/** What building a rebuild plan needs, besides the entries that it takes out of the old log. */
export const rebuildSchema = z.strictObject({
  walDir: below,
  snapDir: below,
  db: below,
  /** The db that becomes `db`: itself, or one received from a leader and not yet swapped in. */
  dbFrom: below,
  clusterId: id,
  snapshot: z.strictObject({ term: counter, index: counter }),
  /** Last entry taken over; equal to the snapshot's index when there is none. */
  keepTo: counter,
  term: counter,
  version: text.nullable(),
  minor: z.int(),
  member: memberSchema,
  removed: z.array(id).max(10_000),
  bump: bumpSchema.nullable(),
});

export type BumpParameters = z.infer<typeof bumpSchema>;
export type AppendParameters = z.infer<typeof appendSchema>;
export type RebuildParameters = z.infer<typeof rebuildSchema>;
