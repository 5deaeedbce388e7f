import fs from 'node:fs';
import path from 'node:path';
import type { MemberId } from '../../src/engine/core/types.ts';
import { planText } from '../../src/engine/model/plan-schema.ts';
import { type RecoveryPlan, sealPlan } from '../../src/engine/model/plan.ts';

const DIGEST = 'ab'.repeat(32);

/** The plan of screen S5: one survivor of three, one entry in doubt. */
export function samplePlan(change: Partial<Omit<RecoveryPlan, 'digest'>> = {}): RecoveryPlan {
  const member = (id: string, name: string, port: number) => ({ id: id as MemberId, name, addresses: [`http://10.0.0.${port}:2380`], role: 'voter' as const });
  return sealPlan({
    format: 'raft-inspector/plan',
    version: 1,
    planId: '5c2e9100-1111-4222-8333-444455556666',
    createdAt: '2026-03-14T02:21:00.000Z',
    tool: '0.1.0',
    madeBy: 'root@cp-1',
    cluster: { clusterId: '8c6d8b45601ffaf2', members: [member('8708458d8b18423b', 'n1', 11), member('b1a6669b84795a1c', 'n2', 12), member('2eb8f3e52eaeab7a', 'n3', 13)] },
    store: 'etcd',
    product: 'etcd',
    target: 'etcd-append',
    evidence: [{ label: 'n1', digest: DIGEST }],
    source: 'n1',
    dataDir: '/var/lib/etcd',
    files: [{ path: 'member/wal/0000000000000000-0000000000000000.wal', bytes: 64_000_000, sha256: DIGEST }],
    why: {
      loss: { verdict: 'unknown', proof: 'best-effort', statement: '1-554 is safe; what n2 and n3 agreed on beyond that cannot be known', why: '1 of 3 voters read, no upper bound exists', floor: 554, safeTo: 554, inDoubt: { from: 555, to: 555, entries: 1 }, missing: { from: 556, to: null } },
      ranking: [{ rank: 1, label: 'n1', path: '/var/lib/etcd', role: 'voter', lastEntry: { term: 2, index: 555 }, currentTerm: 2, commitFloor: 554, health: 'ok', disqualified: null, reason: 'the only disk that was read' }],
      quorum: { voters: 3, quorum: 2, surveyed: 1, needed: 1 },
    },
    facts: ['--seen-revision 513'],
    inDoubt: 'keep',
    doubt: null,
    keepTo: 555,
    newClusterId: null,
    dead: ['n2', 'n3'],
    targetMembers: 3,
    steps: [
      { id: 'backup', kind: 'backup', target: '/var/lib/etcd.ri/5c2e91', before: { files: 1 }, after: null },
      { id: 'swap', kind: 'swap', target: '/var/lib/etcd', before: null, after: { start: ['Start etcd as always, WITHOUT --force-new-cluster'] } },
    ],
    changes: [{ path: 'member/wal/0000000000000000-0000000000000000.wal', kind: 'replace', bytesBefore: 64_000_000, bytesAfter: 64_000_000, lines: ['from byte 183000', '+ entry 2/556  remove n3'] }],
    swap: { kind: 'files' },
    parameters: {},
    outcome: { clusterId: '8c6d8b45601ffaf2', memberId: '8708458d8b18423b' as MemberId, generation: null, voters: ['8708458d8b18423b' as MemberId], lastEntry: { term: 2, index: 557 }, commitIndex: 557, termAbove: 2, revision: 513, stateHash: null },
    fences: [{ member: 'n2', id: 'b1a6669b84795a1c' as MemberId, addresses: ['http://10.0.0.12:2380'], action: 'Wipe the data of n2 BEFORE it starts' }],
    joins: [{ member: 'n2', settings: ['--name n2', '--initial-cluster-state existing'] }],
    checks: [],
    rollback: { command: 'raft-inspector recover undo 5c2e91', until: 'etcd has taken new writes' },
    overrides: [],
    notes: [],
    connection: { endpoints: ['https://10.0.0.11:2379'], cacert: '/etc/etcd/ca.crt', cert: null, key: null },
    ...change,
  });
}

/** What a case directory holds when everything went well; a field left out is a file that is not there. */
export interface SampleCase {
  plan: RecoveryPlan;
  transcript?: readonly object[];
  journal?: readonly object[];
  rehearsal?: object;
  verification?: object;
}

const at = (minute: number, second = 0): string => new Date(Date.UTC(2026, 2, 14, 2, minute, second)).toISOString();

export function goodCase(plan = samplePlan()): Required<SampleCase> {
  const line = (when: string, command: string, durationMs: number, exit = 0): object => ({ at: when, command: `raft-inspector ${command}`, exit, durationMs, by: 'root@cp-1' });
  const event = (second: number, more: object): object => ({ at: at(24, second), plan: plan.planId, dataDir: '/var/lib/etcd', ...more });
  return {
    plan,
    transcript: [line(at(20), 'recover collect /var/lib/etcd', 900), line(at(20, 40), 'recover pick case-8c6d8b45/evidence/n1.json --explain', 300), line(at(20, 58), 'recover plan /var/lib/etcd', 2000), line(at(22), 'recover rehearse', 5000), line(at(23), 'recover apply', 400), line(at(24), 'recover apply --execute --confirm 8c6d8b45', 1900), line(at(25), 'recover verify --check ./smoke.sh', 800)],
    journal: [event(0, { event: 'begin', backup: '/var/lib/etcd.ri/5c2e91', digest: plan.digest, overrides: [], tool: '0.1.0' }), event(0, { event: 'done', step: 'backup', detail: '4 files, sha256 equal' }), event(1, { event: 'done', step: 'swap', detail: '1 file exchanged' }), event(2, { event: 'applied' })],
    rehearsal: { planId: plan.planId, verdict: 'pass', server: 'etcd 3.4.23', detail: 'every check held', phases: [], checks: [{ name: 'leader', ok: true, detail: 'one leader' }], stateHash: null, revision: 513, durationMs: 5000 },
    verification: { planId: plan.planId, verdict: 'verified', endpoints: ['https://10.0.0.11:2379'], leader: 'n1', term: 3, checks: [{ name: 'leader', ok: true, detail: 'one leader, term 3 > 2' }, { name: 'state hash', ok: null, detail: 'nothing to compare it with' }], voters: 1, failuresTolerated: 0, durationMs: 700 },
  };
}

/** Writes a case directory; gives the plan's file. */
export function writeCase(directory: string, one: SampleCase): string {
  fs.mkdirSync(path.join(directory, 'evidence'), { recursive: true });
  const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const file = path.join(directory, 'plan.json');
  fs.writeFileSync(file, planText(one.plan));
  fs.writeFileSync(path.join(directory, 'evidence/n1.json'), '{}\n');
  if (one.transcript !== undefined) fs.writeFileSync(path.join(directory, 'transcript.ndjson'), lines(one.transcript));
  if (one.journal !== undefined) fs.writeFileSync(path.join(directory, 'journal.ndjson'), lines(one.journal));
  if (one.rehearsal !== undefined) fs.writeFileSync(path.join(directory, 'rehearsal.json'), JSON.stringify(one.rehearsal));
  if (one.verification !== undefined) fs.writeFileSync(path.join(directory, 'verification.json'), JSON.stringify(one.verification));
  return file;
}
