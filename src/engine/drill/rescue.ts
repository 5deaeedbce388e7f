import path from 'node:path';
import type { PickReport } from '../model/pick-report.ts';
import type { RecoveryPlan } from '../model/plan.ts';
import { openPlaces } from '../places/open.ts';
import { applyPlan } from '../recovery/apply/apply.ts';
import type { OperatorFacts } from '../recovery/facts.ts';
import { type SurveyedDisk, surveyDisks } from '../recovery/open-survey.ts';
import { examine } from '../recovery/pick.ts';
import { makePlan } from '../recovery/plan/make-plan.ts';
import { verifyRecovery } from '../rehearsal/verify.ts';
import { growBy, withLive } from './membership.ts';
import type { DrillWorld } from './world.ts';

const VERIFY_MS = 30_000;
const LEAD_MS = 20_000;
const GROW_MS = 60_000;

/** What reading disks needs of a run. */
export interface Bench {
  readonly recorder: DrillWorld['recorder'];
  readonly options: Pick<DrillWorld['options'], 'scratch' | 'tool'>;
}

/** A disk to recover from: its label and where it lies. */
export interface Disk {
  readonly label: string;
  /** A data directory or an archive. */
  readonly directory: string;
}

/** What is recovered from, and what the operator knows besides. */
export interface Rescue {
  readonly disks: readonly Disk[];
  readonly facts?: OperatorFacts;
  /** The same as flags. */
  readonly factWords?: readonly string[];
  readonly overrides?: readonly string[];
  readonly targetMembers: 3 | 5;
  /** Where the rebuilt member is reached, when the configuration of its disk means another machine. */
  readonly selfAddress?: string;
  /** When service was lost, and by what. */
  readonly lostAt: number;
  readonly lostBy: string;
  /** Looks at what was found before anything is built from it. */
  readonly afterIdentify?: (found: Identified) => Promise<void>;
}

/** What is known after the disks were read. */
export interface Identified {
  readonly disks: SurveyedDisk[];
  readonly report: PickReport;
}

/** A cluster that was brought back. */
export interface Rescued {
  readonly found: Identified;
  readonly plan: RecoveryPlan;
  /** First acknowledged write. */
  readonly servedAt: number;
}

/** The steps of the disaster recovery manual, each a phase of its own: identify, rebuild, check, grow, and reopen where the drill says. */
export async function rescue(world: DrillWorld, wanted: Rescue): Promise<Rescued> {
  const { recorder } = world;
  const found = await recorder.phase('identify', () => identify(world, wanted));
  await wanted.afterIdentify?.(found);
  const plan = await recorder.phase('rebuild', () => rebuild(world, found, wanted));
  await recorder.phase('check', () => check(world, plan));
  const early = world.file.reopen === 'after-check' ? await reopen(world, wanted) : null;
  for (const { member } of plan.joins) await recorder.phase(`grow ${member}`, () => growBy(world, member, GROW_MS));
  return { found, plan, servedAt: early ?? (await reopen(world, wanted)) };
}

/** How many members a rebuilt cluster grows to: five at most, whatever it had. */
export function targetOf({ file }: { readonly file: { readonly nodes: number } }): 3 | 5 {
  return file.nodes > 3 ? 5 : 3;
}

/** Reads disks and picks the source: `recover collect` and `recover pick`. */
export async function identify(world: Bench, { disks, facts = {}, factWords = [] }: Pick<Rescue, 'disks' | 'facts' | 'factWords'>): Promise<Identified> {
  const places = placesOf(world, disks);
  const surveyed = await world.recorder.step(`raft-inspector recover collect ${places} --case case`, () => survey(world, disks));
  const words = [places, ...factWords].join(' ');
  const report = await world.recorder.step(`raft-inspector recover pick ${words} --explain`, () => Promise.resolve(examine(surveyed.map((one) => one.evidence), facts).report), (one) => (one.source === null ? 9 : 0));
  return { disks: surveyed, report };
}

/** The same reading without a step of its own: for looking at what really happened. */
export async function survey(world: Bench, disks: readonly Disk[]): Promise<SurveyedDisk[]> {
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
async function rebuild(world: DrillWorld, found: Identified, wanted: Rescue): Promise<RecoveryPlan> {
  const { recorder } = world;
  const { disks, facts = {}, factWords = [], overrides = [], targetMembers, selfAddress } = wanted;
  const words = [placesOf(world, disks), ...factWords, ...(selfAddress === undefined ? [] : ['--self-address', selfAddress]), '--target-members', String(targetMembers), ...overrides.flatMap((rule) => ['--override', rule])];
  const plan = await recorder.step(`raft-inspector recover plan ${words.join(' ')} --case case`, () =>
    makePlan({ disks: found.disks, report: found.report, facts, factWords: [...factWords], inDoubt: 'keep', newClusterId: 'auto', bumpRevision: null, selfAddress: selfAddress ?? null, targetMembers, overrides: [...overrides], tool: world.options.tool.version, dead: [], connection: null }),
  );
  const id = plan.outcome.memberId ?? '';
  const place = found.disks.find((one) => one.evidence.report.label === plan.source)?.place ?? null;
  const dataDir = plan.dataDir === null ? place?.directory : undefined;
  await recorder.step(`raft-inspector recover apply --case case --into lab/${id} --execute --confirm ${(plan.outcome.clusterId ?? '').slice(0, 12)}`, () => applyPlan(plan, { into: world.dataOf(id), caseDir: null, overrides: [...overrides], ...(dataDir === undefined ? {} : { dataDir }) }));
  return plan;
}

/** Starts the rebuilt member, alone, and checks it against the plan: `recover verify`. */
async function check(world: DrillWorld, plan: RecoveryPlan): Promise<void> {
  const id = plan.outcome.memberId ?? '';
  world.rebuilding.add(id);
  world.members = [id];
  world.voting.clear();
  world.voting.add(id);
  await world.start(id);
  world.rebuilding.delete(id);
  await world.until(`${id} leading alone, with all it holds committed`, async () => {
    const one = await world.member(id);
    return one.role === 'leader' && (one.commitIndex ?? 0) >= plan.outcome.lastEntry.index;
  }, LEAD_MS);
  const verify = (): ReturnType<typeof verifyRecovery> => withLive(world, (cluster) => verifyRecovery(plan, cluster, { timeoutMs: VERIFY_MS, endpoints: world.connection().endpoints, dataDir: world.dataOf(id) }));
  const report = await world.recorder.step('raft-inspector recover verify --case case --lab lab', verify, (one) => (one.verdict === 'verified' ? 0 : 3));
  const looked = report.checks.filter((one) => one.ok !== null);
  const wrong = looked.filter((one) => one.ok === false);
  world.recorder.check('the rebuilt cluster is verified', report.verdict === 'verified', wrong[0] === undefined ? `${looked.length} of ${looked.length} checks` : `${wrong[0].name}: ${wrong[0].detail}`);
  if (report.verdict !== 'verified') throw new Error(`the rebuilt cluster is not as planned: ${wrong.map((one) => one.name).join(', ')}`);
}

/** Lets clients in again; gives when the first write was acknowledged. */
export function reopen(world: DrillWorld, { lostAt, lostBy }: Pick<Rescue, 'lostAt' | 'lostBy'>): Promise<number> {
  const { recorder } = world;
  return recorder.phase('reopen', async () => {
    const openedAt = world.nowMs();
    world.openTraffic();
    const atMs = await world.acknowledgedAfter(openedAt);
    recorder.brackets.push({ name: 'no service', fromMs: lostAt, toMs: atMs, fromEvent: lostBy, toEvent: 'first acknowledged write' });
    recorder.excused.push({ fromMs: lostAt, toMs: atMs });
    return atMs;
  });
}

function placesOf(world: Bench, disks: readonly Disk[]): string {
  return disks.map((one) => `${one.label}=${path.relative(world.options.scratch, one.directory)}`).join(' ');
}
