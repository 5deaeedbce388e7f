import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { LogIndex, LogPosition, Term } from '../../core/types.ts';
import { CheckFailedError, RefusedError, UnreadableError } from '../../errors.ts';
import type { CheckLine } from '../../model/check-line.ts';
import type { SnapshotFileReport } from '../../model/snapshot-file.ts';
import { Crc64 } from '../../readers/crc64.ts';
import { FileSource } from '../../readers/file-source.ts';
import type { RaftServer } from '../../readers/hashicorp/configuration.ts';
import { raftBoltdbReader } from '../../readers/raft-boltdb/reader.ts';
import { rewriteBoltStore } from '../../writers/hashicorp/bolt-store.ts';
import { snapshotId, writeSnapshot, writeSynced } from '../../writers/hashicorp/snapshot-files.ts';

/** The one server of the restored cluster. */
export interface ConsulIdentity {
  readonly id: string;
  /** `host:port` of its Raft port. */
  readonly address: string;
}

export interface RestoredConsul {
  readonly server: ConsulIdentity;
  readonly position: LogPosition;
}

/**
 * A Consul server's data directory of an archive of `consul snapshot save`: the snapshot in its place with the one server as its
 * configuration, an empty log whose current term is the snapshot's, and the node id. The server leads alone when it starts.
 * @see hashicorp/raft v1.7.3, api.go (tryRestoreSingleSnapshot): the newest snapshot's configuration holds where no log is
 */
export function buildConsul(file: string, report: SnapshotFileReport, server: ConsulIdentity, into: string, now: Date): RestoredConsul {
  if (report.index === null || report.term === null) throw new RefusedError('bad-snapshot', `${file} does not say which entry it ends with`, 'Take another snapshot: raft-inspector snapshot verify tells which are sound');
  const position: LogPosition = { term: report.term, index: report.index };
  const raft = path.join(into, 'raft');
  fs.mkdirSync(path.join(raft, 'snapshots'), { recursive: true, mode: 0o755 });
  const state = path.join(into, 'state.bin');
  unpackState(file, state);
  const servers: RaftServer[] = [{ suffrage: 0, id: server.id, address: server.address }];
  writeSnapshot(path.join(raft, 'snapshots', snapshotId(position, now.getTime())), position, servers, { file: state, name: file, crc: crcOf(state) });
  fs.rmSync(state);
  rewriteBoltStore(null, path.join(raft, 'raft.db'), 'raft.db', { keepTo: 0 as LogIndex, coveredTo: 0 as LogIndex, append: null, currentTerm: position.term as Term });
  writeSynced(path.join(into, 'node-id'), server.id, 0o600);
  return { server, position };
}

/** Reads the directory back. @throws {CheckFailedError} When it is not what was meant. */
export function checkConsul(directory: string, restored: RestoredConsul): CheckLine[] {
  const { report, findings } = raftBoltdbReader.read(directory, { depth: 'full' });
  const wrong = findings.filter((one) => one.severity === 'error');
  const [snapshot] = report.snapshots;
  const lines: CheckLine[] = [
    { name: 'health', ok: report.health === 'ok' && wrong.length === 0, detail: wrong[0]?.message ?? `reads back: ${report.health}` },
    { name: 'voters', ok: report.confState?.voters.length === 1 && report.confState.voters[0] === restored.server.id, detail: `voters: ${report.confState?.voters.join(', ') ?? 'none'}` },
    { name: 'snapshot', ok: snapshot?.status === 'verified' && snapshot.index === restored.position.index, detail: `snapshot ${snapshot?.term}/${snapshot?.index}, ${snapshot?.status}` },
  ];
  const failed = lines.find((one) => one.ok === false);
  if (failed !== undefined) throw new CheckFailedError(`what was restored is not as meant: ${failed.name}: ${failed.detail}`, 'Nothing was left behind. This is a defect of the tool: report it with the snapshot');
  return lines;
}

/** The archive was verified to its last byte: it holds a plain file of that name. */
function unpackState(file: string, into: string): void {
  const fd = fs.openSync(into, 'wx', 0o600);
  try {
    const done = spawnSync('tar', ['--extract', '--gzip', '--to-stdout', '--file', file, 'state.bin'], { stdio: ['ignore', fd, 'pipe'], encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' } });
    if (done.error !== undefined) throw new UnreadableError(file, `tar cannot be run: ${done.error.message}`, 'Install tar');
    if (done.status !== 0) throw new UnreadableError(file, `tar cannot unpack it: ${done.stderr.split('\n')[0] ?? ''}`, 'Is there room for it unpacked?');
  } finally {
    fs.closeSync(fd);
  }
}

function crcOf(file: string): string {
  using source = FileSource.open(file);
  const crc = new Crc64();
  for (const chunk of source.chunks()) crc.update(chunk);
  return crc.digest().toString('base64');
}
