import { createHash } from 'node:crypto';
import type { SnapshotManifest } from '../../ports/snapshot-files.ts';
import { BODY_OFFSET } from '../../native/record-frame.ts';
import {
  checkSnapshotHeader,
  CHUNK_OVERHEAD_BYTES,
  chunkOffset,
  decodeChunk,
  decodeManifestRecord,
  decodeTrailer,
  SNAPSHOT_HEADER_BYTES,
  TRAILER_BYTES,
} from '../../native/snapshot-layout.ts';
import { CHUNK_BYTES } from '../../native/snapshot-manifest.ts';
import type { FileSource } from '../file-source.ts';

/** Something in a snapshot file that does not hold. */
export interface SnapshotProblem {
  readonly check: 'trailer' | 'manifest' | 'chunks' | 'sha256';
  readonly byteOffset: number;
  readonly problem: string;
}

export interface CheckedSnapshot {
  /** Null when it cannot be read: then nothing else can be checked. */
  readonly manifest: SnapshotManifest | null;
  readonly problems: readonly SnapshotProblem[];
}

/**
 * Verifies a snapshot file: header, trailer, manifest, each chunk's checksum, and the SHA-256 of the content. Holds one chunk.
 * @param content Takes the content in pieces, in order, as long as every chunk so far holds.
 */
export function checkSnapshotFile(source: FileSource, content: (piece: Buffer) => void = () => {}): CheckedSnapshot {
  const problems: SnapshotProblem[] = [];
  const bad = (check: SnapshotProblem['check'], byteOffset: number, problem: string): CheckedSnapshot => {
    problems.push({ check, byteOffset, problem });
    return { manifest: null, problems };
  };
  const header = checkSnapshotHeader(source.read(0, SNAPSHOT_HEADER_BYTES));
  if (!header.ok) problems.push({ check: 'chunks', byteOffset: 0, problem: header.problem });
  const trailerAt = Math.max(0, source.size - TRAILER_BYTES);
  const trailer = decodeTrailer(source.read(trailerAt, TRAILER_BYTES), source.size);
  if (!trailer.ok) return bad('trailer', trailerAt, trailer.problem);
  const { manifestOffset, manifestBytes } = trailer.value;
  const manifest = decodeManifestRecord(source.read(manifestOffset, manifestBytes), manifestOffset);
  if (!manifest.ok) return bad('manifest', manifestOffset, manifest.problem);
  checkContent(source, manifest.value, content, problems);
  return { manifest: manifest.value, problems };
}

/** Every chunk is looked at, whatever the ones before it were: each bad one is named. */
function checkContent(source: FileSource, manifest: SnapshotManifest, content: (piece: Buffer) => void, problems: SnapshotProblem[]): void {
  const hash = createHash('sha256');
  for (let number = 0; number < manifest.chunks; number++) {
    const bytes = Math.min(CHUNK_BYTES, manifest.bytes - number * CHUNK_BYTES);
    const at = chunkOffset(number);
    const raw = source.read(at, CHUNK_OVERHEAD_BYTES + bytes);
    const chunk = decodeChunk(raw, number);
    if (!chunk.ok) problems.push({ check: 'chunks', byteOffset: at, problem: chunk.problem });
    const piece = chunk.ok ? chunk.value : raw.subarray(BODY_OFFSET + 4, Math.max(BODY_OFFSET + 4, raw.length - 4));
    hash.update(piece);
    if (problems.length === 0) content(piece);
  }
  const digest = hash.digest('hex');
  if (digest !== manifest.sha256) {
    problems.push({ check: 'sha256', byteOffset: SNAPSHOT_HEADER_BYTES, problem: `the content has sha256 ${digest.slice(0, 16)}…, the manifest says ${manifest.sha256.slice(0, 16)}…` });
  }
}
