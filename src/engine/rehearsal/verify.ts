import crypto from 'node:crypto';
import fs from 'node:fs';
import type { MemberId } from '../core/types.ts';
import { InspectorError, RefusedError, UnreachableError, UsageError } from '../errors.ts';
import type { CallOptions, LiveCluster, StateHash } from '../live/cluster.ts';
import type { KvAccess } from '../live/kv-access.ts';
import { type MemberList, toleranceOf } from '../live/member-list.ts';
import type { CheckLine } from '../model/check-line.ts';
import { type RecoveryPlan, shortPlanId } from '../model/plan.ts';
import type { VerifyReport } from '../model/verify-report.ts';
import { operatorCheck } from './operator-check.ts';

/** Keys of the write that is read back; each is deleted again. */
export const VERIFY_PREFIX = 'raft-inspector/verify/';

export interface VerifyOptions {
  /** For the whole of it, the operator's own checks apart. */
  readonly timeoutMs: number;
  readonly endpoints: readonly string[];
  /** What the rehearsal found, where there was one: it knows more than the plan could. */
  readonly rehearsed?: { readonly stateHash: number | string | null; readonly revision: number | null } | null;
  /** Commands of the operator's own, besides those of the plan. */
  readonly checks?: readonly string[];
  readonly checkTimeoutMs?: number;
  /** Where its data lies on this machine: tells the free space; null: not here. */
  readonly dataDir?: string | null;
  readonly nowMs?: () => number;
  readonly pause?: (ms: number) => Promise<void>;
}

/** A verification, and the state that was compared. */
export interface Verification extends VerifyReport {
  readonly stateHash: number | string | null;
  readonly revision: number | null;
}

const POLL_MS = 100;
const ASK_MS = 5000;
const CHECK_MS = 60_000;
const GIB = 1024 ** 3;

/**
 * Looks whether what runs is what was planned, and works: the checks of the plan, in an order in which nothing is written before the state was
 * compared.
 * @throws {UnreachableError} When nobody answers in time.
 */
export async function verifyRecovery(plan: RecoveryPlan, cluster: LiveCluster, options: VerifyOptions): Promise<Verification> {
  const nowMs = options.nowMs ?? (() => performance.now());
  const startedAt = nowMs();
  const endsAt = startedAt + options.timeoutMs;
  const left = (): CallOptions => ({ timeoutMs: Math.max(1, Math.min(ASK_MS, endsAt - nowMs())) });
  const list = await untilLed(plan, cluster, endsAt, nowMs, options.pause ?? realPause);
  const leader = leaderCheck(plan, list);
  const state = await lookAtState(plan, cluster, list, options.rehearsed ?? null, left);
  const checks: CheckLine[] = [
    leader,
    votersCheck(plan, list),
    entriesCheck(plan, list),
    state.check,
    await guarded('write', () => (leader.ok === false && list.leader !== null ? Promise.resolve({ name: 'write', ok: null, detail: 'nothing was written: this is not the planned cluster' }) : writeCheck(plan, cluster, left))),
    await guarded('fences', () => fencesCheck(plan, list, cluster, left)),
    await guarded('alarms', () => alarmsCheck(cluster, options.dataDir ?? null, left)),
  ];
  for (const command of [...plan.checks, ...(options.checks ?? [])]) checks.push(await operatorCheck(command, { timeoutMs: options.checkTimeoutMs ?? CHECK_MS, endpoints: options.endpoints }));
  const { voters, failuresTolerated } = toleranceOf(list.members);
  return {
    planId: plan.planId,
    verdict: checks.some((one) => one.ok === false) ? 'failed' : 'verified',
    endpoints: [...options.endpoints],
    leader: list.leader,
    term: list.term,
    checks,
    voters,
    failuresTolerated,
    durationMs: Math.round(nowMs() - startedAt),
    stateHash: state.hash,
    revision: state.revision,
  };
}

/** A server that was just started elects first, and then commits what it holds: both are waited for. */
async function untilLed(plan: RecoveryPlan, cluster: LiveCluster, endsAt: number, nowMs: () => number, pause: (ms: number) => Promise<void>): Promise<MemberList> {
  let last: MemberList | null = null;
  for (;;) {
    try {
      last = await cluster.memberList({ timeoutMs: Math.max(1, Math.min(ASK_MS, endsAt - nowMs())) });
      // What another cluster commits never gets there: it is told at once.
      if (last.leader !== null && (last.commitIndex >= plan.outcome.lastEntry.index || leaderCheck(plan, last).ok === false)) return last;
    } catch (error) {
      if (!(error instanceof UnreachableError) || nowMs() + POLL_MS >= endsAt) throw error;
    }
    if (nowMs() + POLL_MS >= endsAt) {
      if (last !== null) return last;
      throw new UnreachableError('no member answered in time', 'Look whether the server was started, and at its log');
    }
    await pause(POLL_MS);
  }
}

function leaderCheck({ outcome }: RecoveryPlan, list: MemberList): CheckLine {
  const name = 'leader';
  if (outcome.clusterId !== null && list.clusterId !== outcome.clusterId) return { name, ok: false, detail: `cluster ${list.clusterId} answers, planned is ${outcome.clusterId}` };
  if (list.leader === null) return { name, ok: false, detail: 'there is no leader' };
  if (list.term <= outcome.termAbove) return { name, ok: false, detail: `term ${list.term} is not above ${outcome.termAbove}: the old cluster answers, or the plan was not applied` };
  if (outcome.generation !== null && list.generation !== undefined && list.generation !== outcome.generation) return { name, ok: false, detail: `generation ${list.generation} answers, planned is ${outcome.generation}` };
  return { name, ok: true, detail: `one leader, term ${list.term} > ${outcome.termAbove}` };
}

function entriesCheck({ outcome }: RecoveryPlan, { commitIndex }: MemberList): CheckLine {
  const planned = outcome.lastEntry.index;
  const ok = commitIndex >= planned;
  return { name: 'entries', ok, detail: ok ? `no entry missing, 1-${commitIndex}` : `entries up to ${commitIndex} are committed, planned are ${planned}` };
}

function votersCheck({ outcome }: RecoveryPlan, { members }: MemberList): CheckLine {
  const name = 'voters';
  const voters = members.filter((one) => one.role === 'voter');
  const named = (ids: readonly MemberId[]): string => ids.map((id) => members.find((one) => one.id === id)?.name ?? id).join(', ');
  const missing = outcome.voters.filter((id) => !voters.some((one) => one.id === id));
  if (missing.length > 0) return { name, ok: false, detail: `voters: ${named(voters.map((one) => one.id)) || 'none'}; planned: ${named(outcome.voters)}` };
  const grown = members.filter((one) => !outcome.voters.includes(one.id)).map((one) => one.id);
  return { name, ok: true, detail: `voters: ${named(outcome.voters)}, as planned${grown.length === 0 ? '' : `; since then ${named(grown)}`}` };
}

/** The old members are none, and whoever comes under one of their ids is turned away: tried where that can be tried from here. */
async function fencesCheck({ fences, outcome }: RecoveryPlan, list: MemberList, cluster: LiveCluster, left: () => CallOptions): Promise<CheckLine> {
  const name = 'fences';
  if (fences.length === 0) return { name, ok: true, detail: 'nobody was left behind' };
  const old = fences.map((one) => one.member).toSorted().join(', ');
  const back = fences.filter((one) => one.id !== null && list.members.some((member) => member.id === one.id));
  if (back.length > 0) return { name, ok: false, detail: `${back.map((one) => one.member).join(', ')} of the old cluster ${back.length === 1 ? 'is a member' : 'are members'} under the old id` };
  if (fences.some((one) => one.id === null)) return { name, ok: null, detail: `${old}: their old ids are not known` };
  const none = `${old} ${fences.length === 1 ? 'is no member' : 'are not members'}`;
  // Every request of another generation is refused by its members; that this one runs was looked at before.
  if (outcome.generation !== null && list.generation === outcome.generation) return { name, ok: true, detail: `${none}, generation ${outcome.generation} refuses them` };
  const tried = await Promise.all(fences.map(async (one) => ({ one, isRefused: (await cluster.refusesMember?.(one.id ?? '', left())) ?? null })));
  const accepted = tried.filter((each) => each.isRefused === false);
  if (accepted.length > 0) return { name, ok: false, detail: `${none}, but ${accepted.map(({ one }) => one.member).join(', ')} would be let in under the old id` };
  return { name, ok: true, detail: tried.every((each) => each.isRefused === true) ? `${none}, ${fences.length === 1 ? 'its id is' : 'their ids are'} refused` : none };
}

interface StateLook {
  readonly check: CheckLine;
  readonly hash: number | string | null;
  readonly revision: number | null;
}

/** Compares the state of the members with what was planned or rehearsed, and with each other. */
async function lookAtState(plan: RecoveryPlan, cluster: LiveCluster, list: MemberList, rehearsed: VerifyOptions['rehearsed'] | null, left: () => CallOptions): Promise<StateLook> {
  const name = 'state hash';
  const expected = rehearsed?.stateHash ?? plan.outcome.stateHash;
  const revision = rehearsed?.stateHash === undefined || rehearsed.stateHash === null ? plan.outcome.revision : rehearsed.revision;
  const from = rehearsed?.stateHash === undefined || rehearsed.stateHash === null ? 'planned' : 'rehearsed';
  const open = (detail: string): StateLook => ({ check: { name, ok: null, detail: `state hash: ${detail}` }, hash: null, revision: null });
  if (cluster.stateHashes === undefined || list.leader === null) return open(list.leader === null ? 'not compared without a leader' : `clusters of kind ${cluster.kind} tell none`);
  let hashes: StateHash[];
  try {
    // Answered only when all that was committed before is applied: a state that is still being made has no hash worth comparing.
    await cluster.probe(left());
    hashes = await cluster.stateHashes(expected === null ? null : revision, left());
  } catch (error) {
    if (error instanceof RefusedError && error.rule === 'compacted') return open(`revision ${revision} is compacted by now`);
    if (error instanceof RefusedError && error.rule === 'future-revision') return { check: { name, ok: false, detail: `revision ${revision} is missing: writes are lost` }, hash: null, revision: null };
    if (error instanceof InspectorError) return open(error.message);
    throw error;
  }
  const [first] = hashes;
  if (first === undefined) return open('no member told one');
  const at = first.revision === null ? '' : ` at revision ${first.revision}`;
  const found = { hash: first.hash, revision: first.revision };
  const differing = hashes.filter((one) => one.index === first.index && one.hash !== first.hash);
  if (differing.length > 0) return { check: { name, ok: false, detail: `state hash: ${first.member} has ${first.hash}${at}, ${differing.map((one) => `${one.member} ${one.hash}`).join(', ')}` }, ...found };
  if (expected === null) return { check: { name, ok: hashes.length > 1 ? true : null, detail: `state hash ${showHash(first.hash)}${at}${hashes.length > 1 ? `, equal on ${hashes.length} members` : '; nothing to compare it with'}` }, ...found };
  if (String(first.hash) === String(expected)) return { check: { name, ok: true, detail: `state hash ${showHash(first.hash)}${at}, as ${from}` }, ...found };
  // Without revisions the state moves on with every write.
  if (hasWrites(plan, first)) return { check: { name, ok: null, detail: `state hash ${showHash(first.hash)} at entry ${first.index}: it has taken writes since` }, ...found };
  return { check: { name, ok: false, detail: `state hash ${showHash(first.hash)}${at}, ${from} was ${showHash(expected)}` }, ...found };
}

/** The first entry behind the planned ones is the new leader's own, which changes nothing; any more are clients' or another leader's. */
function hasWrites(plan: RecoveryPlan, { index }: StateHash): boolean {
  return index !== null && index > plan.outcome.lastEntry.index + 1;
}

function showHash(hash: number | string): string {
  return typeof hash === 'string' && hash.length > 16 ? hash.slice(0, 16) : String(hash);
}

/** A key of its own is written, read back and deleted. */
async function writeCheck(plan: RecoveryPlan, cluster: LiveCluster, left: () => CallOptions): Promise<CheckLine> {
  const name = 'write';
  let kv: KvAccess;
  try {
    kv = cluster.kv();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    await cluster.probe(left());
    return { name, ok: true, detail: 'answered a linearizable request; its machine takes no keys' };
  }
  const key = Buffer.from(`${VERIFY_PREFIX}${shortPlanId(plan)}-${crypto.randomBytes(4).toString('hex')}`);
  const value = Buffer.from(crypto.randomUUID());
  await kv.put(key, value, left());
  const { found } = await kv.get(key, { kind: 'linearizable' }, left());
  const isRead = found !== null && Buffer.from(found.value).equals(value);
  await kv.delete(key, left());
  return { name, ok: isRead, detail: isRead ? 'write accepted and read back' : `a write was accepted, and ${found === null ? 'nothing' : 'something else'} read back` };
}

async function alarmsCheck(cluster: LiveCluster, dataDir: string | null, left: () => CallOptions): Promise<CheckLine> {
  const name = 'alarms';
  const alarms = cluster.alarms === undefined ? [] : await cluster.alarms(left());
  const free = freeBytes(dataDir);
  const space = free === null ? '' : `, ${Math.floor(free / GIB)} GB free`;
  return { name, ok: alarms.length === 0, detail: alarms.length === 0 ? `no alarm${space}` : alarms.join('; ') };
}

function freeBytes(dataDir: string | null): number | null {
  try {
    const { bavail, bsize } = fs.statfsSync(dataDir ?? '');
    return bavail * bsize;
  } catch {
    return null; // not on this machine
  }
}

/** A check that could not be made because the cluster did not answer, or refused, has failed: it is what clients would see. */
async function guarded(name: string, check: () => Promise<CheckLine>): Promise<CheckLine> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof InspectorError) return { name, ok: false, detail: `${name}: ${error.message}` };
    throw error;
  }
}

function realPause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
