import { quorumOf, type LogIndex, type MemberId, type Term } from './types.ts';

/** A participant as the configuration lists it. `address` is `host:port` and serves peers and clients. */
export interface Member {
  readonly id: MemberId;
  readonly name: string;
  readonly address: string;
  readonly role: 'voter' | 'learner';
}

/**
 * Who takes part (Ongaro thesis 4.1). In force from the moment its entry is appended; taken back when that entry is truncated.
 * Invariants: ids are unique; no member's id is among `tombstones`.
 */
export interface Configuration {
  readonly members: readonly Member[];
  /** Ids of members that were removed: never to be used again. */
  readonly tombstones: readonly MemberId[];
  /** The newest changes (at most 16) by the caller's id, so that a retry gets the first outcome. */
  readonly changes: readonly { readonly changeId: string; readonly index: LogIndex; readonly term: Term }[];
}

/** A configuration and the index of the entry (or snapshot) it came from. */
export interface PlacedConfiguration {
  readonly index: LogIndex;
  readonly configuration: Configuration;
}

/** One step of membership (Ongaro thesis 4.1: one server at a time). */
export type MembershipChange =
  | { readonly kind: 'add-learner'; readonly id: MemberId; readonly name: string; readonly address: string }
  | { readonly kind: 'promote'; readonly id: MemberId }
  | { readonly kind: 'remove'; readonly id: MemberId }
  | { readonly kind: 'change-address'; readonly id: MemberId; readonly address: string };

const MAX_MEMBERS = 64;
const MAX_TOMBSTONES = 16_384;
/** How many changes are remembered. */
export const MAX_CHANGES = 16;
const MAX_TEXT = 255;
/** Larger than any configuration within the limits above: bytes beyond it are refused before they are parsed. */
const MAX_BYTES = 8 * 1024 * 1024;

/** What a member that joins starts with. */
export const NO_CONFIGURATION: Configuration = { members: [], tombstones: [], changes: [] };

export function votersOf(configuration: Configuration): MemberId[] {
  return configuration.members.filter((member) => member.role === 'voter').map((member) => member.id);
}

export function learnersOf(configuration: Configuration): MemberId[] {
  return configuration.members.filter((member) => member.role === 'learner').map((member) => member.id);
}

export function memberOf(configuration: Configuration, id: MemberId): Member | undefined {
  return configuration.members.find((member) => member.id === id);
}

/** Whether the members that `isCounted` names hold a strict majority of the voters. Learners and strangers are not asked about. */
export function hasQuorum(configuration: Configuration, isCounted: (voter: MemberId) => boolean): boolean {
  let voters = 0;
  let counted = 0;
  for (const member of configuration.members) {
    if (member.role !== 'voter') continue;
    voters++;
    if (isCounted(member.id)) counted++;
  }
  return voters > 0 && counted >= quorumOf(voters);
}

/** The greatest value that a strict majority of the voters reaches; 0 without voters. */
export function quorumValue(configuration: Configuration, valueOf: (voter: MemberId) => number): number {
  const values: number[] = [];
  for (const member of configuration.members) if (member.role === 'voter') values.push(valueOf(member.id));
  if (values.length === 0) return 0;
  values.sort((a, b) => b - a);
  return values[quorumOf(values.length) - 1] ?? 0;
}

/** The payload of a `confChange` entry: JSON with its fields in a fixed order, so that equal configurations are equal bytes. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  checkConfiguration(configuration);
  const { members, tombstones, changes } = configuration;
  return new TextEncoder().encode(
    JSON.stringify({
      version: 1,
      members: members.map(({ id, name, address, role }) => ({ id, name, address, role })),
      tombstones: [...tombstones],
      changes: changes.map(({ changeId, index, term }) => ({ changeId, index, term })),
    }),
  );
}

/** @throws {RangeError} When the bytes are no configuration, or one beyond the limits. */
export function decodeConfiguration(payload: Uint8Array): Configuration {
  if (payload.length > MAX_BYTES) throw new RangeError(`configuration: ${payload.length} bytes, limit ${MAX_BYTES}`);
  let raw: unknown;
  try {
    raw = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (error) {
    throw new RangeError('configuration: not JSON', { cause: error });
  }
  const fields = toRecord(raw, 'configuration');
  if (fields['version'] !== 1) throw new RangeError(`configuration: version ${String(fields['version'])}, this software knows version 1`);
  const configuration: Configuration = {
    members: toList(fields['members'], 'members').map((one) => toMember(toRecord(one, 'member'))),
    tombstones: toList(fields['tombstones'], 'tombstones').map((one) => toText(one, 'tombstone')),
    changes: toList(fields['changes'], 'changes').map((one) => {
      const change = toRecord(one, 'change');
      return { changeId: toText(change['changeId'], 'changeId'), index: toCounter(change['index'], 'index'), term: toCounter(change['term'], 'term') };
    }),
  };
  checkConfiguration(configuration);
  return configuration;
}

/** @throws {RangeError} When ids repeat, an id came back from the dead, or a limit is passed. */
export function checkConfiguration(configuration: Configuration): void {
  const { members, tombstones, changes } = configuration;
  if (members.length > MAX_MEMBERS) throw new RangeError(`configuration: ${members.length} members, limit ${MAX_MEMBERS}`);
  if (tombstones.length > MAX_TOMBSTONES) throw new RangeError(`configuration: ${tombstones.length} removed ids, limit ${MAX_TOMBSTONES}`);
  if (changes.length > MAX_CHANGES) throw new RangeError(`configuration: ${changes.length} remembered changes, limit ${MAX_CHANGES}`);
  const used = new Set<MemberId>(tombstones);
  const removed = used.size;
  if (removed !== tombstones.length) throw new RangeError('configuration: a removed id is listed twice');
  for (const member of members) {
    toMember(member as unknown as Record<string, unknown>);
    if (used.has(member.id)) throw new RangeError(`configuration: id ${member.id} is used twice, or was removed before`);
    used.add(member.id);
  }
}

function toMember(fields: Readonly<Record<string, unknown>>): Member {
  const role = fields['role'];
  if (role !== 'voter' && role !== 'learner') throw new RangeError(`configuration: role ${String(role)}`);
  return { id: toText(fields['id'], 'id'), name: toText(fields['name'], 'name'), address: toText(fields['address'], 'address'), role };
}

function toRecord(raw: unknown, name: string): Record<string, unknown> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) throw new RangeError(`configuration: ${name} is no object`);
  return raw as Record<string, unknown>;
}

function toList(raw: unknown, name: string): unknown[] {
  if (!Array.isArray(raw)) throw new RangeError(`configuration: ${name} is no list`);
  return raw;
}

function toText(raw: unknown, name: string): string {
  if (typeof raw !== 'string' || raw.length === 0 || raw.length > MAX_TEXT) throw new RangeError(`configuration: ${name} must be a text of 1 to ${MAX_TEXT} characters`);
  return raw;
}

function toCounter(raw: unknown, name: string): number {
  if (typeof raw !== 'number' || !Number.isSafeInteger(raw) || raw < 0) throw new RangeError(`configuration: ${name} ${String(raw)} is outside 0..2^53-1`);
  return raw;
}
