import { RefusedError } from '../errors.ts';
import { waitForMember } from '../live/caught-up.ts';
import { type MembershipRequest, planMembership } from '../live/membership-plan.ts';
import { runMembership } from '../live/membership-run.ts';
import { openLiveCluster } from '../live/registry.ts';
import { NO_JOURNAL } from '../live/step-journal.ts';
import type { LiveCluster } from '../live/cluster.ts';
import type { MemberList } from '../live/member-list.ts';
import type { DrillWorld } from './world.ts';

const ASK_MS = 5000;

/** Opens the cluster of a drill the way the live commands do, and closes it however the work ends. */
export async function withLive<T>(world: DrillWorld, work: (cluster: LiveCluster) => Promise<T>): Promise<T> {
  const { endpoints, clusterId, tls } = world.connection();
  const cluster = await openLiveCluster('native', { endpoints, clusterId, tls });
  try {
    return await work(cluster);
  } finally {
    await cluster.close();
  }
}

export function memberList(world: DrillWorld): Promise<MemberList> {
  return withLive(world, (cluster) => cluster.memberList({ timeoutMs: ASK_MS }));
}

/** One membership command, as `member add|promote|remove ... --execute` takes it; gives the error that ended it, or null. */
export async function changeMembers(world: DrillWorld, request: MembershipRequest, timeoutMs: number): Promise<Error | null> {
  return withLive(world, async (cluster) => {
    const list = await cluster.memberList({ timeoutMs: ASK_MS });
    const plan = planMembership(request, list);
    const { failure } = await runMembership(cluster, plan, { timeoutMs, journal: NO_JOURNAL, nowMs: () => performance.now(), pause: (ms) => world.pause(ms) });
    return failure;
  });
}

/** The command line of a membership request. */
export function membershipCommand(request: MembershipRequest): string {
  const words = request.kind === 'add' ? `add ${request.id} ${request.address}` : request.kind === 'replace' ? `replace ${request.old} ${request.id} ${request.address}` : `${request.kind} ${request.id}`;
  return `raft-inspector member ${words} --lab lab --execute`;
}

/** Adds a member that runs and is in no configuration yet, waits until it has caught up, and gives it a vote. Each step is timed. */
export async function growBy(world: DrillWorld, id: string, timeoutMs: number): Promise<void> {
  const endsAt = world.nowMs() + timeoutMs;
  await world.start(id);
  const address = (await world.member(id)).address;
  world.members.push(id);
  await askFor(world, { kind: 'add', id, name: id, address }, timeoutMs);
  for (;;) {
    await waitFor(world, id, Math.max(1, endsAt - world.nowMs()));
    try {
      await askFor(world, { kind: 'promote', id }, timeoutMs);
      break;
    } catch (error) {
      // Under load it may have fallen behind again in the very moment: it is waited for once more, as an operator does.
      if (!(error instanceof RefusedError) || error.rule !== 'learner-lagging' || world.nowMs() > endsAt) throw error;
    }
  }
  world.voting.add(id);
}

async function askFor(world: DrillWorld, request: MembershipRequest, timeoutMs: number): Promise<void> {
  await world.recorder.step(membershipCommand(request), async () => {
    const failure = await changeMembers(world, request, timeoutMs);
    if (failure !== null) throw failure;
  });
}

async function waitFor(world: DrillWorld, id: string, timeoutMs: number): Promise<void> {
  await world.recorder.step(`raft-inspector member wait ${id} --lab lab`, () => withLive(world, (cluster) => waitForMember(cluster, id, { timeoutMs, nowMs: () => performance.now(), pause: (ms) => world.pause(ms) })));
}
