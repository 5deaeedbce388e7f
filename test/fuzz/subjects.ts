import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { MemberReading } from '../../src/engine/model/reading.ts';
import type { SnapshotFileReport } from '../../src/engine/model/snapshot-file.ts';
import { detectReader } from '../../src/engine/readers/index.ts';
import { verifySnapshotPath } from '../../src/engine/readers/snapshots/index.ts';
import { unpackCase } from '../helpers/corpus.ts';
import { MutableTree, trimPreallocation } from '../helpers/mutations.ts';
import type { Mutation } from '../helpers/mutations.ts';

/** What a reading said, in a form to compare: the effective entries, and whether anything was said to be wrong. */
export interface Outcome {
  /** Index to digest of term, kind and payload; for snapshot files: name to digest of what the report says of it. */
  entries: Map<string, string>;
  hardState: string;
  /** Rules of warnings and errors, health and startability: a change here tells the operator. */
  alarms: string[];
  /** The reader refused the place, with a stated error. */
  refused: string | null;
}

export interface FuzzCase {
  name: string;
  /** Directory of the unpacked case, or files of it; `donor` lends files to swap in. */
  member: string | string[];
  donor: string;
}

export interface Subject {
  name: string;
  /** Damaged and read again and again; small, so that thousands of rounds are quick. */
  cases: FuzzCase[];
  read(directory: string, isExpected: (error: unknown) => boolean): Promise<Outcome> | Outcome;
  /** Whether the format's checksums cover what `mutation` changed, so that a changed answer must be told. */
  checksummed(mutation: Mutation): boolean;
}

/** Bytes of a bbolt file carry no checksum but for the meta pages: the contents of `db` and `wal-meta.db` can change unseen. */
export const SUBJECTS: Record<string, Subject> = {
  etcd: {
    name: 'etcd',
    read: readMember,
    cases: [
      { name: 'etcd/membership-3614', member: 'n7', donor: 'n6' },
      { name: 'etcd/membership-3516', member: 'n7', donor: 'n6' },
      { name: 'etcd/double-trap-3614', member: 'n1', donor: 'n3' },
    ],
    checksummed: ({ file }) => /\.wal$/.test(file),
  },
  'raft-boltdb': {
    name: 'raft-boltdb',
    read: readMember,
    cases: [
      { name: 'hashicorp-raft/truncated-log-112', member: 'node-1', donor: 'node-3' },
      { name: 'hashicorp-raft/bolt2-healthy-173', member: 'node-2', donor: 'node-1' },
    ],
    checksummed: () => false,
  },
  'raft-wal': {
    name: 'raft-wal',
    read: readMember,
    cases: [
      { name: 'hashicorp-raft/wal-install-snapshot-173', member: 'node-2', donor: 'node-3' },
      { name: 'hashicorp-raft/wal-truncated-front-173', member: 'node-1', donor: 'node-2' },
      { name: 'hashicorp-raft/wal-empty-log-173', member: 'node-2', donor: 'node-3' },
    ],
    checksummed: ({ file }) => /\.wal$/.test(file),
  },
  native: {
    name: 'native',
    read: readMember,
    cases: [
      { name: 'native/v1-healthy', member: 'n1', donor: 'n2' },
      { name: 'native/v1-damaged', member: 'n1', donor: 'n1' },
    ],
    // Pages have no checksum, but every record in them has, and the entries have their chain.
    checksummed: () => true,
  },
  snapshots: {
    name: 'snapshots',
    read: verifySnapshots,
    cases: [
      { name: 'etcd/snapshot-files-3614', member: ['good.snap.db'], donor: '.' },
      { name: 'consul/snapshot-archives-187', member: ['good.snap'], donor: '.' },
      { name: 'native/v1-healthy', member: 'n1/snapshots', donor: 'n2/snapshots' },
      { name: 'etcd/membership-3614', member: 'n7/member/snap', donor: 'n6/member/snap' },
      { name: 'hashicorp-raft/truncated-log-112', member: 'node-1/snapshots', donor: 'node-2/snapshots' },
    ],
    // meta.json names the checksum of the state and has none of its own; a member's db has none either.
    checksummed: ({ file, kind }) => kind !== 'delete' && !/(^|\/)(meta\.json|db)$/.test(file),
  },
};

/** A private, trimmed copy of a case's member below `parent`, ready to be damaged. */
export function prepareTree(parent: string, { name, member, donor }: FuzzCase): MutableTree {
  const copy = (what: string | string[], as: string): string => {
    const target = path.join(parent, `${name.replace('/', '--')}-${as}`);
    const from = name.startsWith('native/') ? path.resolve(import.meta.dirname, '../../fixtures', name) : unpackCase(name);
    if (typeof what === 'string') execFileSync('cp', ['-r', '--sparse=always', path.join(from, what), target]);
    else {
      fs.mkdirSync(target);
      for (const file of what) fs.copyFileSync(path.join(from, file), path.join(target, file));
    }
    trimPreallocation(target);
    return target;
  };
  return new MutableTree(copy(member, 'member'), copy(donor, 'donor'));
}

/** Reads the place and walks its whole log; any error but the tool's own is the caller's to see. */
function readMember(directory: string, isExpected: (error: unknown) => boolean): Outcome {
  try {
    const reader = detectReader(directory, {});
    if (reader === null || reader === undefined) return refusal('no reader knows it');
    return outcomeOf(reader.read(directory, {}));
  } catch (error) {
    if (!isExpected(error)) throw error;
    return refusal((error as Error).message);
  }
}

async function verifySnapshots(directory: string, isExpected: (error: unknown) => boolean): Promise<Outcome> {
  try {
    const { reports, findings } = await verifySnapshotPath(directory);
    const digest = ({ verdict, term, index, state, confState, parts }: SnapshotFileReport): string => JSON.stringify([verdict, term, index, state, confState, parts]);
    return {
      entries: new Map(reports.map((report) => [path.relative(directory, report.path), digest(report)])),
      hardState: '',
      alarms: [...reports.map(({ path: file, verdict }) => `${path.relative(directory, file)} ${verdict}`), ...findings.map(({ rule, file, byteOffset }) => `${rule} ${file} ${byteOffset}`)],
      refused: null,
    };
  } catch (error) {
    if (!isExpected(error)) throw error;
    return refusal((error as Error).message);
  }
}

function refusal(reason: string): Outcome {
  return { entries: new Map(), hardState: '', alarms: [reason], refused: reason };
}

function outcomeOf(reading: MemberReading): Outcome {
  const { report, findings } = reading;
  const entries = new Map<string, string>();
  const damaged: string[] = [];
  for (const record of reading.records()) {
    if (record.type === 'damage') damaged.push(`damage ${record.file} ${record.byteOffset}`);
    else entries.set(String(record.index), crypto.createHash('md5').update(`${record.term} ${record.kind} `).update(record.data).digest('hex'));
  }
  const told = findings.filter(({ severity }) => severity !== 'info').map(({ rule, file, byteOffset }) => `${rule} ${file} ${byteOffset}`);
  return {
    entries,
    hardState: JSON.stringify(report.hardState),
    alarms: [...damaged, ...told, `health ${report.health}`, `startable ${report.startable.ok}`, `last ${report.lastEntry.term}:${report.lastEntry.index}`],
    refused: null,
  };
}

/** Entries that the second outcome gives with another content, or that it no longer has. */
export function changedEntries(before: Outcome, after: Outcome): string[] {
  return [...before.entries].filter(([index, digest]) => after.entries.get(index) !== digest).map(([index]) => index);
}

/** Alarms of the second outcome that the first did not raise. */
export function newAlarms(before: Outcome, after: Outcome): string[] {
  return after.alarms.filter((alarm) => !before.alarms.includes(alarm));
}

export function scratchDirectory(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-fuzz-'));
}
