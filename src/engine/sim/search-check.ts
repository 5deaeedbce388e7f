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
  for (const operation of operationsOf(history)) {
    if (operation.outcome === 'fail' || (operation.op === 'get' && (operation.outcome !== 'ok' || operation.level !== 'linearizable'))) continue;
    byKey.set(operation.k, [...(byKey.get(operation.k) ?? []), operation]);
  }
  const complaints: string[] = [];
  for (const [key, operations] of byKey) {
    if (operations.length > MAX_OPERATIONS_PER_KEY) continue;
    const verdict = search(operations);
    if (verdict === 'no') complaints.push(`no order of the ${operations.length} operations on ${key} explains their results`);
    if (verdict === 'gave-up') complaints.push(`the search over ${operations.length} operations on ${key} was given up after ${MAX_STEPS} steps`);
  }
  return complaints;
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

function search(operations: readonly Operation[]): 'yes' | 'no' | 'gave-up' {
  const head = momentsOf(operations);
  const chosen: { moment: Moment; state: KeyState }[] = [];
  const seen = new Set<string>();
  const bits = new Uint32Array(Math.ceil(operations.length / 32));
  let state: KeyState = null;
  let known = operations.filter((one) => one.outcome === 'ok').length;
  let at = head.next;
  for (let steps = 0; known > 0; steps += 1) {
    if (steps > MAX_STEPS) return 'gave-up';
    if (at !== null && at.isCall) {
      const operation = operations[at.operation] as Operation;
      const next = applyTo(state, operation);
      if (operation.outcome !== 'ok' || operation.r === next.r) {
        flip(bits, at.operation);
        const key = `${bits.join(',')}|${next.state === null ? '-' : `+${next.state}`}`;
        if (!seen.has(key)) {
          seen.add(key);
          chosen.push({ moment: at, state });
          state = next.state;
          if (operation.outcome === 'ok') known -= 1;
          lift(at);
          at = head.next;
          continue;
        }
        flip(bits, at.operation);
      }
      at = at.next;
      continue;
    }
    // An answer that no order chosen so far explains: take the last choice back.
    const back = chosen.pop();
    if (back === undefined) return 'no';
    if ((operations[back.moment.operation] as Operation).outcome === 'ok') known += 1;
    flip(bits, back.moment.operation);
    state = back.state;
    unlift(back.moment);
    at = back.moment.next;
  }
  return 'yes';
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
