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
  await world.start(id);
  const address = (await world.member(id)).address;
  world.members.push(id);
  for (const request of [{ kind: 'add', id, name: id, address }, { kind: 'promote', id }] as const) {
    if (request.kind === 'promote') await waitFor(world, id, timeoutMs);
    await world.recorder.step(membershipCommand(request), async () => {
      const failure = await changeMembers(world, request, timeoutMs);
      if (failure !== null) throw failure;
    });
  }
  world.voters += 1;
}

async function waitFor(world: DrillWorld, id: string, timeoutMs: number): Promise<void> {
  const { waitForMember } = await import('../live/caught-up.ts');
  await world.recorder.step(`raft-inspector member wait ${id} --lab lab`, () => withLive(world, (cluster) => waitForMember(cluster, id, { timeoutMs, nowMs: () => performance.now(), pause: (ms) => world.pause(ms) })));
}
