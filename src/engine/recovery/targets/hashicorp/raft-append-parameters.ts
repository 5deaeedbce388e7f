import { z } from 'zod';

const counter = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

/** A path below the data directory that cannot lead out of it. */
export const insidePath = z.string().min(1).max(4096).refine((name) => !name.startsWith('/') && !name.split('/').includes('..'), 'leads out of the data directory');

export const serverSchema = z.strictObject({ id: z.string().min(1), address: z.string().min(1), suffrage: z.literal(0) });
export const keptLogSchema = z.strictObject({ from: counter, entries: counter, sha256: z.string().length(64) });
export const positionSchema = z.strictObject({ term: counter, index: counter });

export const walChangeSchema = z.strictObject({
  segment: z.strictObject({ file: insidePath, baseIndex: counter, id: counter, codec: counter, sizeLimit: counter, keepTo: counter.nullable() }),
  list: z.strictObject({ NextSegmentID: counter, Segments: z.array(z.record(z.string(), z.unknown())) }).nullable(),
  removed: z.array(insidePath),
  firstKept: counter,
});

/** Where the log and the stable store lie, below the data directory; `*Lost`: the file is missing or cannot be read and is made new. */
export const storeFilesSchema = z.strictObject({ log: insidePath, stable: insidePath, logLost: z.boolean(), stableLost: z.boolean() });

/** All that a rewritten log needs, whichever store it lies in. */
export const logEditSchema = z.discriminatedUnion('store', [
  z.strictObject({ store: z.literal('raft-boltdb'), files: storeFilesSchema }),
  z.strictObject({ store: z.literal('raft-wal'), directory: insidePath, meta: insidePath, change: walChangeSchema }),
]);
export type LogEdit = z.output<typeof logEditSchema>;

export const raftAppendSchema = z.strictObject({
  server: serverSchema,
  /** The last entry that is kept. */
  kept: positionSchema,
  keptLog: keptLogSchema,
  coveredTo: counter,
  /** Of the configuration entry; becomes the current term as well. */
  term: counter,
  appendedAt: z.enum(['absent', 'binary', 'timestamp', 'timestamp-ext', 'nil']),
  unixMs: counter,
  edit: logEditSchema,
});
export type RaftAppendParameters = z.output<typeof raftAppendSchema>;
