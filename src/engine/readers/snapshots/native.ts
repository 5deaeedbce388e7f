import path from 'node:path';
import { learnersOf, votersOf } from '../../core/configuration.ts';
import { StorageDamagedError } from '../../ports/damage.ts';
import type { SnapshotManifest } from '../../ports/snapshot-files.ts';
import { decodeRecord } from '../../native/kv-record.ts';
import { KvStateHash } from '../../native/kv-state-hash.ts';
import { readKvStream } from '../../native/kv-stream.ts';
import { CHUNK_OVERHEAD_BYTES, chunkOffset, decodeChunk, PART_SUFFIX, SNAPSHOT_SUFFIX } from '../../native/snapshot-layout.ts';
import { CHUNK_BYTES } from '../../native/snapshot-manifest.ts';
import type { FileSource } from '../file-source.ts';
import { checkSnapshotFile } from '../native/snapshot-check.ts';
import { blankReport, CheckList, concluded, type Verified } from './check-list.ts';
import type { VerifyOptions } from './options.ts';

/**
 * A snapshot file of our own engine: trailer, manifest, the checksum of each chunk and SHA-256 over all; the kv content is counted,
 * and in a trial restore its digest is computed anew.
 */
export async function verifyNativeSnapshot(source: FileSource, file: string, options: VerifyOptions = {}): Promise<Verified> {
  const list = new CheckList(source.name);
  const { manifest, problems } = checkSnapshotFile(source);
  options.progress?.(source.size, source.size, source.name);
  const blank = blankReport(file, 'native', source.size);
  if (source.name.endsWith(PART_SUFFIX)) list.note('snapshot-unfinished', 'warn', 'is named as one that was being written or received', 'Nothing to do: the member goes on with it, or removes it');
  for (const { check, byteOffset, problem } of problems) list.fail(check, problem, byteOffset);
  if (manifest === null) return concluded(blank, list);
  if (problems.length === 0) {
    list.pass('manifest', `cluster ${manifest.clusterId}, generation ${manifest.generation}, machine ${manifest.machine}`);
    list.pass('chunks', `the checksums of ${manifest.chunks} chunks hold`);
    list.pass('sha256', 'the SHA-256 of the content is that of the manifest');
    checkName(list, path.basename(file), manifest);
  }
  const keys = problems.length === 0 && manifest.machine === 'kv' ? await countKeys(source, manifest, list, options.depth === 'restore') : null;
  if (options.depth === 'restore' && problems.length === 0 && manifest.machine !== 'kv') list.unknown('trial-restore', `the state machine ${manifest.machine} is not known to this tool`, 'Restore it into a new member of that service to be sure');
  const { configuration } = manifest.configuration;
  const report = {
    ...blank,
    term: manifest.term,
    index: manifest.index,
    confState: { voters: votersOf(configuration), learners: learnersOf(configuration) },
    parts: keys === null ? [] : [{ type: 'keys', count: keys.keys, bytes: manifest.bytes }],
    state: { revision: keys?.revision ?? null, keys: keys?.keys ?? null, hash: manifest.stateHash },
    formatVersion: manifest.version,
    takenAt: new Date(Math.min(manifest.takenAtMs, 253_402_300_799_999)).toISOString(),
  };
  return concluded(report, list);
}

/** A member finds a snapshot by its id, which is the file's name. A copy may have any other name. */
function checkName(list: CheckList, name: string, manifest: SnapshotManifest): void {
  const named = name.endsWith(SNAPSHOT_SUFFIX) ? name.slice(0, -SNAPSHOT_SUFFIX.length) : '';
  if (!/^\d+-\d+-[0-9a-f]{16}$/.test(named)) return;
  if (named === manifest.id) list.pass('name', 'the name agrees with the content');
  else list.fail('name', `the name says ${named}, the content ${manifest.id}`, 0, { fix: 'Put the file back under the name its content asks for' });
}

async function countKeys(source: FileSource, manifest: SnapshotManifest, list: CheckList, isTrial: boolean): Promise<{ keys: number; revision: number } | null> {
  const hash = KvStateHash.empty();
  let [keys, revision] = [0, 0];
  try {
    for await (const record of readKvStream(chunksOf(source, manifest))) {
      const pair = decodeRecord(`snapshot ${manifest.id}`, new Uint8Array(), record);
      if (isTrial) hash.add(pair.key, pair.value, pair.revision);
      keys++;
      revision = Math.max(revision, pair.revision);
    }
  } catch (error) {
    if (!(error instanceof StorageDamagedError || error instanceof RangeError)) throw error;
    list.fail('content', `record ${keys + 1} of the content does not decode: ${error.message}`, chunkOffset(0));
    return null;
  }
  if (revision > manifest.index) list.fail('content', `a key was written at ${revision}, the snapshot ends at ${manifest.index}`, chunkOffset(0));
  else list.pass('content', `${keys} keys, none newer than index ${manifest.index}`);
  if (isTrial && hash.toString() === manifest.stateHash) list.pass('trial-restore', `${keys} keys restored, their digest is the manifest's`);
  else if (isTrial) list.fail('trial-restore', `${keys} keys give the state hash ${hash.toString().slice(0, 16)}…, the manifest says ${manifest.stateHash.slice(0, 16)}…`, chunkOffset(0));
  return { keys, revision };
}

async function* chunksOf(source: FileSource, manifest: SnapshotManifest): AsyncGenerator<Uint8Array> {
  for (let number = 0; number < manifest.chunks; number++) {
    const bytes = Math.min(CHUNK_BYTES, manifest.bytes - number * CHUNK_BYTES);
    const chunk = decodeChunk(source.read(chunkOffset(number), CHUNK_OVERHEAD_BYTES + bytes), number);
    if (!chunk.ok) throw new RangeError(chunk.problem);
    yield chunk.value;
  }
}
