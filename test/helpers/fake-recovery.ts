import crypto from 'node:crypto';
import path from 'node:path';
import type { LogIndex, MemberId, Term } from '../../src/engine/core/types.ts';
import { makeDirectories } from '../../src/engine/files/durable.ts';
import type { FileOps } from '../../src/engine/files/file-ops.ts';
import { fingerprintTree } from '../../src/engine/files/tree.ts';
import { type FileChange, PLAN_FORMAT, PLAN_VERSION, type RecoveryPlan, sealPlan, type Swap } from '../../src/engine/model/plan.ts';
import type { ApplyOptions } from '../../src/engine/recovery/apply/options.ts';
import type { ApplyWorld } from '../../src/engine/recovery/apply/world.ts';
import type { RecoveryTarget } from '../../src/engine/recovery/targets/target.ts';

export const FAKE_DATA = '/srv/data';

/** A small member: two files that change, one that stays, one that goes, one that comes, in a directory of its own. */
export const FAKE_FILES: Readonly<Record<string, string>> = { 'member/wal/1.wal': 'old wal', 'member/snap/db': 'the database', 'member/snap/1.snap': 'old snapshot', 'member/snap/0.snap': 'older snapshot' };
export const FAKE_CHANGES: readonly (FileChange & { content: string })[] = [
  { path: 'member/snap/new/2.snap', kind: 'create', bytesBefore: null, bytesAfter: 12, lines: [], content: 'new snapshot' },
  { path: 'member/wal/1.wal', kind: 'replace', bytesBefore: 7, bytesAfter: 7, lines: [], content: 'new wal' },
  { path: 'member/snap/1.snap', kind: 'replace', bytesBefore: 12, bytesAfter: 10, lines: [], content: 'a snapshot' },
  { path: 'member/snap/0.snap', kind: 'remove', bytesBefore: 14, bytesAfter: null, lines: [], content: '' },
];

/** Puts the fake member on a disk. */
export function plantFake(ops: FileOps, dataDir = FAKE_DATA): void {
  for (const [name, content] of Object.entries(FAKE_FILES)) {
    const file = path.join(dataDir, name);
    makeDirectories(ops, path.dirname(file), 0o750);
    const fd = ops.open(file, 'create', 0o640);
    ops.write(fd, Buffer.from(content), 0);
    ops.fsync(fd);
    ops.close(fd);
  }
  for (const directory of ['member/wal', 'member/snap', 'member', '.']) {
    const fd = ops.open(path.join(dataDir, directory), 'read');
    ops.fsync(fd);
    ops.close(fd);
  }
}

/** A plan for it that passes every check. */
export async function fakePlan(ops: FileOps, swap: Swap, more: Partial<RecoveryPlan> = {}, dataDir = FAKE_DATA): Promise<RecoveryPlan> {
  const position = { term: 2 as Term, index: 10 as LogIndex };
  return sealPlan({
    format: PLAN_FORMAT,
    version: PLAN_VERSION,
    planId: '5c2e9100-0000-4000-8000-000000000001',
    createdAt: '2026-03-14T02:21:00.000Z',
    tool: '0.0.0',
    cluster: { clusterId: '8c6d8b45601ffaf2', members: [{ id: 'a1' as MemberId, name: 'n1', addresses: [], role: 'voter' }, { id: 'b2' as MemberId, name: 'n2', addresses: [], role: 'voter' }, { id: 'c3' as MemberId, name: 'n3', addresses: [], role: 'voter' }] },
    store: 'etcd',
    product: 'etcd',
    target: 'etcd-append',
    evidence: [{ label: 'n1', digest: '0'.repeat(64) }],
    source: 'n1',
    dataDir,
    files: await fingerprintTree(dataDir, { ops }),
    why: {
      loss: { verdict: 'unknown', proof: 'best-effort', statement: 'what the others held is unknown', why: '1 of 3 voters read', floor: 9 as LogIndex, safeTo: 9 as LogIndex, inDoubt: null, missing: null },
      ranking: [{ rank: 1, label: 'n1', path: dataDir, role: 'voter', lastEntry: position, currentTerm: 2 as Term, commitFloor: 9 as LogIndex, health: 'ok', disqualified: null, reason: 'the only candidate' }],
      quorum: { voters: 3, quorum: 2, surveyed: 1, needed: 1 },
    },
    facts: [],
    inDoubt: 'keep',
    doubt: null,
    keepTo: 10 as LogIndex,
    newClusterId: null,
    dead: ['n2', 'n3'],
    targetMembers: 3,
    steps: (['backup', 'build', 'check', 'swap'] as const).map((kind) => ({ id: kind, kind, target: dataDir, before: null, after: kind === 'swap' ? { start: ['start etcd as always, WITHOUT --force-new-cluster'] } : null })),
    changes: FAKE_CHANGES.map(({ path: file, kind, bytesBefore, bytesAfter, lines }) => ({ path: file, kind, bytesBefore, bytesAfter, lines })),
    swap,
    parameters: { seed: 'x' },
    outcome: { clusterId: '8c6d8b45601ffaf2', memberId: 'a1' as MemberId, generation: null, voters: ['a1' as MemberId], lastEntry: { term: 2 as Term, index: 12 as LogIndex }, commitIndex: 12 as LogIndex, termAbove: 2 as Term, revision: null, stateHash: null },
    fences: [],
    joins: [],
    checks: [],
    rollback: { command: 'raft-inspector recover undo 5c2e91', until: 'the server has taken new writes' },
    overrides: [],
    notes: [],
    connection: null,
    ...more,
  });
}

/** Writes the new files through the same calls as everything else, and reads them back. */
export function fakeTarget(ops: FileOps, faults: { badCheck?: boolean } = {}): RecoveryTarget {
  return {
    kinds: ['etcd-append'],
    serves: () => true,
    draft: () => Promise.reject(new Error('not asked for')),
    async build({ into }) {
      await Promise.resolve();
      for (const change of FAKE_CHANGES) {
        if (change.kind === 'remove') continue;
        const fd = ops.open(path.join(into, change.path), 'create', 0o600);
        ops.write(fd, Buffer.from(change.content), 0);
        ops.fsync(fd);
        ops.close(fd);
      }
    },
    async check(directory) {
      const found = await fingerprintTree(directory, { ops });
      const sum = (text: string): string => crypto.createHash('sha256').update(text).digest('hex');
      const lines = FAKE_CHANGES.map((one) => ({ name: one.path, ok: (found.find((file) => file.path === one.path)?.sha256 ?? sum('')) === sum(one.content), detail: 'content' }));
      return faults.badCheck === true ? [...lines, { name: 'voters', ok: false, detail: 'two' }] : lines;
    },
  };
}

export function fakeWorld(ops: FileOps, more: Partial<ApplyWorld> = {}): ApplyWorld {
  let at = 0;
  return {
    ops,
    now: () => new Date(Date.parse('2026-03-14T02:24:00.000Z') + 1000 * at++),
    nowMs: () => at++,
    useOf: () => ({ users: [], hidden: 0 }),
    lock: () => ({ release: () => undefined }),
    targetOf: () => fakeTarget(ops),
    identify: () => Promise.resolve(null),
    tell: () => undefined,
    ...more,
  };
}

export const FAKE_OPTIONS: ApplyOptions = { caseDir: null, overrides: [] };
