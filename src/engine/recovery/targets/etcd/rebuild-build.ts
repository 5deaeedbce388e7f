import fs from 'node:fs';
import path from 'node:path';
import { CorruptDataError } from '../../../errors.ts';
import { syncDirectory } from '../../../files/new-file.ts';
import type { MemberReading } from '../../../model/reading.ts';
import { etcdReader } from '../../../readers/etcd/reader.ts';
import type { BucketEdit } from '../../../writers/bbolt/edit.ts';
import { confStateJson, memberJson } from '../../../writers/etcd/member-json.ts';
import { encodeNormalEntry } from '../../../writers/etcd/raft-messages.ts';
import { writeSnapFile } from '../../../writers/etcd/snap-file.ts';
import { v2StoreJson } from '../../../writers/etcd/v2-store.ts';
import { writeSegment } from '../../../writers/etcd/wal-segment.ts';
import type { BuildRequest } from '../target.ts';
import { buildDb, bumpEdits } from './bump.ts';
import type { RebuildParameters } from './parameters.ts';
import { rebuiltFiles } from './rebuild-changes.ts';

/** `meta/confState` and the configuration in the log's snapshot record exist since 3.5. */
const FIRST_MINOR_WITH_CONF_STATE = 5;

export async function buildRebuild({ dataDir, into, parameters: given, progress }: BuildRequest): Promise<void> {
  const parameters = (await import('./parameters.ts')).rebuildSchema.parse(given);
  const { member, snapshot, clusterId, keepTo, term, minor, removed, version, bump } = parameters;
  const reading = etcdReader.read(dataDir, { depth: 'log', ...(progress ? { progress } : {}) });
  const { wal, snap, db } = rebuiltFiles(parameters);
  for (const directory of [parameters.walDir, parameters.snapDir]) fs.mkdirSync(path.join(into, directory), { recursive: true, mode: 0o700 });
  const confState = { voters: [member.id], learners: [] };
  writeSnapFile(path.join(into, snap), snapshot, confState, v2StoreJson(member, removed, version));
  writeSegment(path.join(into, wal), {
    memberId: member.id,
    clusterId,
    snapshots: [{ position: snapshot, confState: minor >= FIRST_MINOR_WITH_CONF_STATE ? confState : null }],
    entries: entriesOf(reading, snapshot.index + 1, keepTo),
    hardState: { term, vote: member.id, commit: keepTo },
  });
  await buildDb(path.join(dataDir, parameters.dbFrom), path.join(into, db), [...memberEdits(parameters), ...(bump ? bumpEdits(bump.revision) : [])]);
  for (const directory of [parameters.walDir, parameters.snapDir]) syncDirectory(path.join(into, directory));
}

/** The entries as they are; membership changes become empty ones of the same term and index. */
function* entriesOf(reading: MemberReading, from: number, to: number): Generator<Buffer> {
  let next = from;
  if (from > to) return;
  for (const record of reading.records({ from, to })) {
    if (record.type === 'damage') continue; // around the range; a hole in it shows in the next line
    if (record.index !== next) throw new CorruptDataError(record.file, record.byteOffset, `entry ${next} was expected`, 'Make a new plan: the directory has moved on');
    next++;
    yield encodeNormalEntry(record, record.kind === 'confChange' ? Buffer.alloc(0) : record.data);
  }
  if (next <= to) throw new CorruptDataError('the write-ahead log', 0, `it ends before entry ${next}`, 'Make a new plan: the directory has moved on');
}

function memberEdits({ member, removed, minor }: RebuildParameters): BucketEdit[] {
  const edits: BucketEdit[] = [
    { bucket: 'members', kind: 'replace', items: [[member.id, memberJson(member)]] },
    { bucket: 'members_removed', kind: 'replace', items: removed.map((id) => [id, 'removed'] as const) },
  ];
  if (minor >= FIRST_MINOR_WITH_CONF_STATE) edits.push({ bucket: 'meta', kind: 'set', items: [['confState', confStateJson(member.id)]] });
  return edits;
}
