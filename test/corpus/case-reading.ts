import path from 'node:path';
import type { LogDamage, LogEntry, MemberReading, ReadOptions } from '../../src/engine/model/reading.ts';
import { detectReader } from '../../src/engine/readers/index.ts';
import { corpusCases, truthOf, unpackMember } from '../helpers/corpus.ts';

/** Cases of a system that hold members' directories. */
export function memberCases(system: string): string[] {
  return corpusCases().filter((name) => name.startsWith(`${system}/`) && truthOf(name).members !== undefined);
}

/** Cases that hold snapshot files. */
export function snapshotCases(): string[] {
  return corpusCases().filter((name) => truthOf(name).files !== undefined);
}

export function membersOf(name: string): string[] {
  return Object.keys(truthOf(name).members as object);
}

/** The place as an operator would name it: for `separate-wal` the directory that holds `data` and `wal`. */
export function placeOf(name: string, member: string): string {
  return unpackMember(name, member);
}

/** Reads a member in this process, labelled by its directory's name. */
export function readMember(name: string, member: string): MemberReading {
  const directory = unpackMember(name, member);
  const apart = truthOf(name).layout !== undefined;
  return apart ? readDirectory(path.join(directory, 'data'), { walDir: path.join(directory, 'wal') }) : readDirectory(directory);
}

export function readDirectory(directory: string, options: ReadOptions = {}): MemberReading {
  const reader = detectReader(directory, options);
  if (reader === null || reader === undefined) throw new Error(`no reader knows ${directory}`);
  return reader.read(directory, options);
}

/** The whole log in one walk, payloads seen by `visit` only. */
export function walkLog(reading: MemberReading, visit?: (entry: LogEntry) => void): { indexes: number[]; damage: LogDamage[] } {
  const indexes: number[] = [];
  const damage: LogDamage[] = [];
  for (const record of reading.records()) {
    if (record.type === 'damage') {
      damage.push({ ...record });
      continue;
    }
    indexes.push(record.index);
    visit?.(record);
  }
  return { indexes, damage };
}

/** Places where an index does not follow its predecessor, as `[last before, first after]`. */
export function jumpsOf(indexes: readonly number[]): [number, number][] {
  return indexes.flatMap((index, at) => {
    const before = indexes[at - 1];
    return before !== undefined && index > before + 1 ? [[before, index] as [number, number]] : [];
  });
}
