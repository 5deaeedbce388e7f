import path from 'node:path';
import { RefusedError, UsageError } from '../../errors.ts';
import { makeDirectories, renameDurably, syncPath } from '../../files/durable.ts';
import { type RecoveryPlan, shortPlanId } from '../../model/plan.ts';
import { encodeFence } from '../../native/fence-record.ts';
import { FENCE_FILE } from '../../native/layout.ts';
import { Journal } from './journal.ts';
import { notInUse } from './preflight.ts';
import { asOnlyRun } from './run-steps.ts';
import { type Workplace, workplaceAt, workplaceOf } from './workplace.ts';
import { type ApplyWorld, REAL_WORLD } from './world.ts';

/** The answer of `recover fence`. */
export interface FenceReport {
  state: 'preview' | 'fenced' | 'already-fenced' | 'lifted' | 'not-fenced';
  dataDir: string;
  /**
   * `file`: our own server refuses to start where the fence file lies; `rename`: the directory has another name, so that no server
   * finds it. A server of another make would start on an empty directory instead, and join as nobody asked: its unit or manifest has to
   * stay away as well.
   */
  how: 'file' | 'rename';
  /** The fence file, or the new name. */
  fence: string;
  member: string | null;
  clusterId: string | null;
  planId: string | null;
}

export interface FenceRequest {
  readonly dataDir: string;
  readonly plan: RecoveryPlan | null;
  /** `found`: nobody named the plan, it just lies here; one of another cluster is none then. Default `named`. */
  readonly planIs?: 'named' | 'found';
  /** Takes a fence away instead. */
  readonly lift: boolean;
  readonly act: boolean;
}

/**
 * Makes the directory of a member that must not come back unable to start, and nothing else: not a byte of its data is changed, and it
 * can be lifted.
 * @throws {RefusedError} `process-running`, `fence-source`, `other-cluster`.
 */
export async function fence(request: FenceRequest, world: ApplyWorld = REAL_WORLD): Promise<FenceReport> {
  const at = workplaceAt(request.dataDir);
  const looked = await lookAt(request, at, world);
  const { report } = looked;
  if (report.state !== 'preview' || !request.act) return report;
  notInUse(report.how === 'rename' && request.lift ? report.fence : at.dataDir, world);
  return asOnlyRun(at, world, () => Promise.resolve(request.lift ? lifted(report, at, world) : fenced(report, looked.plan, at, world)));
}

async function lookAt({ dataDir, plan: given, planIs, lift }: FenceRequest, at: Workplace, world: ApplyWorld): Promise<{ report: FenceReport; plan: RecoveryPlan | null }> {
  const { ops } = world;
  const facts = ops.facts(at.dataDir);
  const renamed = lastName(at, world);
  const isRenamed = facts === null && renamed !== null && ops.facts(renamed) !== null;
  if (facts === null && !isRenamed) throw new UsageError(`${dataDir} does not exist`, 'Name the data directory of the member that must not come back');
  if (facts !== null && facts.kind !== 'directory') throw new UsageError(`${dataDir} is no directory`, 'Name the data directory itself, no link to it');
  const identity = await world.identify(isRenamed ? renamed : at.dataDir);
  if (identity === null && !isRenamed) throw new UsageError(`${dataDir}: no store that can be read`, 'Name the data directory of the member: inspect stores lists what is looked for');
  const isForeign = given !== null && (isOfAnother(given, identity?.clusterId ?? null) || (identity !== null && isOtherSystem(given.store, identity.store)));
  const plan = planIs === 'found' && given !== null && isForeign && !isSource(given, at) ? null : given;
  const isNative = !isRenamed && identity?.store === 'native';
  const file = path.join(at.dataDir, FENCE_FILE);
  const isFenced = isRenamed || (isNative && ops.facts(file) !== null);
  const report: FenceReport = {
    state: lift ? (isFenced ? 'preview' : 'not-fenced') : isFenced ? 'already-fenced' : 'preview',
    dataDir: at.dataDir,
    how: isNative ? 'file' : 'rename',
    fence: isNative ? file : isRenamed ? renamed : freeName(at, plan, world),
    member: identity?.memberId ?? null,
    clusterId: identity?.clusterId ?? null,
    planId: plan?.planId ?? null,
  };
  if (plan !== null && report.state === 'preview' && !lift) refuseSurvivor(plan, at, report);
  if (report.state === 'preview') notInUse(isRenamed ? renamed : at.dataDir, world);
  return { report, plan };
}

function isOfAnother({ cluster, newClusterId }: RecoveryPlan, clusterId: string | null): boolean {
  return cluster.clusterId !== null && clusterId !== null && clusterId !== cluster.clusterId && clusterId !== newClusterId;
}

/** Members of one cluster keep their logs in one kind of store; only those of hashicorp/raft may differ. */
function isOtherSystem(a: string, b: string): boolean {
  return a !== b && !(a.startsWith('raft-') && b.startsWith('raft-'));
}

function isSource(plan: RecoveryPlan, at: Workplace): boolean {
  return plan.dataDir !== null && workplaceOf(plan, {}).dataDir === at.dataDir;
}

function refuseSurvivor(plan: RecoveryPlan, at: Workplace, { member, clusterId }: FenceReport): void {
  const isItsSource = isSource(plan, at);
  if (!isItsSource && isOfAnother(plan, clusterId)) {
    throw new RefusedError('other-cluster', `${at.dataDir} belongs to cluster ${clusterId}; the plan is about ${plan.cluster.clusterId}`, 'Name a directory of that cluster, or no plan');
  }
  if (isItsSource || (member !== null && plan.outcome.voters.includes(member as (typeof plan.outcome.voters)[number]))) {
    throw new RefusedError('fence-source', `${at.dataDir} is ${isItsSource ? 'the source of the plan' : `that of ${member}, which is the whole cluster after it`}`, 'Name the directory of a member that does not come back');
  }
}

function fenced(report: FenceReport, plan: RecoveryPlan | null, at: Workplace, world: ApplyWorld): FenceReport {
  const { ops } = world;
  const journal = Journal.read(at.journal, ops);
  // The line comes first: whoever finds the directory gone finds out where it went.
  journal.append(plan?.planId ?? '', world.now(), { event: 'fenced', to: report.fence });
  if (report.how === 'rename') renameDurably(ops, at.dataDir, report.fence);
  else {
    const why = plan === null ? 'fenced by an operator: this member must not come back' : `plan ${shortPlanId(plan)} made a cluster of one of ${plan.source}; this disk is of the lineage before it. Wipe it and join anew`;
    const part = path.join(at.work, 'fence.part');
    if (ops.facts(part) !== null) ops.unlink(part);
    const fd = ops.open(part, 'create', 0o644);
    try {
      ops.write(fd, Buffer.from(encodeFence({ why, clusterId: plan?.cluster.clusterId ?? report.clusterId, generation: plan?.outcome.generation ?? null, planId: plan?.planId ?? null, at: world.now().toISOString() })), 0);
      ops.fsync(fd);
    } finally {
      ops.close(fd);
    }
    renameDurably(ops, part, report.fence);
  }
  return { ...report, state: 'fenced' };
}

function lifted(report: FenceReport, at: Workplace, world: ApplyWorld): FenceReport {
  const { ops } = world;
  Journal.read(at.journal, ops).append(report.planId ?? '', world.now(), { event: 'unfenced' });
  if (report.how === 'rename') {
    makeDirectories(ops, path.dirname(at.dataDir), 0o755);
    renameDurably(ops, report.fence, at.dataDir);
  } else {
    ops.unlink(report.fence);
    syncPath(ops, at.dataDir);
  }
  return { ...report, state: 'lifted' };
}

/** Where the journal says the directory went last. */
function lastName(at: Workplace, { ops }: ApplyWorld): string | null {
  const line = Journal.read(at.journal, ops).lines.findLast((one) => one.event === 'fenced');
  return line?.event === 'fenced' ? line.to : null;
}

function freeName(at: Workplace, plan: RecoveryPlan | null, { ops }: ApplyWorld): string {
  const name = `${at.dataDir}.fenced${plan === null ? '' : `-${shortPlanId(plan)}`}`;
  for (let number = 1; ; number += 1) {
    const place = number === 1 ? name : `${name}-${number}`;
    if (ops.facts(place) === null) return place;
  }
}
