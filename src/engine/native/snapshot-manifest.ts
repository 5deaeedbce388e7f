import type { ParseManifest, SnapshotHead, SnapshotManifest } from '../ports/snapshot-files.ts';
import { placedConfigurationFromJson, placedConfigurationToJson } from './configuration-json.ts';
import { FieldError, parseFields } from './json-fields.ts';
import { MAX_ID_BYTES } from './position-records.ts';

/** Content bytes of a whole chunk. */
export const CHUNK_BYTES = 1024 * 1024;
/** Largest manifest, in bytes of JSON: bounded by the longest configuration. */
export const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;

const HEX_64 = /^[0-9a-f]{64}$/;
const HEX = /^[0-9a-f]*$/;
const SNAPSHOT_ID = /^\d{1,16}-\d{1,16}-[0-9a-f]{16}$/;

/** `<term>-<index>-<first 16 of sha256>`. */
export function snapshotId(head: { readonly term: number; readonly index: number }, sha256: string): string {
  return `${head.term}-${head.index}-${sha256.slice(0, 16)}`;
}

/** Ids become file names, so their form is checked before any path is made of one. */
export function isSnapshotId(id: string): boolean {
  return SNAPSHOT_ID.test(id);
}

/** Completes a head by what only the written content tells. */
export function manifestOf(head: SnapshotHead, content: { readonly bytes: number; readonly sha256: string }): SnapshotManifest {
  return {
    ...head,
    version: 1,
    id: snapshotId(head, content.sha256),
    bytes: content.bytes,
    chunkBytes: CHUNK_BYTES,
    chunks: Math.ceil(content.bytes / CHUNK_BYTES),
    sha256: content.sha256,
    base: null,
    sessions: null,
  };
}

/** UTF-8 JSON, fields in one order: equal manifests have equal bytes. */
export function encodeManifest(manifest: SnapshotManifest): Buffer {
  const { version, id, clusterId, generation, machine, index, term, chainHash, configuration, featureLevel, stateHash, takenAtMs } = manifest;
  const { bytes, chunkBytes, chunks, sha256, base, sessions } = manifest;
  const json = { version, id, clusterId, generation, machine, index, term, chainHash, configuration: placedConfigurationToJson(configuration) };
  return Buffer.from(JSON.stringify({ ...json, featureLevel, stateHash, takenAtMs, bytes, chunkBytes, chunks, sha256, base, sessions }));
}

/** Reads a manifest of a file or a peer. @throws {RangeError} When it is none, or contradicts itself. */
export const parseManifest: ParseManifest = (bytes) => {
  if (bytes.length > MAX_MANIFEST_BYTES) throw new RangeError(`manifest of ${bytes.length} bytes, limit ${MAX_MANIFEST_BYTES}`);
  try {
    return manifestFromJson(bytes);
  } catch (error) {
    if (error instanceof FieldError) throw new RangeError(error.message, { cause: error });
    throw error;
  }
};

function manifestFromJson(bytes: Uint8Array): SnapshotManifest {
  const fields = parseFields(bytes, 'manifest');
  const manifest: SnapshotManifest = {
    version: fields.constant('version', 1),
    id: fields.text('id', { maxBytes: 64, pattern: SNAPSHOT_ID }),
    clusterId: fields.text('clusterId', { maxBytes: MAX_ID_BYTES }),
    generation: fields.counter('generation'),
    machine: fields.text('machine', { maxBytes: MAX_ID_BYTES }),
    index: fields.counter('index'),
    term: fields.counter('term'),
    chainHash: fields.text('chainHash', { maxBytes: 32, pattern: /^[0-9a-f]{32}$/ }),
    configuration: placedConfigurationFromJson(fields.fields('configuration')),
    featureLevel: fields.counter('featureLevel'),
    stateHash: fields.text('stateHash', { maxBytes: 128, pattern: HEX, mayBeEmpty: true }),
    takenAtMs: fields.counter('takenAtMs'),
    bytes: fields.counter('bytes'),
    chunkBytes: fields.constant('chunkBytes', CHUNK_BYTES),
    chunks: fields.counter('chunks'),
    sha256: fields.text('sha256', { maxBytes: 64, pattern: HEX_64 }),
    base: fields.constant('base', null),
    sessions: fields.constant('sessions', null),
  };
  fields.end();
  const { id, term, index, chunks, configuration } = manifest;
  if (id !== snapshotId(manifest, manifest.sha256)) throw new FieldError(`manifest: id ${id} does not fit term ${term}, index ${index} and sha256`);
  if (index === 0) throw new FieldError('manifest: index 0');
  if (chunks !== Math.ceil(manifest.bytes / CHUNK_BYTES)) throw new FieldError(`manifest: ${chunks} chunks cannot hold ${manifest.bytes} bytes`);
  if (configuration.index > index) throw new FieldError(`manifest: a configuration of index ${configuration.index} in a snapshot of index ${index}`);
  return manifest;
}
