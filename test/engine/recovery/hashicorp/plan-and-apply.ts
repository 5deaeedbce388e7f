import { execFileSync } from 'node:child_process';
import path from 'node:path';
import type { RecoveryPlan } from '../../../../src/engine/model/plan.ts';
import { parsePlan, planText } from '../../../../src/engine/model/plan-schema.ts';
import { openPlaces } from '../../../../src/engine/places/open.ts';
import { applyPlan } from '../../../../src/engine/recovery/apply/apply.ts';
import { comparePairs } from '../../../../src/engine/recovery/divergence.ts';
import { surveyDisks } from '../../../../src/engine/recovery/open-survey.ts';
import { examine } from '../../../../src/engine/recovery/pick.ts';
import { makePlan, type PlanRequest } from '../../../../src/engine/recovery/plan/make-plan.ts';
import { type Truth, truthOf, unpackCase } from '../../../helpers/corpus.ts';
import { scratch } from './recover-directory.ts';

/** The recoverable cases of this family: those with a directory to recover from. `sources`: the expected one and those equally right. */
export function recoverableCases(names: readonly string[]): { name: string; sources: string[]; members: string[] }[] {
  return names
    .filter((name) => name.startsWith('hashicorp-raft/') || name.startsWith('consul/'))
    .map((name) => ({ name, truth: truthOf(name) }))
    .filter(({ truth }) => truth.members !== undefined)
    .map(({ name, truth }) => ({ name, sources: [truth.expected_source, ...(truth.expected_source_ties ?? [])] as string[], members: Object.keys(truth.members as object) }));
}

/** The server id of a member: the registry's ids are the directories' names, Consul's are told by the real server (truth.json). */
export function serverIdsOf(name: string): Record<string, string> {
  const truth: Truth = truthOf(name);
  const ids = (member: string): string => (name.startsWith('consul/') ? truth.members[member].boot_check.raft_configuration[0].ID : member);
  return Object.fromEntries(Object.keys(truth.members as object).map((member) => [member, ids(member)]));
}

/** A private copy of a case, holes kept. */
export function copyCase(name: string): string {
  const copy = path.join(scratch(), 'case');
  execFileSync('cp', ['-r', '--sparse=always', unpackCase(name), copy]);
  return copy;
}

/** What recover plan does with these directories; the plan goes through its file form. */
export async function planFor(places: readonly string[], request: Partial<PlanRequest> & { ids?: Record<string, string> } = {}): Promise<RecoveryPlan> {
  const { ids = {}, ...given } = request;
  const opened = await openPlaces([...places], { depth: 'log' });
  const disks = await surveyDisks(opened, { tool: 'test' });
  const readings = new Map(disks.map((disk) => [disk.evidence, disk.reading ?? undefined]));
  const evidences = disks.map(({ evidence }) => evidence);
  const labels = new Set(evidences.map(({ report }) => report.label));
  const facts = { ids: Object.fromEntries(Object.entries(ids).filter(([label]) => labels.has(label))) };
  const { report } = examine(evidences, facts, { pairs: comparePairs(evidences, (evidence) => readings.get(evidence)) });
  const plan = await makePlan({
    disks,
    report,
    facts,
    factWords: [],
    inDoubt: 'keep',
    newClusterId: 'auto',
    bumpRevision: null,
    selfAddress: null,
    targetMembers: 3,
    overrides: ['quorum-present', 'certain-loss'],
    tool: 'test',
    dead: [],
    connection: null,
    ...given,
  });
  return parsePlan(planText(plan), 'plan.json');
}

export async function apply(plan: RecoveryPlan): Promise<void> {
  await applyPlan(plan, { caseDir: null, overrides: [] });
}
