import type { Identity, NamedSnapshot } from '../ports/storage.ts';
import { placedConfigurationFromJson, placedConfigurationToJson } from './configuration-json.ts';
import { decoded, undecodable, type Decoded } from './decoded.ts';
import { FieldError, Fields, parseFields } from './json-fields.ts';
import { FORMAT_VERSION } from './layout.ts';
import { MAX_ID_BYTES } from './position-records.ts';
import { frameRecord, unframeRecord, type RecordType } from './record-frame.ts';
import { isSnapshotId } from './snapshot-manifest.ts';

/** Snapshots named at one time: the newest, and the one before it. */
export const MAX_NAMED_SNAPSHOTS = 2;

/** Records whose body is a JSON object in UTF-8: few, small, and readable in a hex dump by whoever has nothing else. */
const FORMAT_NAME = 'raft-inspector';

/** Format (type 1): `{"format":"raft-inspector","version":1}`. */
export function encodeFormat(): Buffer {
  return frameJson('format', { format: FORMAT_NAME, version: FORMAT_VERSION });
}

export function decodeFormat(bytes: Uint8Array): Decoded<{ readonly version: number }> {
  const format = readJson('format', bytes, (fields) => {
    fields.constant('format', FORMAT_NAME);
    return { version: fields.counter('version') };
  });
  if (!format.ok || format.value.version === FORMAT_VERSION) return format;
  if (format.value.version === 0) return undecodable('record-invalid', 'format version 0');
  return undecodable('record-newer', `the store has format version ${format.value.version}, this software reads up to ${FORMAT_VERSION}`);
}

/** Identity (type 2): `{clusterId, generation, memberId, name, machine}`. Written once, by `node init` or a recovery. */
export function encodeIdentity(identity: Identity): Buffer {
  const { clusterId, generation, memberId, name, machine } = identity;
  const record = frameJson('identity', { clusterId, generation, memberId, name, machine });
  const check = decodeIdentity(record);
  if (!check.ok) throw new RangeError(check.problem);
  return record;
}

export function decodeIdentity(bytes: Uint8Array): Decoded<Identity> {
  return readJson('identity', bytes, (fields) => ({
    clusterId: fields.text('clusterId', { maxBytes: MAX_ID_BYTES }),
    generation: fields.counter('generation'),
    memberId: fields.text('memberId', { maxBytes: MAX_ID_BYTES }),
    name: fields.text('name', { maxBytes: MAX_ID_BYTES, mayBeEmpty: true }),
    machine: fields.text('machine', { maxBytes: MAX_ID_BYTES }),
  }));
}

/** Snapshot names (type 6): `{"snapshots":[{id, index, term, chainHash, configuration}]}`, newest first, at most two. */
export function encodeSnapshotNames(snapshots: readonly NamedSnapshot[]): Buffer {
  const record = frameJson('snapshots', {
    snapshots: snapshots.map(({ id, index, term, chainHash, configuration }) => ({ id, index, term, chainHash, configuration: placedConfigurationToJson(configuration) })),
  });
  const check = decodeSnapshotNames(record);
  if (!check.ok) throw new RangeError(check.problem);
  return record;
}

export function decodeSnapshotNames(bytes: Uint8Array): Decoded<readonly NamedSnapshot[]> {
  return readJson('snapshots', bytes, (fields) => {
    const names = fields.list('snapshots', MAX_NAMED_SNAPSHOTS).map((one) => nameFromJson(new Fields(one, 'snapshot name')));
    const [newer, older] = names;
    if (newer !== undefined && older !== undefined && (older.index >= newer.index || older.term > newer.term)) throw new FieldError('snapshot names are not newest first');
    return names;
  });
}

function nameFromJson(fields: Fields): NamedSnapshot {
  const name: NamedSnapshot = {
    id: fields.text('id', { maxBytes: 64 }),
    index: fields.counter('index'),
    term: fields.counter('term'),
    chainHash: fields.text('chainHash', { maxBytes: 32, pattern: /^[0-9a-f]{32}$/ }),
    configuration: placedConfigurationFromJson(fields.fields('configuration')),
  };
  fields.end();
  if (!isSnapshotId(name.id) || !name.id.startsWith(`${name.term}-${name.index}-`)) throw new FieldError(`snapshot id ${name.id} does not fit term ${name.term} and index ${name.index}`);
  if (name.index === 0 || name.configuration.index > name.index) throw new FieldError(`snapshot ${name.id} has a configuration of index ${name.configuration.index}`);
  return name;
}

/** A record whose body is one JSON object. */
export function frameJson(type: RecordType, value: object): Buffer {
  return frameRecord(type, Buffer.from(JSON.stringify(value)));
}

/** Its fields, each taken once; what is wrong with one makes the record invalid. */
export function readJson<T>(type: RecordType, bytes: Uint8Array, read: (fields: Fields) => T): Decoded<T> {
  const body = unframeRecord(type, bytes);
  if (!body.ok) return body;
  try {
    const fields = parseFields(body.value, type);
    const value = read(fields);
    fields.end();
    return decoded(value);
  } catch (error) {
    if (error instanceof FieldError) return undecodable('record-invalid', error.message);
    throw error;
  }
}
