import { operationsOf, type History, type Operation } from './history.ts';
import { applyTo, type KeyState } from './sequential-model.ts';

/** What a checker found: empty when the history is fine. */
export type Complaints = readonly string[];

interface Write {
  readonly index: number;
  readonly operation: Operation;
}

/**
 * The check by log positions, O(n log n): writes that ended before another began have the smaller index; each result is what the
 * state at its index gives; a read's index covers everything acknowledged before it began; nothing failed is in the log, nothing is
 * in it twice. Reads of level `follower` and `stale` must show the state at the index they name; those with a token not one before it.
 */
export function checkLogOrder(history: History): Complaints {
  const operations = operationsOf(history);
  const complaints: string[] = [];
  const places = placesOf(history, operations, complaints);
  const states = replay(places, complaints);
  checkOrder(operations, places, complaints);
  for (const operation of operations) if (operation.op === 'get' && operation.outcome === 'ok') checkRead(operation, states, complaints);
  return complaints;
}

/** Where each write took effect, by index: from the answers, and for unknown ones from the applied log. */
function placesOf({ lines }: History, operations: readonly Operation[], complaints: string[]): Write[] {
  const applied = new Map<string, number[]>();
  let hasLog = false;
  for (const line of lines) {
    if (line.t !== 'applied') continue;
    hasLog = true;
    applied.set(line.id, [...(applied.get(line.id) ?? []), line.index]);
  }
  const writes: Write[] = [];
  const taken = new Map<number, string>();
  for (const operation of operations) {
    if (operation.op === 'get') continue;
    const logged = applied.get(operation.id) ?? [];
    if (logged.length > 1) complaints.push(`${operation.id} is in the log ${logged.length} times, at ${logged.join(', ')}`);
    if (operation.outcome === 'fail' && logged.length > 0) complaints.push(`${operation.id} was reported as failed and is in the log at ${logged.join(', ')}`);
    if (operation.outcome === 'ok' && hasLog && logged[0] !== operation.index) complaints.push(`${operation.id} was acknowledged at ${operation.index}, the log has it at ${logged[0] ?? 'no place'}`);
    const index = operation.outcome === 'ok' ? operation.index : (logged[0] ?? null);
    if (index === null) continue;
    const other = taken.get(index);
    if (other !== undefined) complaints.push(`${operation.id} and ${other} have the same index ${index}`);
    taken.set(index, operation.id);
    writes.push({ index, operation });
  }
  return writes.sort((a, b) => a.index - b.index);
}

/** Carries the writes out in the order of the log and compares every acknowledged result. */
function replay(writes: readonly Write[], complaints: string[]): Map<string, { index: number; state: KeyState }[]> {
  const states = new Map<string, { index: number; state: KeyState }[]>();
  for (const { index, operation } of writes) {
    const versions = states.get(operation.k) ?? [];
    states.set(operation.k, versions);
    const { state, r } = applyTo(versions.at(-1)?.state ?? null, operation);
    if (operation.outcome === 'ok' && operation.r !== r) complaints.push(`${operation.id} (${operation.op} ${operation.k}) at ${index} answered ${JSON.stringify(operation.r)}, its place in the log gives ${JSON.stringify(r)}`);
    versions.push({ index, state });
  }
  return states;
}

/** Real time: what ended before another began comes before it. */
function checkOrder(operations: readonly Operation[], writes: readonly Write[], complaints: string[]): void {
  const indexOf = new Map(writes.map((write) => [write.operation, write.index]));
  const ends = operations.filter((one) => one.outcome === 'ok' && one.ended !== null && (one.op !== 'get' || one.level === 'linearizable')).sort((a, b) => (a.ended ?? 0) - (b.ended ?? 0));
  let [next, newest, newestId, newestIsWrite] = [0, 0, '', false];
  for (const operation of operations) {
    for (let end = ends[next]; end !== undefined && (end.ended ?? 0) < operation.invoked; end = ends[(next += 1)]) {
      const index = end.index ?? 0;
      if (index > newest || (index === newest && end.op !== 'get')) [newest, newestId, newestIsWrite] = [index, end.id, end.op !== 'get'];
    }
    if (operation.op === 'get') {
      if (operation.level === 'linearizable' && operation.outcome === 'ok' && (operation.index ?? 0) < newest) complaints.push(`${operation.id} read the state at ${operation.index}, though ${newestId} at ${newest} had ended before it began`);
      continue;
    }
    const index = indexOf.get(operation);
    if (index !== undefined && (index < newest || (index === newest && newestIsWrite))) complaints.push(`${operation.id} took effect at ${index}, though ${newestId} at ${newest} had ended before it began`);
    if (index !== undefined && index === newest && !newestIsWrite) complaints.push(`${operation.id} took effect at ${index}, which ${newestId} had read before it began`);
  }
}

function checkRead(operation: Operation, states: ReadonlyMap<string, readonly { index: number; state: KeyState }[]>, complaints: string[]): void {
  const index = operation.index ?? 0;
  const expected = states.get(operation.k)?.findLast((version) => version.index <= index)?.state ?? null;
  if (operation.r !== expected) complaints.push(`${operation.id} read ${JSON.stringify(operation.r)} from ${operation.k} at ${index}, the log gives ${JSON.stringify(expected)}`);
  if (operation.token !== null && index < operation.token) complaints.push(`${operation.id} read the state at ${index}, its session had seen ${operation.token}`);
}
