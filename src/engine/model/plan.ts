import type { LogIndex, LogPosition, MemberId, Term } from '../core/types.ts';
import { canonicalDigest, type DoubtSummary } from './evidence.ts';
import type { StoreName } from './member-report.ts';
import type { LossReport, RankedMember } from './pick-report.ts';

export const PLAN_FORMAT = 'raft-inspector/plan';
export const PLAN_VERSION = 1;

/**
 * How a cluster of one is made of a directory: `native` writes a new lineage; `etcd-append` adds configuration changes to the WAL,
 * `etcd-rebuild` makes WAL and snapshot anew around the database; `peers-json` leaves it to the server's own recovery file;
 * `raft-append` writes a configuration entry, `raft-snapshot` a snapshot with the new configuration (hashicorp/raft without peers.json).
 */
export type TargetKind = 'native' | 'etcd-append' | 'etcd-rebuild' | 'peers-json' | 'raft-append' | 'raft-snapshot';

/** A member as configurations name it. */
export interface PlannedMember {
  id: MemberId;
  name: string | null;
  addresses: string[];
  role: 'voter' | 'learner';
}

/** A file of the source as the plan saw it. `path` lies below the data directory, with `/`. */
export interface FileFingerprint {
  path: string;
  bytes: number;
  sha256: string;
}

/** What a change does to one file, in lines for people: `+` added, `-` gone, `~` changed, blank for the rest. */
export interface FileChange {
  path: string;
  kind: 'create' | 'replace' | 'remove';
  /** Sizes in bytes; null where there is no file, or where it is known only when built. */
  bytesBefore: number | null;
  bytesAfter: number | null;
  lines: string[];
}

/**
 * How the result takes the place of the original. `files`: the changed files are renamed over, in the order of `changes`; after each rename
 * the directory is one a server may start from. `directory`: a whole directory is exchanged, by two renames.
 */
export type Swap = { kind: 'files' } | { kind: 'directory'; /** Below the data directory; empty for the data directory itself. */ path: string };

/** A step as the contract lists it. `before` and `after` hold what the kind of step has to say, for people and for diff. */
export interface PlanStep {
  id: string;
  kind: 'backup' | 'build' | 'check' | 'swap';
  target: string;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

/** Something outside this directory that has to be kept from coming back. */
export interface Fence {
  member: string;
  id: MemberId | null;
  addresses: string[];
  /** What to do, one sentence. */
  action: string;
}

/** How the cluster grows back: what a joining member is started with. */
export interface Join {
  member: string;
  /** Settings, one a line, as the server's own configuration or command line spells them. */
  settings: string[];
}

/** A rule the operator lifted. */
export interface OverrideRecord {
  rule: string;
  at: string;
  by: string;
}

/** What verify expects of the running result. */
export interface PlannedOutcome {
  clusterId: string | null;
  memberId: MemberId | null;
  generation: number | null;
  voters: MemberId[];
  /** Last entry the plan writes or keeps, and the commit index it leaves. */
  lastEntry: LogPosition;
  commitIndex: LogIndex | null;
  /** Terms of the running result are above this one. */
  termAbove: Term;
  revision: number | null;
  stateHash: number | string | null;
}

/** A recovery, decided: a file a person can review, bound by its digest (command contract §3.3, `recover plan`). */
export interface RecoveryPlan {
  format: typeof PLAN_FORMAT;
  version: typeof PLAN_VERSION;
  /** UUID; its first six characters name it on screens. */
  planId: string;
  /** RFC 3339, UTC. */
  createdAt: string;
  /** Version of the tool that wrote it. */
  tool: string;
  /** Who made it, and with that accepted what it says of loss: `user@host`. */
  madeBy?: string;
  cluster: { clusterId: string | null; members: PlannedMember[] };
  store: StoreName;
  /** What runs on the store, as far as its layout tells: `etcd`, `consul`, `nomad`, `vault`, `rqlite`, ... */
  product: string | null;
  target: TargetKind;
  evidence: { label: string; digest: string }[];
  /** Label of the source. */
  source: string;
  /** Absolute. An archive or evidence has none: then the plan is applied with `--data` or `--into`. */
  dataDir: string | null;
  files: FileFingerprint[];
  why: { loss: LossReport; ranking: RankedMember[]; quorum: { voters: number; quorum: number; surveyed: number; needed: number } };
  /** What the operator said he knows, as recorded: the flags, repeated as words. */
  facts: string[];
  inDoubt: 'keep' | 'drop';
  doubt: DoubtSummary | null;
  keepTo: LogIndex;
  /** Null: the cluster keeps its id. Native clusters keep theirs and get a new generation unless a new one is asked for. */
  newClusterId: string | null;
  /** Names or ids of the members that do not come back. */
  dead: string[];
  targetMembers: number;
  steps: PlanStep[];
  changes: FileChange[];
  swap: Swap;
  /** All that building needs besides the source's files: with it a build is repeatable. Read by the target that wrote it. */
  parameters: Record<string, unknown>;
  outcome: PlannedOutcome;
  fences: Fence[];
  joins: Join[];
  /** Commands of the operator's own that verify runs. */
  checks: string[];
  rollback: { command: string; until: string };
  overrides: OverrideRecord[];
  /** What else a reviewer should know, one sentence each. */
  notes: string[];
  /** How to reach the running result; paths only, never a secret. */
  connection: { endpoints: string[]; cacert: string | null; cert: string | null; key: string | null } | null;
  /** SHA-256 over the canonical form of everything else. */
  digest: string;
}

/** The short name of a plan on screens and in paths. */
export function shortPlanId(plan: { readonly planId: string }): string {
  return plan.planId.slice(0, 6);
}

/** Seals a plan with its digest. */
export function sealPlan(body: Omit<RecoveryPlan, 'digest'>): RecoveryPlan {
  return { ...body, digest: canonicalDigest(body) };
}
