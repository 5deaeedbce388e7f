import type { LogIndex, LogPosition } from '../../core/types.ts';
import type { MemberReport } from '../../model/member-report.ts';
import { configurationProblem, type PlacedConfiguration } from './configuration.ts';
import { isUsable, type FileSnapshot } from './file-snapshots.ts';
import type { StoreParts } from './log-store.ts';
import type { ScannedLog } from './log-scan.ts';

/** What decides whether a server could start from these files. */
export interface StartFacts {
  parts: StoreParts;
  scan: ScannedLog;
  snapshots: readonly FileSnapshot[];
  /** Index the state machine begins from: the newest usable snapshot, or vault.db; 0 for none. */
  base: LogIndex;
  configuration: PlacedConfiguration | null;
  program: string;
  hardState: MemberReport['hardState'];
  lastEntry: LogPosition;
}

/**
 * Whether raft starts from these files and ends with the state they promise (hashicorp/raft v1.7.3 api.go `NewRaft`,
 * `restoreSnapshot`; raft-wal v0.4.2 wal.go `Open`). The order is that of the start.
 */
export function startableFrom(facts: StartFacts): MemberReport['startable'] {
  const rules = [storeRefused, neverBootstrapped, snapshotsUseless, stableLost, termBehind, gapAfterSnapshot, lostInside, termsFall, configurationRefused];
  for (const rule of rules) {
    const reason = rule(facts);
    if (reason !== null) return { ok: false, reason };
  }
  return { ok: true };
}

function storeRefused({ parts }: StartFacts): string | null {
  return parts.refusal;
}

function neverBootstrapped({ scan, snapshots, base }: StartFacts): string | null {
  const isEmpty = scan.last === null && base === 0 && snapshots.length === 0 && scan.damagedPlaces === 0;
  return isEmpty ? 'it was never bootstrapped: no log entries and no snapshot' : null;
}

function snapshotsUseless({ snapshots, program }: StartFacts): string | null {
  if (snapshots.length === 0 || snapshots.some(isUsable) || program === 'vault') return null;
  return snapshots.length === 1 ? 'its only snapshot cannot be restored' : `none of its ${snapshots.length} snapshots can be restored`;
}

/** Raft would start in term 0 and append lower terms after higher ones. */
function stableLost({ parts, scan, snapshots }: StartFacts): string | null {
  const { stable } = parts;
  if (stable.problem !== null) return `its term and vote cannot be read: ${stable.problem}`;
  const seen = Math.max(scan.last?.term ?? 0, ...snapshots.map((s) => s.term));
  if (stable.currentTerm !== null || seen === 0) return null;
  return `its term and vote are lost, and its log has entries of term ${seen}`;
}

/**
 * A plan that appends to the log raises the term above all; a program that recovers by itself goes on from the term that is stored, and
 * would append lower terms after higher ones.
 */
function termBehind({ parts, hardState, lastEntry, program }: StartFacts): string | null {
  if (program === 'hashicorp/raft' || parts.stable.currentTerm === null || hardState.currentTerm >= lastEntry.term) return null;
  return `its term and vote are of term ${hardState.currentTerm}, from an older copy than its log, which ends in term ${lastEntry.term}`;
}

/** `gap S+1..F-1`: raft reads every entry behind the snapshot at start and panics at the first it misses. */
function gapAfterSnapshot({ scan, base }: StartFacts): string | null {
  const { first, last } = scan;
  if (first === null || last === null || last.index <= base) return null;
  if (first.index > base + 1) {
    const behind = base === 0 ? 'no usable snapshot covers' : `the newest usable snapshot ends at ${base}, and nothing holds`;
    return `its log begins at ${first.index}; ${behind} ${base + 1}..${first.index - 1}`;
  }
  const hole = scan.holes.find((h) => h.to > base);
  return hole ? `its log has no entries ${Math.max(hole.from, base + 1)}..${hole.to}` : null;
}

/** Damage with readable entries behind it, which a start would read over or stop at. */
function lostInside({ scan, base }: StartFacts): string | null {
  const lost = scan.damage.find((d) => d.tail !== null && (d.toIndex === null || d.toIndex > base));
  if (lost === undefined) return null;
  const which = lost.fromIndex === null ? 'entries' : lost.toIndex === lost.fromIndex ? `entry ${lost.fromIndex}` : `entries ${lost.fromIndex}..${lost.toIndex ?? '?'}`;
  return `${which} in ${lost.file} cannot be read: ${lost.reason}`;
}

function termsFall({ scan, base }: StartFacts): string | null {
  const drop = scan.termDrops.find((d) => d.index > base) ?? null;
  return drop && `the term falls from ${drop.before} to ${drop.term} at entry ${drop.index}`;
}

function configurationRefused({ configuration }: StartFacts): string | null {
  if (configuration === null) return 'no configuration is in its log or snapshots';
  const problem = configurationProblem(configuration.servers);
  return problem && `the configuration at ${configuration.index} is refused: ${problem}`;
}
