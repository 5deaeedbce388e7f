import { z } from 'zod';
import type { Bolt } from '../bbolt/types.ts';

/** raft-wal v0.4.2 metadb/metadb.go; its README calls the bucket `wal-state`, the code does not. */
export const META_FILE = 'wal-meta.db';
const META_BUCKET = 'wal-meta';
const META_KEY = 'm';
const MAX_SEGMENTS = 1_000_000;
const UNSEALED = '0001-01-01T00:00:00Z';

const counter = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const segmentSchema = z
  .object({
    ID: counter,
    BaseIndex: counter,
    MinIndex: counter,
    MaxIndex: counter,
    Codec: counter,
    IndexStart: counter,
    CreateTime: z.string(),
    SealTime: z.string(),
    SizeLimit: counter,
  })
  .transform((s) => ({ ...s, sealed: s.SealTime !== UNSEALED, file: segmentFileName(s.BaseIndex, s.ID) }));
const metaSchema = z.object({ NextSegmentID: counter, Segments: z.array(segmentSchema).max(MAX_SEGMENTS).nullable() });

/** One line of the segment list. `MinIndex` above `BaseIndex`: the front was truncated; `MaxIndex` counts once sealed. */
export type SegmentInfo = z.output<typeof segmentSchema>;

export function segmentFileName(baseIndex: number, id: number): string {
  return `${String(baseIndex).padStart(20, '0')}-${id.toString(16).padStart(16, '0')}.wal`;
}

/** `%020d-%016x.wal`, null for any other name. */
export function parseSegmentFileName(name: string): { baseIndex: number; id: number } | null {
  const [, base, id] = /^(\d{20})-([0-9a-f]{16})\.wal$/.exec(name) ?? [];
  if (base === undefined || id === undefined) return null;
  const parsed = { baseIndex: Number(base), id: Number.parseInt(id, 16) };
  return Number.isSafeInteger(parsed.baseIndex) && Number.isSafeInteger(parsed.id) ? parsed : null;
}

/** The segment list as the library loads it; a string tells why there is none. @throws {CorruptDataError} From the bolt pages. */
export function readSegmentList(bolt: Bolt): SegmentInfo[] | string {
  const value = bolt.bucket(META_BUCKET)?.get(META_KEY) ?? null;
  if (value === null) return 'it holds no segment list';
  let json: unknown;
  try {
    json = JSON.parse(value.toString('utf8'));
  } catch {
    return 'its segment list is not JSON';
  }
  const parsed = metaSchema.safeParse(json);
  if (!parsed.success) return `its segment list is not one: ${parsed.error.issues[0]?.path.join('.')} ${parsed.error.issues[0]?.message}`;
  return listProblem(parsed.data.Segments ?? []) ?? parsed.data.Segments ?? [];
}

/** Only the last segment may be unsealed, and each begins where the one before ends. */
function listProblem(segments: readonly SegmentInfo[]): string | null {
  for (const [at, segment] of segments.entries()) {
    const next = segments[at + 1];
    if (next === undefined) break;
    if (!segment.sealed) return `segment ${segment.file} is not sealed and not the last`;
    if (segment.MaxIndex + 1 !== next.BaseIndex) return `segment ${segment.file} ends at ${segment.MaxIndex}, the next begins at ${next.BaseIndex}`;
  }
  return null;
}

/**
 * The list as the file names tell it, for a lost wal-meta.db. In order of creation (id); a segment ends where the next one
 * begins (a tail truncation leaves entries behind that are no longer valid), the last one is the tail.
 */
export function guessSegmentList(names: readonly string[]): SegmentInfo[] {
  const found = names.flatMap((file) => {
    const parsed = parseSegmentFileName(file);
    return parsed ? [{ ...parsed, file }] : [];
  });
  found.sort((a, b) => a.id - b.id);
  const list: SegmentInfo[] = [];
  for (const { baseIndex, id, file } of found) {
    while ((list.at(-1)?.BaseIndex ?? -1) >= baseIndex) list.pop();
    const before = list.at(-1);
    if (before) Object.assign(before, { MaxIndex: baseIndex - 1, sealed: true });
    list.push({ ID: id, BaseIndex: baseIndex, MinIndex: baseIndex, MaxIndex: 0, Codec: 1, IndexStart: 0, CreateTime: '', SealTime: UNSEALED, SizeLimit: 0, sealed: false, file });
  }
  return list;
}
