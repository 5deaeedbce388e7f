import type { Entry } from '../core/entry.ts';
import type { Input } from '../core/input.ts';
import type { Ready, Write } from '../core/ready.ts';
import type { RaftState } from '../core/state.ts';
import type { KvOperation } from '../ports/kv-store.ts';
import type { Envelope } from '../ports/transport.ts';
import { ApplyChecks } from './checkers/apply-checks.ts';
import type { Checker } from './checkers/checker.ts';
import { CommitChecks } from './checkers/commit-checks.ts';
import { DurabilityChecks, type SnapshotSize } from './checkers/durability-checks.ts';
import { ElectionChecks } from './checkers/election-checks.ts';
import { IsolationChecks } from './checkers/isolation-checks.ts';
import { LogChecks } from './checkers/log-checks.ts';
import { ReadChecks } from './checkers/read-checks.ts';
import type { GroundTruth, MemberTruth } from './ground-truth.ts';
import type { ReferenceModel } from './reference-model.ts';

/** Hears of everything that happens in a run, keeps the ground truth up to date, and asks every checker after every step. */
export class CheckBoard {
  readonly applies: ApplyChecks;
  private readonly checkers: readonly Checker[];

  constructor(
    readonly truth: GroundTruth,
    model: ReferenceModel,
    sizeOf: SnapshotSize,
  ) {
    this.applies = new ApplyChecks(truth, model);
    this.checkers = [new LogChecks(truth), new ElectionChecks(truth), new CommitChecks(truth), new DurabilityChecks(truth, sizeOf), this.applies, new ReadChecks(truth), new IsolationChecks(truth)];
  }

  /** A new life begins; the core will start from what the disk holds now. */
  booted(member: MemberTruth): void {
    member.view = member.disk.log.clone();
    member.state = null;
    member.hasFailedCommit = false;
    member.steps = 0;
    for (const checker of this.checkers) checker.booted?.(member);
  }

  stepped(member: MemberTruth, before: RaftState, input: Input, after: RaftState, ready: Ready): void {
    const { view } = member;
    member.steps += 1;
    const viewBefore = { last: view.last, configurationIndex: view.configuration?.index ?? 0 };
    if (ready.write !== null) this.follow(member, ready.write);
    if (input.kind === 'trimmed') view.base = Math.max(view.base, input.firstIndex - 1);
    if (input.kind === 'propose') this.place(ready, input);
    member.state = after;
    const event = { member, before, input, after, ready, viewBefore };
    for (const checker of this.checkers) checker.stepped?.(event);
  }

  sent(member: MemberTruth, envelope: Envelope): void {
    for (const checker of this.checkers) checker.sent?.(member, envelope);
  }

  arriving(member: MemberTruth, envelope: Envelope, isForeign: boolean): void {
    for (const checker of this.checkers) checker.arriving?.(member, envelope, isForeign);
  }

  arrived(member: MemberTruth): void {
    for (const checker of this.checkers) checker.arrived?.(member);
  }

  stored(member: MemberTruth, operations: readonly KvOperation[]): void {
    const change = member.disk.take(operations);
    for (const checker of this.checkers) checker.stored?.(member, change);
  }

  applied(member: MemberTruth, entry: Entry, result: Uint8Array | null): void {
    for (const checker of this.checkers) checker.applied?.(member, entry, result);
  }

  /** Which operation each proposal carries is known by the object its bytes are in: the driver hands it on as it is. */
  readonly operationOf = new WeakMap<Uint8Array, string>();

  private place(ready: Ready, input: Input & { kind: 'propose' }): void {
    const payloads = new Map(input.proposals.map((one) => [one.id, one.payload]));
    for (const outcome of ready.proposals) {
      const payload = payloads.get(outcome.id);
      const operation = payload === undefined ? undefined : this.operationOf.get(payload);
      if (outcome.kind === 'accepted' && operation !== undefined) this.truth.operationAt.set(`${outcome.value.index}:${outcome.value.term}`, operation);
    }
  }

  /** Keeps the copy of the log in step with what the core ordered. */
  private follow(member: MemberTruth, write: Write): void {
    const { view } = member;
    if (write.install !== null) {
      const { snapshot, keepSuffix } = write.install;
      const hash = this.truth.committed[snapshot.index]?.hash ?? 0;
      const held = view.term(snapshot.index);
      if (keepSuffix && (held !== snapshot.term || view.hash(snapshot.index) !== hash)) this.truth.violate('I3', member, `keeps what follows ${snapshot.index}, where its log differs from the snapshot`);
      if (!keepSuffix && held === snapshot.term && snapshot.index > view.base) this.truth.violate('I19', member, `drops its log though it holds ${snapshot.term}/${snapshot.index}`);
      view.install(snapshot.index, snapshot.term, hash, { index: snapshot.configurationIndex, configuration: snapshot.configuration }, keepSuffix ? 'keep-suffix' : 'drop-all');
    }
    if (write.truncateFrom !== null) view.truncate(write.truncateFrom);
    for (const entry of write.entries) {
      if (entry.index !== view.last + 1) this.truth.violate('I7', member, `appends ${entry.index} to a log that ends at ${view.last}`);
      this.truth.learn(member, entry.index, entry.term, view.append(entry));
    }
  }
}
