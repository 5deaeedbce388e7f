import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RefusedError, UsageError } from '../errors.ts';
import type { DrillRecord, FollowUp } from '../model/drill-record.ts';
import type { DrillFile, DrillLimits } from './drill-file.ts';
import { EtcdStage } from './etcd/etcd-stage.ts';
import { etcdQuorumLoss } from './etcd/quorum-loss.ts';
import { type Finish, finish } from './finish.ts';
import { HistoryFile } from './history-file.ts';
import { carryFollowUps, failureRateOf, type Measured, objectivesOf, verdictOf } from './judge.ts';
import { checkTargets, faultsOf } from './presets.ts';
import { provenanceOf } from './provenance.ts';
import { randomOf } from './random.ts';
import { Recorder } from './recorder.ts';
import type { Scenario, ScenarioResult } from './scenario.ts';
import { clusterOf } from './scenarios/given-backup.ts';
import { scenarioOf, takesFaults } from './scenarios/index.ts';
import { statementOf } from './statement.ts';
import { timelineOf } from './timeline.ts';
import { CouldNotRunError, DrillWorld, InterruptedError, type ToolPlace } from './world.ts';

/** A drill to run, and the text it came from. */
export interface DrillSource {
  readonly file: DrillFile;
  /** As written, for the report. */
  readonly text: string;
}

export interface DrillOptions {
  readonly tool: ToolPlace;
  readonly signal: AbortSignal;
  /** Told of each phase as it begins. */
  readonly onPhase?: ((name: string) => void) | undefined;
  /** Action items of the last run of this scenario. */
  readonly lastFollowUps?: readonly FollowUp[] | undefined;
  /** Called while the files of the run are still there. */
  readonly keep?: ((record: DrillRecord, files: RunFiles) => void) | undefined;
}

/** What a run leaves besides its record; removed when `runDrill` settles. */
export interface RunFiles {
  readonly history: string;
}

type Filled = DrillWorld['file'];

/**
 * Runs a drill on real processes of its own, from the first member's start to the last one's end, whatever happens in between.
 * @throws {UsageError} For a scenario or fault that does not exist. @throws {InterruptedError} When the operator ended it.
 */
export async function runDrill(source: DrillSource, options: DrillOptions): Promise<DrillRecord> {
  const scenario = scenarioOf(source.file.scenario);
  const file = filledIn(source.file, scenario);
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-drill-'));
  const recorder = new Recorder(undefined, options.onPhase);
  const history = new HistoryFile(path.join(scratch, 'history.ndjson'), { seed: file.seed, nodes: Array.from({ length: file.nodes }, (_, at) => `n${at + 1}`), version: options.tool.version }, recorder.nowMs);
  const shared = { file, scratch, tool: options.tool, recorder, history, random: randomOf(file.seed), signal: options.signal, snapshotEntries: scenario.snapshotEntries };
  const stage = file.engine === 'etcd' ? new EtcdStage(shared) : new DrillWorld(shared);
  try {
    const outcome = await act(stage, () => (stage instanceof EtcdStage ? actOnEtcd(stage) : actOnLab(stage, scenario)), options.signal);
    const endMs = recorder.nowMs();
    await stage.down();
    history.close();
    const record = recordOf({ source, file, scenario, stage, outcome, endMs, options, history: history.file });
    options.keep?.(record, { history: history.file });
    return record;
  } finally {
    await stage.down().catch(() => undefined); // it is down already, or its supervisor is gone: nothing is left to end
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

function filledIn(file: DrillFile, scenario: Scenario): Filled {
  if (file.faults.length > 0 && !takesFaults(scenario.name)) throw new UsageError(`${scenario.name} has a script of its own and takes no faults`, 'Use scenario: faults for a list of faults');
  if (scenario.name === 'faults' && file.faults.length === 0) throw new UsageError('the scenario faults needs a list of faults', 'See: raft-inspector drill init faults');
  if (file.backup !== undefined && scenario.takesBackup !== true) throw new UsageError(`${scenario.name} does not start from a backup`, 'Use scenario: backup-only');
  if (file.engine !== 'native' && scenario.onEtcd !== true) throw new UsageError(`${scenario.name} does not run on ${file.engine}`, 'Leave engine out');
  const nodes = file.nodes ?? scenario.nodes;
  if (nodes < scenario.nodes) throw new UsageError(`${scenario.name} needs ${scenario.nodes} members, nodes says ${nodes}`, 'Leave nodes out');
  if (nodes !== scenario.nodes && scenario.scales !== true) throw new UsageError(`${scenario.name} is about ${scenario.nodes} members, nodes says ${nodes}`, 'Leave nodes out');
  checkTargets(faultsOf(file), nodes);
  return { ...file, nodes, timing: file.timing ?? scenario.timing, seed: file.seed ?? String(randomBytes(3).readUIntBE(0, 3)) };
}

/** etcd waits a second and more before it elects. */
const ETCD_LIMITS: DrillLimits = { electionMs: 5000 };

interface Acted {
  readonly result: ScenarioResult;
  readonly finish: Finish;
}

/** How a run went, before it is judged. */
interface Outcome {
  readonly result: ScenarioResult | null;
  readonly finish: Finish | null;
  /** Null: it ran to its end. */
  readonly failure: { readonly kind: 'could-not-run' | 'fail'; readonly message: string } | null;
}

async function actOnLab(world: DrillWorld, scenario: Scenario): Promise<Acted> {
  const { recorder } = world;
  const { backup } = world.file;
  const clusterId = backup === undefined ? undefined : await clusterOf(world, backup);
  await recorder.phase('prepare', () => world.up(clusterId));
  // Where a backup is all there is, nobody can be served before it is recovered from.
  if (backup === undefined) await recorder.phase('load', () => world.load());
  const result = await scenario.run(world);
  return { result, finish: await recorder.phase('verify', () => finish(world, result.beyondReach ?? new Set())) };
}

async function actOnEtcd(stage: EtcdStage): Promise<Acted> {
  await stage.recorder.phase('prepare', () => stage.up());
  await stage.recorder.phase('load', () => stage.load());
  return etcdQuorumLoss(stage);
}

async function act(stage: DrillWorld | EtcdStage, run: () => Promise<Acted>, signal: AbortSignal): Promise<Outcome> {
  let result: ScenarioResult | null = null;
  try {
    const acted = await run();
    result = acted.result;
    const ended = acted.finish;
    if (stage.traffic.failure !== null) throw new CouldNotRunError(brokenOff(stage.traffic.failure));
    if (stage.traffic.overflow) throw new CouldNotRunError('more operations than can be judged: lower the rate, or make the drill shorter');
    return { result, finish: ended, failure: null };
  } catch (error) {
    if (signal.aborted || error instanceof InterruptedError) throw new InterruptedError('interrupted');
    if (stage.traffic.failure !== null) return { result, finish: null, failure: { kind: 'could-not-run', message: brokenOff(stage.traffic.failure) } };
    if (error instanceof CouldNotRunError || error instanceof UsageError) return { result, finish: null, failure: { kind: 'could-not-run', message: error.message } };
    if (error instanceof RefusedError && error.rule === 'lab-down') return { result, finish: null, failure: { kind: 'could-not-run', message: `the practice cluster went away: ${error.message}` } };
    return { result, finish: null, failure: { kind: 'fail', message: error instanceof Error ? error.message : String(error) } };
  } finally {
    stage.stopSampling();
  }
}

function brokenOff(failure: Error): string {
  return `the clients of the drill broke off: ${failure.message}`;
}

interface Judged {
  readonly source: DrillSource;
  readonly file: Filled;
  readonly scenario: Scenario;
  readonly stage: DrillWorld | EtcdStage;
  readonly outcome: Outcome;
  readonly endMs: number;
  readonly options: DrillOptions;
  readonly history: string;
}

function recordOf(run: Judged): DrillRecord {
  const { source, file, scenario, stage, outcome, endMs, options } = run;
  const { recorder, traffic } = stage;
  const { result } = outcome;
  const found = outcome.finish?.audit ?? null;
  const measured: Measured = {
    rtoMs: result === null || result.rtoMs === null ? null : Math.round(result.rtoMs),
    rpoLost: found?.lost.length ?? null,
    rpoDuplicated: found?.duplicated.length ?? null,
    electionMs: result?.electionMs ?? null,
    failureRatePercent: failureRateOf(traffic.endings, recorder.excused),
    replicaLag: outcome.finish?.replicaLag ?? null,
  };
  if (outcome.failure !== null) recorder.check('the drill ran to its end', outcome.failure.kind === 'fail' ? false : null, outcome.failure.message);
  const asked = Object.entries({ ...scenario.limits, ...(file.engine === 'etcd' ? ETCD_LIMITS : {}), ...file.objectives });
  const limits: DrillLimits = Object.fromEntries(asked.filter(([name]) => result?.meaningless?.includes(name as keyof DrillLimits) !== true));
  const objectives = outcome.failure?.kind === 'could-not-run' ? [] : objectivesOf(limits, measured, result?.points ?? { rto: ['-', '-'], election: ['-', '-'] }, recorder.excused.length > 0);
  const judged = outcome.failure?.kind === 'could-not-run' ? { verdict: 'could-not-run' as const, problem: outcome.failure.message } : verdictOf(recorder.checks, objectives);
  const acknowledged = traffic.writes.filter((one) => one.outcome === 'ok').length;
  return {
    drillId: `${recorder.startedAt.toISOString().slice(0, 10)}-${randomBytes(2).toString('hex')}`,
    scenario: scenario.name,
    engine: file.engine,
    seed: file.seed,
    ...judged,
    rtoMs: measured.rtoMs,
    rpo: { acknowledged, lost: measured.rpoLost, duplicated: measured.rpoDuplicated },
    objectives,
    phases: recorder.phases.map(({ name, fromMs, toMs, ok }) => ({ name, startedAt: new Date(recorder.startedAt.getTime() + fromMs).toISOString(), durationMs: Math.round((toMs ?? endMs) - fromMs), ok })),
    checks: recorder.checks,
    followUps: carryFollowUps(file, options.lastFollowUps ?? []),
    version: 1,
    tool: options.tool.version,
    startedAt: recorder.startedAt.toISOString(),
    durationMs: Math.round(endMs),
    title: file.title ?? (file.nodes === scenario.nodes ? scenario.title : `${scenario.title}; here of ${file.nodes} members`),
    service: file.service,
    environment: file.environment,
    nodes: file.nodes,
    electionMs: measured.electionMs,
    failureRatePercent: measured.failureRatePercent,
    replicaLag: measured.replicaLag,
    statement: statementOf({ result, judged, objectives, audit: found, file, acknowledged }),
    timeline: timelineOf(recorder, traffic.endings, endMs),
    steps: recorder.steps.map((one) => ({ ...one, atMs: Math.round(one.atMs - (recorder.zero?.atMs ?? 0)), durationMs: Math.round(one.durationMs) })),
    decision: [...(result?.decision ?? [])],
    drillFile: source.text,
    provenance: provenanceOf(options.tool, file.seed, stage instanceof EtcdStage ? `etcd ${stage.version}` : null),
    artefacts: [
      { name: 'history.ndjson', sha256: sha256(fs.readFileSync(run.history)) },
      { name: 'drill.yaml', sha256: sha256(source.text) },
    ],
    controls: file.controls,
  };
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
