import path from 'node:path';
import { CorruptDataError, InspectorError, UnreadableError } from '../../errors.ts';
import { finding, type Finding } from '../../model/finding.ts';
import type { ReadOptions, StoreReader } from '../../model/reading.ts';
import { BoltFile } from '../bbolt/file.ts';
import { FileSource } from '../file-source.ts';
import { boltFindings } from '../hashicorp/bolt-findings.ts';
import { findLayout, type RaftLayout } from '../hashicorp/layout.ts';
import type { StoreParts } from '../hashicorp/log-store.ts';
import { readMember } from '../hashicorp/member-report.ts';
import { lostStableState, readStableState, type StableState } from '../hashicorp/stable-store.ts';
import { BoltLog, LOGS_BUCKET } from './bolt-log.ts';

const STABLE_BUCKET = 'conf';

/** hashicorp/raft with raft-boltdb v1 or v2: one Bolt file, or one each for log and stable store. */
export const raftBoltdbReader: StoreReader = {
  store: 'raft-boltdb',
  title: 'hashicorp/raft on raft-boltdb (Consul, Nomad, Vault, rqlite): raft.db, or raft-log.db and raft-stable.db, and file snapshots',
  looksFor: ['raft.db', 'raft-log.db', 'raft-stable.db', 'raft/raft.db', 'server/raft/raft.db', 'a Bolt file with the buckets logs and conf'],
  detect: (place) => findLayout(place)?.store === 'raft-boltdb',
  read(place, options) {
    const layout = findLayout(place);
    if (layout?.store !== 'raft-boltdb') throw new UnreadableError(place, 'holds no raft-boltdb store');
    const findings: Finding[] = [];
    return readMember(layout, readParts(layout, findings, options), findings, options);
  },
};

function readParts(layout: RaftLayout, findings: Finding[], options: ReadOptions): StoreParts {
  const parts: StoreParts = { log: null, stable: lostStableState('not read'), refusal: null, torn: false, damaged: false, files: [] };
  const files = [...new Set([layout.log, layout.stable])];
  for (const file of files) {
    try {
      readFile(layout, file, parts, findings, options);
    } catch (error) {
      if (!(error instanceof InspectorError)) throw error;
      lostFile(layout, file, error, parts, findings);
    }
  }
  return parts;
}

function readFile(layout: RaftLayout, file: string, parts: StoreParts, findings: Finding[], options: ReadOptions): void {
  using source = FileSource.open(path.join(layout.root, file), file);
  parts.files.push(source);
  const bolt = BoltFile.open(source);
  const state = boltFindings(bolt, file, options, findings);
  parts.torn ||= state.torn;
  parts.damaged ||= state.damaged;
  if (file === layout.stable) parts.stable = stableOf(bolt);
  if (file !== layout.log) return;
  if (bolt.bucket(LOGS_BUCKET) === null) throw new CorruptDataError(file, 0, 'it has no bucket logs');
  parts.log = new BoltLog(layout.root, file);
  noteSecondHalf(bolt, layout, findings);
}

function stableOf(bolt: BoltFile): StableState {
  try {
    return readStableState(bolt.bucket(STABLE_BUCKET), 'big-endian');
  } catch (error) {
    if (error instanceof InspectorError) return lostStableState(error.message);
    throw error;
  }
}

/** Both files of a split layout hold both buckets; only one of each may be filled. */
function noteSecondHalf(bolt: BoltFile, layout: RaftLayout, findings: Finding[]): void {
  if (layout.log === layout.stable || !bolt.bucket(STABLE_BUCKET)?.firstKey()) return;
  findings.push(finding('two-stable-stores', 'warn', `${layout.log} holds a term and vote as well; those in ${layout.stable} were read`, { file: layout.log }));
}

function lostFile(layout: RaftLayout, file: string, error: InspectorError, parts: StoreParts, findings: Finding[]): void {
  const byteOffset = error instanceof CorruptDataError ? error.byteOffset : null;
  const problem = error instanceof CorruptDataError || error instanceof UnreadableError ? error.problem : error.message;
  parts.damaged = true;
  if (file === layout.stable && parts.stable.problem === 'not read') parts.stable = lostStableState(problem);
  if (file === layout.log) parts.log = null;
  parts.refusal ??= `${file} cannot be opened: ${problem}`;
  const what = file === layout.log ? 'the log' : 'term and vote';
  findings.push(
    finding('store-unreadable', 'error', `${what} cannot be read: ${problem}`, { file, byteOffset, fix: 'Recover from another member, or bring this file back from a copy' }),
  );
}
