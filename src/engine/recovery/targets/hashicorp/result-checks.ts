import path from 'node:path';
import type { LogPosition, Term } from '../../../core/types.ts';
import { InspectorError } from '../../../errors.ts';
import type { CheckLine } from '../../../model/check-line.ts';
import type { MemberReading } from '../../../model/reading.ts';
import { BoltFile } from '../../../readers/bbolt/file.ts';
import { FileSource } from '../../../readers/file-source.ts';
import type { RaftServer } from '../../../readers/hashicorp/configuration.ts';
import { findLayout } from '../../../readers/hashicorp/layout.ts';
import { raftBoltdbReader } from '../../../readers/raft-boltdb/reader.ts';
import { raftWalReader } from '../../../readers/raft-wal/reader.ts';
import { hashLog, type KeptLog } from './kept-log.ts';
import type { LogEdit } from './raft-append-parameters.ts';

/** Reads a finished directory as inspect does. @throws {InspectorError} When it is no store of the family any more. */
export function readResult(directory: string): MemberReading {
  const reader = findLayout(directory)?.store === 'raft-wal' ? raftWalReader : raftBoltdbReader;
  return reader.read(directory, {});
}

/** Reads the result, or says why it cannot be read. */
export function tryReadResult(directory: string): { reading: MemberReading; line: CheckLine } | { reading: null; line: CheckLine } {
  try {
    const reading = readResult(directory);
    const { startable } = reading.report;
    const line = startable.ok
      ? { name: 'read back', ok: true, detail: 'every part can be read, and a server can start from it' }
      : { name: 'read back', ok: false, detail: `cannot be started: ${startable.reason}` };
    return { reading, line };
  } catch (error) {
    if (!(error instanceof InspectorError)) throw error;
    return { reading: null, line: { name: 'read back', ok: false, detail: error.message } };
  }
}

/** The configuration in force is the one server alone, at its address. */
export function configurationLine({ report }: MemberReading, own: RaftServer): CheckLine {
  const members = report.confState?.members ?? [];
  const [only] = members;
  const ok = members.length === 1 && only?.id === own.id && only.role === 'voter' && only.addresses[0] === own.address;
  const found = members.map(({ id, addresses, role }) => `${id} ${addresses[0] ?? ''} (${role})`).join(', ') || 'none';
  return { name: 'configuration', ok, detail: ok ? `one voter: ${found}` : `found ${found}, planned ${own.id} ${own.address}` };
}

export function lastEntryLine({ report }: MemberReading, planned: LogPosition): CheckLine {
  const { term, index } = report.lastEntry;
  const ok = term === planned.term && index === planned.index;
  return { name: 'last entry', ok, detail: ok ? `${term}/${index}` : `${term}/${index}, planned ${planned.term}/${planned.index}` };
}

/** The kept entries are those of the source, bit by bit. */
export function keptLogLine(reading: MemberReading, planned: KeptLog, to: number): CheckLine {
  const found = hashLog(reading, planned.from, to);
  const ok = found.entries === planned.entries && found.sha256 === planned.sha256;
  return { name: 'kept entries', ok, detail: ok ? `${found.entries} entries as in the source` : `${found.entries} entries, ${planned.entries} were kept; ${found.sha256.slice(0, 12)} is not ${planned.sha256.slice(0, 12)}` };
}

/** The term is the planned one, and no vote was cast in it. */
export function termLine({ report }: MemberReading, term: Term): CheckLine {
  const { currentTerm, votedFor } = report.hardState;
  const ok = currentTerm === term && votedFor === null;
  return { name: 'term', ok, detail: ok ? `${term}, no vote in it` : `${currentTerm} with ${votedFor === null ? 'no vote' : `a vote for ${votedFor}`}, planned ${term}` };
}

/** Every rewritten Bolt file passes the format's own check. */
export function pageLines(directory: string, edit: LogEdit): CheckLine[] {
  const files = edit.store === 'raft-wal' ? [edit.meta] : [...new Set([edit.files.log, edit.files.stable])];
  return files.map((name) => pageLine(directory, name));
}

function pageLine(directory: string, name: string): CheckLine {
  try {
    using source = FileSource.open(path.join(directory, name), name);
    const bolt = BoltFile.open(source);
    const [problem] = bolt.check();
    return { name: `pages of ${name}`, ok: problem === undefined, detail: problem === undefined ? `${bolt.highWater} pages, all in place` : `byte ${problem.byteOffset}: ${problem.problem}` };
  } catch (error) {
    if (!(error instanceof InspectorError)) throw error;
    return { name: `pages of ${name}`, ok: false, detail: error.message };
  }
}
