import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Evidence } from '../../../../src/engine/model/evidence.ts';
import type { RecoveryPlan } from '../../../../src/engine/model/plan.ts';
import type { MemberReading } from '../../../../src/engine/model/reading.ts';
import type { OperatorFacts } from '../../../../src/engine/recovery/facts.ts';
import type { SurveyedDisk } from '../../../../src/engine/recovery/open-survey.ts';
import { examine } from '../../../../src/engine/recovery/pick.ts';
import { makePlan, type PlanRequest } from '../../../../src/engine/recovery/plan/make-plan.ts';
import type { Decision, RecoveryTarget, TargetDraft } from '../../../../src/engine/recovery/targets/target.ts';
import { disk, type Disk } from '../build.ts';

export const WAL = 'member/wal/0000000000000000-0000000000000000.wal';
const DB = 'member/snap/db';

/** A directory that looks like etcd's, as far as names go. The caller removes it. */
export function dataDirectory(): string {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-plan-')));
  for (const name of [WAL, DB]) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), `content of ${name}`);
    fs.utimesSync(path.join(root, name), new Date('2026-01-01T00:00:00Z'), new Date('2026-01-01T00:00:00Z'));
  }
  return root;
}

/** A target that takes anything: it appends one entry, and keeps what it was told to decide. */
export class FakeTarget implements RecoveryTarget {
  readonly kinds = ['etcd-append'] as const;
  decision: Decision | null = null;
  change: Partial<TargetDraft> = {};

  serves(): boolean {
    return true;
  }

  async draft(_source: unknown, decision: Decision): Promise<TargetDraft> {
    this.decision = decision;
    return {
      kind: 'etcd-append',
      changes: [{ path: WAL, kind: 'replace', bytesBefore: null, bytesAfter: null, lines: ['+ one entry'] }],
      swap: { kind: 'files' },
      parameters: { chance: decision.randomHex(8) },
      outcome: { clusterId: decision.clusterId, memberId: decision.serverId, generation: null, voters: [decision.serverId ?? ''], lastEntry: { term: decision.highestTerm + 1, index: decision.keepTo + 1 }, commitIndex: decision.keepTo + 1, termAbove: decision.highestTerm, revision: null, stateHash: null },
      newClusterId: null,
      fences: decision.members.filter((one) => one.id !== decision.serverId).map((one) => ({ member: one.name ?? one.id, id: one.id, addresses: [], action: 'wipe it' })),
      joins: [],
      notes: [],
      startHints: ['start it plainly'],
      ...this.change,
    };
  }

  async build(): Promise<void> {
    throw new Error('not asked for');
  }

  async check(): Promise<never> {
    throw new Error('not asked for');
  }
}

export function surveyed(evidence: Evidence, directory: string | null, isOriginal = true): SurveyedDisk {
  const reading: MemberReading | null = directory === null ? null : { report: evidence.report, findings: [], configurations: [], records: () => [][Symbol.iterator]() as never };
  return { evidence, reading, place: directory === null ? null : { directory, isOriginal } };
}

export interface Case {
  /** Read from directories, in order; the first is the source's unless it loses. */
  disks: Disk[];
  facts?: OperatorFacts;
  request?: Partial<PlanRequest>;
  target?: FakeTarget;
  /** Labels that are evidence only. */
  evidenceOnly?: string[];
  directory: string;
}

/** Survey, pick and plan in one go. */
export async function planOf(one: Case): Promise<RecoveryPlan> {
  const facts = one.facts ?? {};
  const disks = one.disks.map((spec) => surveyed(disk(spec), one.evidenceOnly?.includes(spec.label) ? null : one.directory));
  const { report } = examine(disks.map((each) => each.evidence), facts);
  const target = one.target ?? new FakeTarget();
  return makePlan({
    disks,
    report,
    facts,
    factWords: [],
    inDoubt: 'keep',
    newClusterId: 'auto',
    bumpRevision: null,
    selfAddress: null,
    targetMembers: 3,
    overrides: [],
    tool: 'test',
    dead: [...(facts.dead ?? [])],
    connection: null,
    now: new Date('2026-01-02T03:04:06.000Z'),
    by: 'root@cp-1',
    targets: () => target,
    ...one.request,
  });
}

/** A counter in place of chance: equal calls, equal plans. */
export function counting(): (chars: number) => string {
  let at = 0;
  return (chars) => {
    at += 1;
    return String(at).padStart(chars, '0').slice(-chars);
  };
}
