import type { MemberId, Term } from '../core/types.ts';
import { RefusedError, UnreachableError } from '../errors.ts';
import type { LeaderView, LiveCluster } from './cluster.ts';
import { OutcomeUnknownError } from './failures.ts';
import { memberOf, type MemberList } from './member-list.ts';

export interface StepdownReport {
  readonly before: { readonly leader: MemberId; readonly term: Term };
  readonly after: { readonly leader: MemberId; readonly term: Term };
  /** Longest time without an answered probe around the change of leaders, in milliseconds. */
  readonly gapMs: number;
  /** Probes that were answered; below two the gap is that of the whole measurement. */
  readonly probes: number;
}

export interface StepdownOptions {
  readonly timeoutMs: number;
  readonly nowMs: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

const PROBE_EVERY_MS = 5;
/** Probing begins this long before the hand-over, so that the last answer before it is seen, and goes on as long after it. */
const AROUND_MS = 60;
/** A hand-over that did not happen is asked for again after this. */
const ASK_AGAIN_MS = 300;

/**
 * The voter to hand over to: the one asked for, or the furthest that is healthy.
 * @throws {RefusedError} `no-leader`, `unknown-member`, `transfer-target`, or `target-lagging` when it is further behind than `maxLag` allows.
 */
export function chooseTarget(list: MemberList, asked: MemberId | null, maxLag: number, overrides: ReadonlySet<string>): { target: MemberId; lag: number | null } {
  if (list.leader === null) throw new RefusedError('no-leader', 'there is no leader to step down', 'raft-inspector member list shows who answers');
  const candidates = list.members.filter((one) => one.role === 'voter' && !one.isLeader && one.healthy).sort((a, b) => (a.lag ?? Number.MAX_SAFE_INTEGER) - (b.lag ?? Number.MAX_SAFE_INTEGER) || (a.id < b.id ? -1 : 1));
  if (asked !== null) {
    const member = memberOf(list, asked);
    if (member === undefined) throw new RefusedError('unknown-member', `${asked} is no member`, `The members are ${list.members.map((one) => one.id).join(', ')}`);
    if (member.role !== 'voter') throw new RefusedError('transfer-target', `${asked} is a learner and cannot lead`, `Make it a voter first: raft-inspector member promote ${asked}`);
    if (!member.healthy && !member.isLeader) throw new RefusedError('transfer-target', `${asked} is down: ${member.problem ?? 'it does not answer'}`, 'Name a voter that is up: raft-inspector member list');
  }
  const target = asked === null ? candidates[0] : memberOf(list, asked);
  if (target === undefined) throw new RefusedError('transfer-target', 'no other voter is up', 'Start another voter first: raft-inspector member list');
  if (target.lag !== null && target.lag > maxLag && !overrides.has('target-lagging')) {
    throw new RefusedError('target-lagging', `${target.id} is ${target.lag} entries behind, allowed are ${maxLag}`, 'Wait until it has caught up, allow more with --max-lag, or lift this rule with --override target-lagging: writes pause until it has caught up');
  }
  return { target: target.id, lag: target.lag };
}

/**
 * Hands the leadership over and measures for how long nobody answered: linearizable reads without effect run all the time, each
 * sent 5 ms after the last one; the gap is the longest time between two answers around the change. A write would wait as long: both need the
 * new leader's first commit.
 */
export async function stepDown(cluster: LiveCluster, from: { leader: MemberId; term: Term }, to: MemberId, options: StepdownOptions): Promise<StepdownReport> {
  const answers: number[] = [];
  let isOver = false;
  const probing = (async (): Promise<void> => {
    while (!isOver) {
      try {
        await cluster.probe({ timeoutMs: options.timeoutMs });
        answers.push(options.nowMs());
      } catch {
        // Not answered: that is what is being measured.
      }
      await options.pause(PROBE_EVERY_MS);
    }
  })();
  const startedAt = options.nowMs();
  try {
    await until(() => answers.length > 0 && options.nowMs() - startedAt >= AROUND_MS, options, options.timeoutMs);
    const asked = options.nowMs();
    await handOver(cluster, from.leader, to, options);
    const moved = options.nowMs();
    await until(() => (answers.at(-1) ?? 0) > moved + AROUND_MS, options, options.timeoutMs);
    const after = await settled(cluster, from, options);
    return { before: from, after, gapMs: Math.round(longestGap(answers, asked, moved)), probes: answers.length };
  } finally {
    isOver = true;
    await probing;
  }
}

/**
 * Asks for the hand-over until it has happened: a voter on a busy machine may not take over in time, and then the old leader goes on as if
 * nothing was asked.
 */
async function handOver(cluster: LiveCluster, from: MemberId, to: MemberId, options: StepdownOptions): Promise<void> {
  const endsAt = options.nowMs() + options.timeoutMs;
  for (;;) {
    try {
      await cluster.transferLeadership(to, { timeoutMs: Math.max(1, endsAt - options.nowMs()) });
      return;
    } catch (error) {
      const isOpen = error instanceof OutcomeUnknownError || (error instanceof RefusedError && error.rule === 'transfer-timeout');
      if (!isOpen || options.nowMs() + ASK_AGAIN_MS >= endsAt) throw error;
      await options.pause(ASK_AGAIN_MS);
      const leader = await leaderNow(cluster, Math.max(1, endsAt - options.nowMs()));
      if (leader !== null && leader !== from) return;
    }
  }
}

async function leaderNow(cluster: LiveCluster, timeoutMs: number): Promise<MemberId | null> {
  try {
    return (await cluster.leader({ timeoutMs })).leader;
  } catch (error) {
    if (error instanceof UnreachableError) return null;
    throw error;
  }
}

/** The longest time between two neighbouring answers of which the later came after `from`; the first one after `to` still counts. */
export function longestGap(answers: readonly number[], from: number, to: number): number {
  let longest = 0;
  for (let at = 1; at < answers.length; at += 1) {
    const [before, after] = [answers[at - 1] ?? 0, answers[at] ?? 0];
    if (before > to) break;
    if (after >= from) longest = Math.max(longest, after - before);
  }
  return longest;
}

/** The leader as the members name it afterwards: what is reported was seen, not only promised. */
async function settled(cluster: LiveCluster, before: { term: Term }, options: StepdownOptions): Promise<{ leader: MemberId; term: Term }> {
  let view: LeaderView = { leader: null, term: 0, since: null };
  await until(
    async () => {
      view = await cluster.leader({ timeoutMs: options.timeoutMs });
      return view.leader !== null && view.term > before.term;
    },
    options,
    options.timeoutMs,
  );
  if (view.leader === null) throw new UnreachableError('leadership was handed over, and no leader of a newer term showed itself in time', 'It may have moved all the same: raft-inspector leader show');
  return { leader: view.leader, term: view.term };
}

async function until(holds: () => boolean | Promise<boolean>, options: StepdownOptions, forMs: number): Promise<void> {
  const endsAt = options.nowMs() + forMs;
  while (!(await holds()) && options.nowMs() < endsAt) await options.pause(PROBE_EVERY_MS);
}
