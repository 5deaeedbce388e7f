import { learnersOf, votersOf } from '../../core/configuration.ts';
import type { Configuration, Member } from '../../core/configuration.ts';
import type { LogIndex } from '../../core/types.ts';
import type { ConfState } from '../../model/member-report.ts';
import type { ConfigurationChange } from '../../model/reading.ts';
import type { NativeConfiguration } from './log-survey.ts';

/** The configuration in force: the newest of log and snapshot, committed or not (Ongaro thesis 4.1). */
export function toConfState({ index, configuration }: NativeConfiguration, commitFloor: LogIndex): ConfState {
  return {
    voters: votersOf(configuration),
    learners: learnersOf(configuration),
    index,
    pending: index > commitFloor,
    members: configuration.members.map(({ id, name, address, role }) => ({ id, name: name === '' ? null : name, addresses: address === '' ? [] : [address], role })),
  };
}

/** The history for people: each configuration with what it changed against the one before. */
export function toChanges(history: readonly NativeConfiguration[]): ConfigurationChange[] {
  return history.map((now, at) => ({
    index: now.index,
    term: now.term,
    source: now.source,
    change: describeChange(history[at - 1]?.configuration ?? null, now.configuration),
    voters: votersOf(now.configuration),
    learners: learnersOf(now.configuration),
    effective: true,
  }));
}

function describeChange(before: Configuration | null, now: Configuration): string {
  if (before === null) return `configuration of ${now.members.length}`;
  const old = new Map(before.members.map((one) => [one.id, one]));
  const kept = new Set(now.members.map((one) => one.id));
  const words = now.members.flatMap((one) => memberChange(old.get(one.id), one));
  for (const { id } of before.members) if (!kept.has(id)) words.push(`remove ${id}`);
  return words.length > 0 ? words.join(', ') : `same ${now.members.length} members`;
}

function memberChange(before: Member | undefined, now: Member): string[] {
  if (before === undefined) return [`add ${now.role} ${now.id}`];
  const words: string[] = [];
  if (before.role !== now.role) words.push(`${now.role === 'voter' ? 'promote' : 'demote'} ${now.id}`);
  if (before.address !== now.address) words.push(`move ${now.id} to ${now.address}`);
  return words;
}
