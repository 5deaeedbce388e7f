import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { raftSnapshotTarget } from '../../../../src/engine/recovery/targets/hashicorp/raft-snapshot.ts';
import { readResult } from '../../../../src/engine/recovery/targets/hashicorp/result-checks.ts';
import { targetFor } from '../../../../src/engine/recovery/targets/index.ts';
import type { Decision, RecoveryTarget } from '../../../../src/engine/recovery/targets/target.ts';
import { writeRaftWal } from '../../../helpers/raft-wal-writer.ts';
import { confItems, logEntries, madeMember, SERVERS, splitMember, withSnapshot } from './made-members.ts';
import { decisionFor, failed, recover, removeAll, scratch, sourceAt } from './recover-directory.ts';

/** A raft-wal member of two segments, 1..20 and 21..30. */
function walMember(below: string, files: Record<string, string> = {}): string {
  const directory = path.join(scratch(), 'n1');
  writeRaftWal(path.join(directory, below), {
    segments: [
      { baseIndex: 1, id: 0, batches: [logEntries(1, 20)], sealed: true },
      { baseIndex: 21, id: 1, batches: [logEntries(21, 25), logEntries(26, 30)] },
    ],
    currentTerm: 4,
  });
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    fs.writeFileSync(path.join(directory, name), text);
  }
  return directory;
}

interface Case {
  name: string;
  make: () => string;
  decision?: Partial<Decision>;
  target?: RecoveryTarget;
  /** How many files change. */
  files: number;
}

const drop = (keepTo: number): Partial<Decision> => ({ inDoubt: 'drop', keepTo });
const CONSUL = { 'node-id': 'n1', 'serf/local.snapshot': '' };
const CASES: Case[] = [
  { name: 'raft.db', make: () => madeMember('raft.db', { to: 50 }, confItems(4)), files: 1 },
  { name: 'two files', make: () => splitMember({ to: 50 }, confItems(4)), files: 2 },
  { name: 'two files, dropping', make: () => splitMember({ to: 50 }, confItems(4)), decision: drop(40), files: 2 },
  { name: 'two files, a snapshot', make: () => withSnapshot(splitMember({ from: 30, to: 50, type: 1 }, confItems(4)), 40), decision: { highestTerm: 9 }, target: raftSnapshotTarget, files: 4 },
  { name: 'raft-wal', make: () => walMember('wal'), files: 2 },
  { name: 'a bare wal directory', make: () => walMember('.'), files: 2 },
  { name: 'raft-wal, dropping in the tail', make: () => walMember('wal'), decision: drop(24), files: 2 },
  { name: 'raft-wal, dropping into a sealed segment', make: () => walMember('wal'), decision: drop(15), files: 3 },
  { name: 'raft-wal, the log below the snapshot', make: () => withSnapshot(walMember('wal'), 40), files: 4 },
  { name: 'raft-wal, a snapshot', make: () => withSnapshot(walMember('wal'), 40), target: raftSnapshotTarget, files: 6 },
  { name: 'Consul, nothing dropped', make: () => madeMember('raft/raft.db', { to: 50 }, confItems(4), CONSUL), files: 2 },
  { name: 'Consul, dropping', make: () => madeMember('raft/raft.db', { to: 50 }, confItems(4), CONSUL), decision: drop(40), files: 3 },
  { name: 'Consul on raft-wal, dropping', make: () => walMember('raft/wal', CONSUL), decision: drop(15), files: 5 },
];

describe('files take their places one by one: after each, a server may be started', () => {
  afterEach(removeAll);

  for (const { name, make, decision = {}, target, files } of CASES) {
    it(name, async () => {
      const source = sourceAt(make());
      const { report } = source.reading;
      assert.deepEqual(report.startable, { ok: true });
      const { draft, directory: result, checks } = await recover(source, decisionFor(source, { serverId: 'n1', ...decision }), target ?? targetFor(source));
      assert.deepEqual(failed(checks), []);
      assert.equal(draft.changes.length, files);
      const live = path.join(scratch(), 'live');
      execFileSync('cp', ['-r', '--sparse=always', source.dataDir, live]);
      const kept = draft.keepTo ?? 0;
      for (const { path: file, kind } of draft.changes) {
        const at = path.join(live, file);
        fs.mkdirSync(path.dirname(at), { recursive: true });
        if (kind === 'remove') fs.rmSync(at);
        else fs.copyFileSync(path.join(result, file), at);
        const now = readResult(live).report;
        assert.deepEqual(now.startable, { ok: true }, `after ${file}`);
        assert.ok(now.lastEntry.index >= kept, `after ${file} it still holds what is kept`);
        const voters = now.confState?.voters.join(' ');
        assert.ok(voters === 'n1' || voters === SERVERS.map(({ id }) => id).join(' '), `after ${file}: ${voters}`);
        if (draft.kind !== 'peers-json') assert.ok(voters !== 'n1' || now.hardState.currentTerm >= now.lastEntry.term, `after ${file}: no entry has a term above the current one`);
      }
      execFileSync('diff', ['-r', live, result]);
    });
  }
});
