import { decodeKvCommand, KV_MAX_VALUE_BYTES, type KvCommand, type KvExpectation, type KvFound, type KvResult } from '../../native/kv-command.ts';
import type { KvEvent } from '../../native/kv-query.ts';
import { compareBytes } from '../../native/kv-record.ts';
import type { KvStateHash } from '../../native/kv-state-hash.ts';
import type { LayeredState } from './layered-state.ts';

/** A command's result, and the change it made if it made one. */
export interface Executed {
  readonly result: KvResult;
  readonly event: Exclude<KvEvent, { kind: 'lost' }> | null;
}

/** Carries out one committed command at `index`. Depends on state and command alone; broken bytes give a result that says so. */
export function execute(state: LayeredState, hash: KvStateHash, index: number, payload: Uint8Array): Executed {
  let command: KvCommand;
  try {
    command = decodeKvCommand(payload);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { result: { status: 'bad', reason: error.message }, event: null };
  }
  const before = state.get(command.key);
  switch (command.op) {
    case 'put':
      return write(command.key, command.value);
    case 'delete':
      return remove(command.key);
    case 'cas':
      return holds(command.expected, before) ? write(command.key, command.value) : { result: { status: 'conflict', found: foundOf(before) }, event: null };
    case 'append':
      return append(command.key, command.value);
  }

  function append(key: Uint8Array, tail: Uint8Array): Executed {
    const head = before?.value ?? new Uint8Array(0);
    const bytes = head.length + tail.length;
    if (bytes > KV_MAX_VALUE_BYTES) return { result: { status: 'bad', reason: `the value would be ${bytes} bytes long, allowed are ${KV_MAX_VALUE_BYTES}` }, event: null };
    const value = new Uint8Array(bytes);
    value.set(head);
    value.set(tail, head.length);
    return write(key, value);
  }

  function write(key: Uint8Array, value: Uint8Array): Executed {
    // Copies: what was decoded are views into an entry, which must not be kept alive by one small value.
    const record = { key: key.slice(), value: value.slice(), revision: index };
    if (before !== null) hash.remove(before.key, before.value, before.revision);
    hash.add(record.key, record.value, index);
    state.set(record);
    return { result: { status: 'ok', revision: index, existed: before !== null }, event: { kind: 'put', ...record } };
  }

  function remove(key: Uint8Array): Executed {
    if (before === null) return { result: { status: 'ok', revision: index, existed: false }, event: null };
    hash.remove(before.key, before.value, before.revision);
    state.delete(before.key);
    return { result: { status: 'ok', revision: index, existed: true }, event: { kind: 'delete', key: key.slice(), revision: index } };
  }
}

function holds(expected: KvExpectation, found: KvFound | null): boolean {
  switch (expected.kind) {
    case 'absent':
      return found === null;
    case 'value':
      return found !== null && compareBytes(found.value, expected.value) === 0;
    case 'revision':
      return found !== null && found.revision === expected.revision;
  }
}

function foundOf(found: KvFound | null): KvFound | null {
  return found === null ? null : { value: found.value, revision: found.revision };
}
