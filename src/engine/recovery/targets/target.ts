import type { LogIndex } from '../../core/types.ts';
import type { CheckLine } from '../../model/check-line.ts';
import type { MemberReading, Progress } from '../../model/reading.ts';
import type { FileChange, Join, PlannedMember, PlannedOutcome, Swap, TargetKind, Fence } from '../../model/plan.ts';

/** What was decided before the target is asked: by the pick, the flags and the facts. */
export interface Decision {
  readonly inDoubt: 'keep' | 'drop';
  /** Last entry to keep; never below the floor. */
  readonly keepTo: LogIndex;
  readonly floor: LogIndex;
  readonly newClusterId: 'auto' | 'keep' | 'new';
  /** Adds this to the store's revision, so that watchers see a compaction; null: not asked for. */
  readonly bumpRevision: number | null;
  /** The address of the new single member, where it changes. */
  readonly selfAddress: string | null;
  /** The source's server id, where the store does not say. */
  readonly serverId: string | null;
  /** Members of the newest configuration, the source among them. */
  readonly members: readonly PlannedMember[];
  readonly targetMembers: number;
  /** Highest term seen on any surveyed disk. */
  readonly highestTerm: number;
  /** For the recovery entry: verdict, statement, facts. */
  readonly why: { readonly verdict: string; readonly proof: string; readonly statement: string; readonly facts: readonly string[] };
  readonly clusterId: string | null;
  readonly planId: string;
  readonly now: Date;
  /** Random lower-case hex of that many characters: everything random is drawn here and ends in `parameters`. */
  readonly randomHex: (chars: number) => string;
}

/** The source's files: the directory as the server sees it. */
export interface SourceDirectory {
  /** Absolute. */
  readonly dataDir: string;
  readonly reading: MemberReading;
}

/** What a target would do, worked out without writing anything. */
export interface TargetDraft {
  readonly kind: TargetKind;
  /** Where the target has to cut earlier than was decided, with a note that says why; absent: as decided. */
  readonly keepTo?: LogIndex;
  readonly changes: FileChange[];
  readonly swap: Swap;
  readonly parameters: Record<string, unknown>;
  readonly outcome: PlannedOutcome;
  readonly newClusterId: string | null;
  readonly fences: Fence[];
  readonly joins: Join[];
  readonly notes: string[];
  /** What starts the server afterwards, and what must not be given; one line each. */
  readonly startHints: string[];
}

export interface BuildRequest {
  /** The original, or a copy of it: only read. */
  readonly dataDir: string;
  /**
   * A directory of the same shape in which the files of `changes` are missing and all others are there (perhaps as hard links to the
   * originals: they must not be written to). The target creates its files in it, opened with `wx`, and syncs each.
   */
  readonly into: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly progress?: Progress | undefined;
}

/** One way to make a cluster of one. */
export interface RecoveryTarget {
  readonly kinds: readonly TargetKind[];
  /**
   * Whether this target serves the store at all; the first of the registry that does is asked.
   */
  serves(source: SourceDirectory): boolean;
  /** @throws {RefusedError} With its rule, when no plan can be made. */
  draft(source: SourceDirectory, decision: Decision): Promise<TargetDraft>;
  /** Equal files and parameters give an equal result. */
  build(request: BuildRequest): Promise<void>;
  /** Reads the finished directory back, as its server would, and compares it with what was planned. */
  check(directory: string, outcome: PlannedOutcome, parameters: Readonly<Record<string, unknown>>): Promise<CheckLine[]>;
}
