import path from 'node:path';
import type { PickReport } from '../model/pick-report.ts';
import type { RecoveryPlan } from '../model/plan.ts';
import { openPlaces } from '../places/open.ts';
import { applyPlan } from '../recovery/apply/apply.ts';
import { type SurveyedDisk, surveyDisks } from '../recovery/open-survey.ts';
import { examine } from '../recovery/pick.ts';
import { makePlan } from '../recovery/plan/make-plan.ts';
import { verifyRecovery } from '../rehearsal/verify.ts';
import { growBy, withLive } from './membership.ts';
import type { DrillWorld } from './world.ts';

const VERIFY_MS = 30_000;
const GROW_MS = 60_000;

/** A disk to recover from: its label and where it lies. */
export interface Disk {
  readonly label: string;
  readonly directory: string;
}

/** What is known after the disks were read. */
export interface Identified {
  readonly disks: SurveyedDisk[];
  readonly report: PickReport;
}

/** Reads disks and picks the source: `recover collect` and `recover pick`. */
export async function identify(world: DrillWorld, disks: readonly Disk[]): Promise<Identified> {
  const places = placesOf(world, disks);
  const surveyed = await world.recorder.step(`raft-inspector recover collect ${places} --case case`, () => survey(world, disks));
  const report = await world.recorder.step(`raft-inspector recover pick ${places} --explain`, () => Promise.resolve(examine(surveyed.map((one) => one.evidence), {}).report), (one) => (one.source === null ? 9 : 0));
  return { disks: surveyed, report };
}

/** The same reading without a step of its own: for looking at what really happened. */
export async function survey(world: DrillWorld, disks: readonly Disk[]): Promise<SurveyedDisk[]> {
  const opened = await openPlaces(disks.map((one) => `${one.label}=${one.directory}`), { depth: 'log', need: 'records' });
  return surveyDisks(opened, { tool: world.options.tool.version });
}

/** The pick, as lines of a report. */
export function decisionLines({ report }: Identified): string[] {
  return [
    `SOURCE ${report.source ?? 'none'}  LOSS ${report.loss.verdict.toUpperCase()} (${report.loss.proof})`,
    ...report.ranking.map((one) => `${one.disqualified === null ? `${one.rank}.` : '-'} ${one.label}  last entry ${one.lastEntry.term}/${one.lastEntry.index}  floor ${one.commitFloor}  ${one.health}  ${one.disqualified ?? one.reason}`),
    `Quorum   ${report.quorum.voters} voters, ${report.quorum.surveyed} read, ${report.quorum.needed} more would prove it`,
    `Loss     ${report.loss.statement}`,
    `Why      ${report.loss.why}`,
    ...(report.loss.inDoubt === null ? [] : [`In doubt ${report.loss.inDoubt.from}-${report.loss.inDoubt.to}, kept`]),
  ];
}

/** A cluster of one, made of the source beside its data: `recover plan` and `recover apply --into`. Gives the plan. */
export async function rebuild(world: DrillWorld, found: Identified, disks: readonly Disk[], targetMembers: 3 | 5, overrides: readonly string[]): Promise<RecoveryPlan> {
  const { recorder } = world;
  const lifted = overrides.map((rule) => ` --override ${rule}`).join('');
  const plan = await recorder.step(`raft-inspector recover plan ${placesOf(world, disks)} --target-members ${targetMembers}${lifted} --case case`, () =>
    makePlan({ disks: found.disks, report: found.report, facts: {}, factWords: [], inDoubt: 'keep', newClusterId: 'auto', bumpRevision: null, selfAddress: null, targetMembers, overrides: [...overrides], tool: world.options.tool.version, dead: [], connection: null }),
  );
  const id = plan.outcome.memberId ?? '';
  await recorder.step(`raft-inspector recover apply --case case --into lab/${id} --execute --confirm ${(plan.outcome.clusterId ?? '').slice(0, 12)}`, () => applyPlan(plan, { into: world.dataOf(id), caseDir: null, overrides: [...overrides] }));
  return plan;
}

/** Starts the rebuilt member, alone, and checks it against the plan: `recover verify`. */
export async function check(world: DrillWorld, plan: RecoveryPlan): Promise<void> {
  const id = plan.outcome.memberId ?? '';
  world.rebuilding.add(id);
  world.members = [id];
  world.voters = 1;
  await world.start(id);
  world.rebuilding.delete(id);
  await world.until(`${id} leading alone, with all it holds committed`, async () => {
    const one = await world.member(id);
    return one.role === 'leader' && (one.commitIndex ?? 0) >= plan.outcome.lastEntry.index;
  });
  const report = await world.recorder.step('raft-inspector recover verify --case case --lab lab', () => withLive(world, (cluster) => verifyRecovery(plan, cluster, { timeoutMs: VERIFY_MS, endpoints: world.connection().endpoints, dataDir: world.dataOf(id) })), (one) => (one.verdict === 'verified' ? 0 : 3));
  const looked = report.checks.filter((one) => one.ok !== null);
  const wrong = looked.filter((one) => one.ok === false);
  world.recorder.check('the rebuilt cluster is verified', report.verdict === 'verified', wrong[0] === undefined ? `${looked.length} of ${looked.length} checks` : `${wrong[0].name}: ${wrong[0].detail}`);
  if (report.verdict !== 'verified') throw new Error(`the rebuilt cluster is not as planned: ${wrong.map((one) => one.name).join(', ')}`);
}

/** Clean new members join, one at a time, until the cluster is as strong as it was. */
export async function grow(world: DrillWorld, plan: RecoveryPlan): Promise<void> {
  for (const { member } of plan.joins) {
    await world.recorder.phase(`grow ${member}`, () => growBy(world, member, GROW_MS));
  }
}

function placesOf(world: DrillWorld, disks: readonly Disk[]): string {
  return disks.map((one) => `${one.label}=${path.relative(world.options.scratch, one.directory)}`).join(' ');
}
