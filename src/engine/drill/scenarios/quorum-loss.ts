import type { LabMemberStatus } from '../../lab/orders.ts';
import { decisionLines, type Identified, rescue, survey, targetOf } from '../rescue.ts';
import { heldBy, type Held, judgeVerdict } from '../ground-truth.ts';
import { pickOne } from '../random.ts';
import { NOTHING_LOST, type Scenario, type ScenarioResult } from '../scenario.ts';
import type { DrillWorld } from '../world.ts';
import { electionAfter } from './failover.ts';

/** Between the loss of the majority and the end of the survivors: clients notice, and what is on its way arrives. */
const BEFORE_SURVIVORS_MS = 250;
const UP_MS = 10_000;

/** How the majority died, and who is left. */
export interface Loss {
  readonly dead: string[];
  readonly survivors: string[];
  readonly firstAt: number;
  readonly lostAt: number;
}

/**
 * Kills the majority with SIGKILL: one member after the other, each loss survived until the last one, or all in one moment.
 * @param doomed Members that must be among the dead.
 */
export async function loseMajority(world: DrillWorld, doomed: readonly string[] = []): Promise<Loss> {
  const { recorder, options, file } = world;
  const count = Math.ceil(world.members.length / 2);
  const dead: string[] = [];
  let [firstAt, lostAt] = [0, 0];
  if (file.kill === 'at-once') {
    const leader = await world.leader();
    const others = world.members.filter((id) => id !== leader);
    dead.push(leader);
    while (dead.length < count) dead.push(pickOne(others.filter((id) => !dead.includes(id)), options.random));
    firstAt = lostAt = await world.kill(dead);
  } else {
    while (dead.length < count) {
      const leader = await world.leader();
      const left = world.members.filter((id) => !dead.includes(id));
      const due = left.filter((id) => doomed.includes(id));
      const victim = dead.length === 0 ? leader : pickOne(due.length > 0 ? due : left, options.random);
      lostAt = await world.kill([victim]);
      if (dead.length === 0) firstAt = lostAt;
      dead.push(victim);
      // Until the last one the others go on: what clients are told meanwhile is on every disk that is left.
      if (dead.length < count) {
        await world.acknowledgedAfter(lostAt + 30);
        await world.pause(400);
      }
    }
  }
  const survivors = world.members.filter((id) => !dead.includes(id));
  recorder.setZero(lostAt, `${dead.at(-1)} killed: the majority is gone`);
  await world.pause(BEFORE_SURVIVORS_MS);
  await world.kill(survivors, 'SIGKILL', `kill -9 ${survivors.join(', ')}, so that their files hold still`);
  return { dead, survivors, firstAt, lostAt };
}

async function run(world: DrillWorld): Promise<ScenarioResult> {
  const { recorder } = world;
  const original = [...world.members];
  const loss = await recorder.phase('lose the majority', () => loseMajority(world));
  await recorder.phase('stop traffic', () => world.traffic.stop());
  let held: Held | null = null;
  const { found, plan, servedAt } = await rescue(world, {
    disks: loss.survivors.map((id) => ({ label: id, directory: world.dataOf(id) })),
    targetMembers: targetOf(world),
    lostAt: loss.lostAt,
    lostBy: `${loss.dead.at(-1)} killed`,
    afterIdentify: async (one) => {
      held = await truthOf(world, one, original);
    },
  });
  await world.pause(500);
  await checkOldMember(world, loss.dead);
  const atOnce = world.file.kill === 'at-once';
  return {
    rtoMs: servedAt - loss.lostAt,
    electionMs: atOnce ? null : electionAfter(world, loss.firstAt),
    points: { rto: [lastKilled(loss.dead), 'first acknowledged write'], election: ['the leader killed first', 'first write acknowledged by another leader'] },
    ...(atOnce ? { meaningless: ['electionMs' as const] } : {}),
    decision: decisionLines(found),
    beyondReach: (held as Held | null)?.lacks ?? new Set(),
    told: {
      broken: `${loss.dead.join(', ')} were killed with SIGKILL under load${atOnce ? ', in one moment' : ', one after the other'}, and ${loss.survivors.join(', ')} right after: ${original.length} members without a majority.`,
      done: `Traffic was stopped, ${found.report.source} was picked, a cluster of one was built from its disk and checked, clients were let back in ${world.file.reopen === 'after-check' ? 'and' : 'after'} ${plan.joins.map((one) => one.member).join(', ')} joined one at a time.`,
      proven: 'Every acknowledged write that a surviving disk held is there, once; the old members are refused.',
    },
  };
}

/** The kill that took the majority along, in words. */
export function lastKilled(dead: readonly string[]): string {
  return `${['1st', '2nd', '3rd'][dead.length - 1] ?? `${dead.length}th`} member killed`;
}

/** What really was on the source's disk, and whether the pick said so: all disks of the practice cluster can still be read. */
async function truthOf(world: DrillWorld, found: Identified, original: readonly string[]): Promise<Held> {
  const { recorder, traffic } = world;
  const acknowledged = traffic.writes.filter((one) => one.outcome === 'ok');
  const source = found.disks.find((one) => one.evidence.report.label === found.report.source);
  if (source?.reading === null || source === undefined) throw new Error(`no source was found among ${found.disks.map((one) => one.evidence.report.label).join(', ')}`);
  const held = heldBy(source.reading, acknowledged);
  traffic.disregard(held.lacks);
  const { ok, detail } = judgeVerdict(found.report, held);
  recorder.check('the verdict on the loss agrees with the truth', ok, detail);
  const all = await survey(world, original.map((id) => ({ label: id, directory: world.dataOf(id) })));
  const { examine } = await import('../../recovery/pick.ts');
  const whole = examine(all.map((one) => one.evidence)).report;
  const best = all.find((one) => one.evidence.report.label === whole.source);
  const complete = best?.reading === null || best === undefined ? null : heldBy(best.reading, acknowledged);
  recorder.check('with every disk the pick proves that nothing is lost, and it is so', whole.loss.verdict === 'none' && complete?.lackedAt.length === 0, `source ${whole.source ?? 'none'}, loss ${whole.loss.verdict} (${whole.loss.proof}), ${complete?.lackedAt.length ?? '?'} acknowledged writes missing from its log`);
  return held;
}

/** An old member that comes back is not let in, and changes nothing. */
async function checkOldMember(world: DrillWorld, dead: readonly string[]): Promise<void> {
  const { recorder } = world;
  const id = pickOne(dead, world.options.random);
  await recorder.phase('return of an old member', async () => {
    const leader = await world.leader();
    const before = await world.member(leader);
    await world.start(id);
    await world.pause(1500);
    // On a busy machine it may be slow to say how it stands.
    const old = await world.until(`${id} up`, async () => lookAt(await world.member(id)), UP_MS).catch(() => world.member(id));
    const after = await world.member(leader);
    const { ok, detail } = judgeOldMember(old, before, after);
    recorder.check('an old member that returns is refused', ok, detail);
    await world.kill([id]);
  });
}

type Seen = Pick<LabMemberStatus, 'id' | 'state' | 'role' | 'leader' | 'term' | 'appliedIndex'>;

/**
 * Whether an old member that was started again stays out. One that does not run has tried nothing: that proves nothing.
 * @param before The new leader when it was started. @param after The same a moment later.
 */
export function judgeOldMember(old: Seen, before: Seen, after: Seen): { readonly ok: boolean; readonly detail: string } {
  const isOut = old.role !== 'leader' && old.leader === null && (old.appliedIndex ?? 0) <= (before.appliedIndex ?? 0);
  // Whatever it asks for comes with a term of the old lineage, far below the new one: it cannot even raise a term.
  const isBelow = (old.term ?? 0) < (after.term ?? 0);
  return { ok: lookAt(old) !== null && isOut && isBelow, detail: `${old.id} ${old.state}, says ${old.role ?? '-'}, knows ${old.leader === null ? 'no leader' : `leader ${old.leader}`}, term ${old.term ?? '-'}; the cluster is at term ${after.term ?? '-'}` };
}

/** A member that runs and says how it stands; null: it does not. */
function lookAt<T extends Seen>(one: T): T | null {
  return one.state === 'running' && one.role !== null ? one : null;
}

function quorumLoss(nodes: 3 | 5): Scenario {
  return {
    name: `quorum-loss-${nodes}`,
    topic: 'loss of the majority',
    title: `${nodes} members lose their majority for good`,
    seconds: nodes === 3 ? 25 : 40,
    nodes,
    scales: true,
    timing: 'fast',
    limits: { rtoMs: 60_000, ...NOTHING_LOST, electionMs: 1000 },
    onEtcd: true,
    run,
  };
}

/** Requirement row 0-099. */
export const quorumLoss3 = quorumLoss(3);
export const quorumLoss5 = quorumLoss(5);
