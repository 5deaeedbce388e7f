import { encodeConfiguration, type Configuration } from '../core/configuration.ts';
import type { Input } from '../core/input.ts';
import type { Ready } from '../core/ready.ts';
import type { RaftState } from '../core/state.ts';
import type { LogIndex, MemberId, Term } from '../core/types.ts';
import { DiskTruth } from './disk-truth.ts';
import { LogCopy } from './log-copy.ts';
import type { SimProcess } from './sim-process.ts';
import type { World } from './world.ts';

/** A committed entry: what it is, which leader's term committed it, and the client operation in it. */
export interface CommittedEntry {
  readonly term: Term;
  readonly hash: number;
  readonly byTerm: Term;
  readonly opId: string | null;
}

/** One member, as seen from outside of it. */
export class MemberTruth {
  /** The log as its core sees it, durable or not. */
  view = new LogCopy();
  state: RaftState | null = null;
  process: SimProcess | null = null;
  /** A commit of this process was reported as failed. */
  hasFailedCommit = false;
  /** Its disk is damaged, wiped or an old image: it holds nothing reliably any more, and must be replaced. */
  isLost = false;
  /** What the disk held before it was wiped or rolled back: a leader rightly counted that. */
  heldBefore: DiskTruth | null = null;
  disk: DiskTruth;
  /** Newest index its state machine took, in this life. */
  applied: LogIndex = 0;
  refusals = 0;
  /** Steps of this life, for order in time. */
  steps = 0;

  constructor(
    readonly id: MemberId,
    private readonly hashOfBase: (index: LogIndex, term: Term) => number,
  ) {
    this.disk = new DiskTruth(hashOfBase);
  }

  /** Was the entry with this chain hash ever safely on this member's disk, as far as no truncation took it back? */
  holds(index: LogIndex, hash: number): boolean {
    return this.disk.holds(index, hash) || this.heldBefore?.holds(index, hash) === true;
  }

  /** The disk is about to be wiped or rolled back. */
  lose(): void {
    this.isLost = true;
    this.heldBefore = this.disk;
    this.disk = new DiskTruth(this.hashOfBase);
  }
}

/** One step of a member's core, with the log it led to. */
export interface StepEvent {
  readonly member: MemberTruth;
  readonly before: RaftState;
  readonly input: Input;
  readonly after: RaftState;
  readonly ready: Ready;
  /** End of the log before the step's write. */
  readonly viewBefore: { readonly last: LogIndex; readonly configurationIndex: LogIndex };
}

/** What a run knows to be true, kept outside of the members. Every check compares with this and with nothing a member says of itself. */
export class GroundTruth {
  readonly members = new Map<MemberId, MemberTruth>();
  /** Index 0 is unused. */
  readonly committed: (CommittedEntry | undefined)[] = [undefined];
  /** Chain hash by index and term. */
  private readonly chain: (Map<Term, number> | undefined)[] = [];
  readonly operationAt = new Map<string, string>();
  /** Where an operation was committed; more than one place would be a doubled effect. */
  readonly committedOperations = new Map<string, LogIndex[]>();

  constructor(private readonly world: World) {}

  /** What every member of a new cluster begins with: its first configuration, committed in term 1. */
  begin(configuration: Configuration): void {
    const log = new LogCopy();
    const hash = log.append({ index: 1, term: 1, kind: 'confChange', wallClockMs: 0, payload: encodeConfiguration(configuration) });
    this.chain[1] = new Map([[1, hash]]);
    this.committed.push({ term: 1, hash, byTerm: 1, opId: null });
  }

  /** What an earlier run knew, for a run that goes on with its disks. Operations of that run's clients are not known here. */
  inherit(other: GroundTruth): void {
    for (const entry of other.committed.slice(this.committed.length)) this.committed.push(entry === undefined ? undefined : { ...entry, opId: null });
    for (const [index, terms] of other.chain.entries()) if (terms !== undefined) this.chain[index] = new Map(terms);
  }

  get commitIndex(): LogIndex {
    return this.committed.length - 1;
  }

  member(id: MemberId): MemberTruth {
    let member = this.members.get(id);
    if (member === undefined) {
      member = new MemberTruth(id, (index, term) => this.hashAt(index, term) ?? 0);
      this.members.set(id, member);
    }
    return member;
  }

  violate(rule: string, member: MemberTruth | string, message: string): void {
    this.world.violate(rule, typeof member === 'string' ? member : member.id, message);
  }

  hashAt(index: LogIndex, term: Term): number | undefined {
    return this.chain[index]?.get(term);
  }

  /** I3: everybody who has an entry of this index and term has the same one, with the same entries before it. */
  learn(member: MemberTruth, index: LogIndex, term: Term, hash: number): void {
    let terms = this.chain[index];
    if (terms === undefined) this.chain[index] = terms = new Map<Term, number>();
    const known = terms.get(term);
    if (known === undefined) terms.set(term, hash);
    else if (known !== hash) this.violate('I3', member, `entry ${index} of term ${term} differs from what another member has there, or the entries before it do`);
  }

  /** The leader's commit reached `index`: what its log holds up to there is now committed for ever. */
  commit(member: MemberTruth, index: LogIndex, byTerm: Term): void {
    for (let at = this.committed.length; at <= index; at += 1) {
      const [term, hash] = [member.view.term(at), member.view.hash(at)];
      if (term === undefined || hash === undefined) return this.violate('I6', member, `commits ${at} without having it`);
      const opId = this.operationAt.get(`${at}:${term}`) ?? null;
      this.committed.push({ term, hash, byTerm, opId });
      this.world.note(member.id, 'commit', at, term);
      if (opId !== null) this.committedOperations.set(opId, [...(this.committedOperations.get(opId) ?? []), at]);
    }
  }

  /** Does the member's own log agree with what is committed, at this index? Below its first entry it does by definition. */
  agrees(log: LogCopy, index: LogIndex): boolean {
    const committed = this.committed[index];
    return committed !== undefined && (index < log.base || log.hash(index) === committed.hash);
  }
}
