import { operationsOf, type History, type Operation } from './history.ts';
import type { Complaints } from './log-order-check.ts';
import { applyTo, type KeyState } from './sequential-model.ts';

/** Operations of one key up to which the search is tried (C.8 of porcupine's papers: it is exponential in what overlaps). */
export const MAX_OPERATIONS_PER_KEY = 2_000;
const MAX_STEPS = 2_000_000;

interface Moment {
  readonly operation: number;
  readonly isCall: boolean;
  previous: Moment | null;
  next: Moment | null;
  match: Moment | null;
}

/**
 * The black-box check (Wing and Gong 1993, Lowe 2017): is there an order of the operations, key by key, that respects real time and
 * explains every result? Sets of linearized operations with the state they lead to are remembered, so no branch is tried twice. Looks
 * at nothing but calls and answers. Unknown operations may take effect at any later moment, or never. Reads of other levels than
 * `linearizable` promise less and are left to the check by log order.
 */
export function checkBySearch(history: History): Complaints {
  const byKey = new Map<string, Operation[]>();
  const applied = appliedIndexes(history);
  for (const operation of operationsOf(history)) {
    if (operation.outcome === 'fail' || (operation.op === 'get' && (operation.outcome !== 'ok' || operation.level !== 'linearizable'))) continue;
    byKey.set(operation.k, [...(byKey.get(operation.k) ?? []), operation]);
  }
  const complaints: string[] = [];
  for (const [key, operations] of byKey) {
    if (operations.length > MAX_OPERATIONS_PER_KEY) continue;
    // The log's own order is tried first where there is one: an order found so is an order (it is checked like any other), found fast.
    const chosen = operations.filter((one) => one.outcome === 'ok' || applied?.has(one.id) === true);
    const byLog = (one: Operation): number => 2 * (one.index ?? applied?.get(one.id) ?? Number.MAX_SAFE_INTEGER / 2) + (one.op === 'get' ? 1 : 0);
    const isExplained = applied !== null && search(chosen, MAX_STEPS / 20, byLog) === 'yes';
    const verdict = isExplained ? 'yes' : search(operations, MAX_STEPS, (one) => one.ended ?? Number.MAX_SAFE_INTEGER);
    if (verdict === 'no') complaints.push(`no order of the ${operations.length} operations on ${key} explains their results`);
    if (verdict === 'gave-up') complaints.push(`the search over ${operations.length} operations on ${key} was given up after ${MAX_STEPS} steps`);
  }
  return complaints;
}

function appliedIndexes({ lines }: History): ReadonlyMap<string, number> | null {
  const indexes = new Map<string, number>();
  for (const line of lines) if (line.t === 'applied') indexes.set(line.id, line.index);
  return indexes.size === 0 ? null : indexes;
}

/** Calls and returns in order of time; unknown operations return after everything. */
function momentsOf(operations: readonly Operation[]): Moment {
  const rows: { at: number; operation: number; isCall: boolean }[] = [];
  for (const [at, operation] of operations.entries()) {
    rows.push({ at: operation.invoked, operation: at, isCall: true });
    rows.push({ at: operation.ended ?? Number.MAX_SAFE_INTEGER, operation: at, isCall: false });
  }
  rows.sort((a, b) => a.at - b.at);
  const head: Moment = { operation: -1, isCall: false, previous: null, next: null, match: null };
  const calls = new Map<number, Moment>();
  let last = head;
  for (const { operation, isCall } of rows) {
    const moment: Moment = { operation, isCall, previous: last, next: null, match: null };
    last.next = moment;
    last = moment;
    if (isCall) calls.set(operation, moment);
    else (calls.get(operation) as Moment).match = moment;
  }
  return head;
}

interface Level {
  readonly candidates: readonly Moment[];
  next: number;
  readonly state: KeyState;
  taken: Moment | null;
}

/**
 * Depth first; at each level those operations may come next that began before the first answer still unexplained. `rank`: which to try
 * first. It decides how fast a witness is found and nothing else.
 */
function search(operations: readonly Operation[], maxSteps: number, rank: (operation: Operation) => number): 'yes' | 'no' | 'gave-up' {
  const head = momentsOf(operations);
  const ranks = operations.map(rank);
  const seen = new Set<string>();
  const bits = new Uint32Array(Math.ceil(operations.length / 32));
  let known = operations.filter((one) => one.outcome === 'ok').length;
  const levels: Level[] = [{ candidates: candidatesAt(head, ranks), next: 0, state: null, taken: null }];
  for (let steps = 0; known > 0; steps += 1) {
    if (steps > maxSteps) return 'gave-up';
    const level = levels.at(-1);
    if (level === undefined) return 'no';
    if (level.taken !== null) {
      // What followed from this choice failed: take it back.
      flip(bits, level.taken.operation);
      unlift(level.taken);
      if (operations[level.taken.operation]?.outcome === 'ok') known += 1;
      level.taken = null;
    }
    const candidate = level.candidates[level.next];
    level.next += 1;
    if (candidate === undefined) {
      levels.pop();
      continue;
    }
    const operation = operations[candidate.operation] as Operation;
    const { state, r } = applyTo(level.state, operation);
    if (operation.outcome === 'ok' && operation.r !== r) continue;
    flip(bits, candidate.operation);
    const key = `${bits.join(',')}|${state === null ? '-' : `+${state}`}`;
    if (seen.has(key)) {
      flip(bits, candidate.operation);
      continue;
    }
    seen.add(key);
    lift(candidate);
    level.taken = candidate;
    if (operation.outcome === 'ok') known -= 1;
    levels.push({ candidates: candidatesAt(head, ranks), next: 0, state, taken: null });
  }
  return 'yes';
}

function candidatesAt(head: Moment, ranks: readonly number[]): Moment[] {
  const candidates: Moment[] = [];
  for (let at = head.next; at?.isCall === true; at = at.next) candidates.push(at);
  return candidates.sort((a, b) => (ranks[a.operation] ?? 0) - (ranks[b.operation] ?? 0));
}

function flip(bits: Uint32Array, at: number): void {
  bits[at >>> 5] = ((bits[at >>> 5] as number) ^ (1 << (at & 31))) >>> 0;
}

function lift(call: Moment): void {
  const answer = call.match as Moment;
  for (const moment of [call, answer]) {
    if (moment.previous !== null) moment.previous.next = moment.next;
    if (moment.next !== null) moment.next.previous = moment.previous;
  }
}

function unlift(call: Moment): void {
  const answer = call.match as Moment;
  for (const moment of [answer, call]) {
    if (moment.previous !== null) moment.previous.next = moment;
    if (moment.next !== null) moment.next.previous = moment;
  }
}
