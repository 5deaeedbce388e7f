import assert from 'node:assert/strict';
import { applicableIndex } from '../../src/engine/core/commit.ts';
import { decodeConfiguration, encodeConfiguration, type Configuration, type PlacedConfiguration } from '../../src/engine/core/configuration.ts';
import type { Entry, HardState } from '../../src/engine/core/entry.ts';
import type { Input } from '../../src/engine/core/input.ts';
import type { Message, SnapshotPosition } from '../../src/engine/core/message.ts';
import type { Start } from '../../src/engine/core/raft.ts';
import type { Ready, Write } from '../../src/engine/core/ready.ts';
import { FAST, type Settings } from '../../src/engine/core/settings.ts';
import type { RaftState } from '../../src/engine/core/state.ts';
import { startRaft, step } from '../../src/engine/core/step.ts';
import type { LogIndex, LogPosition, MemberId } from '../../src/engine/core/types.ts';

/** A snapshot as the tests know it: its place, and a digest standing for the state. */
export interface TestSnapshot extends SnapshotPosition {
  readonly digest: number;
}

/** What survives a crash. */
export interface TestDisk {
  incarnation: number;
  hardState: HardState;
  base: LogPosition;
  /** Entries behind `base`. */
  entries: Entry[];
  snapshot: TestSnapshot | null;
}

/** Watches a member. */
export interface MemberObserver {
  stepped?(member: CoreMember, before: RaftState, input: Input, ready: Ready): void;
  stored?(member: CoreMember, write: Write): void;
  applied?(member: CoreMember, entry: Entry, digest: number): void;
  sending?(member: CoreMember, message: Message): void;
}

export function digestOf(digest: number, entry: Entry): number {
  let mixed = Math.imul(digest ^ entry.index, 0x9e3779b1) ^ Math.imul(entry.term + 1, 0x85ebca6b);
  for (const byte of entry.payload) mixed = Math.imul(mixed ^ byte, 0x01000193);
  return mixed >>> 0;
}

/** A cluster whose log begins with its configuration, as `init` writes it: entry 1 of term 1, committed. */
export function initialDisk(configuration: Configuration | null): TestDisk {
  if (configuration === null) return { incarnation: 0, hardState: { term: 0, vote: '', commit: 0 }, base: { term: 0, index: 0 }, entries: [], snapshot: null };
  const first: Entry = { index: 1, term: 1, kind: 'confChange', wallClockMs: 0, payload: encodeConfiguration(configuration) };
  return { incarnation: 0, hardState: { term: 1, vote: '', commit: 1 }, base: { term: 0, index: 0 }, entries: [first], snapshot: null };
}

export function configurationOf(voters: readonly MemberId[], learners: readonly MemberId[] = []): Configuration {
  const member = (role: 'voter' | 'learner') => (id: MemberId) => ({ id, name: `member-${id}`, address: `host-${id}:7000`, role });
  return { members: [...voters.map(member('voter')), ...learners.map(member('learner'))], tombstones: [], changes: [] };
}

/** One core with the world around it reduced to lists: a disk that is written when told, messages that are handed over when asked. */
export class CoreMember {
  state!: RaftState;
  /** The log as the process holds it, durable or not; `log[0]` is entry `base + 1`. */
  log: Entry[] = [];
  base: LogPosition = { term: 0, index: 0 };
  digest = 0;
  isUp = false;
  readonly outbox: Message[] = [];
  /** Snapshots to be sent, with what to send. */
  readonly streams: { to: MemberId; term: number; snapshot: TestSnapshot }[] = [];
  readonly outcomes: Pick<Ready, 'proposals' | 'reads' | 'changes' | 'transfers'>[] = [];
  private writes: { write: Write; digest: number; after: Message[] }[] = [];
  private received: TestSnapshot | null = null;

  constructor(
    readonly id: MemberId,
    public disk: TestDisk,
    readonly seed: number,
    readonly observer: MemberObserver = {},
    readonly settings: Settings = FAST,
  ) {}

  /** Starts, or restarts after a crash: all that was not durable is gone. */
  start(): void {
    this.disk.incarnation++;
    this.writes = [];
    this.outbox.length = 0;
    this.streams.length = 0;
    this.received = null;
    this.log = [...this.disk.entries];
    this.base = this.disk.base;
    this.digest = this.disk.snapshot?.digest ?? 0;
    this.state = startRaft(this.startOf());
    this.isUp = true;
    this.apply();
  }

  private startOf(): Start {
    const { disk } = this;
    const termRuns: { term: number; first: number; last: number }[] = [];
    for (const entry of disk.entries) {
      const run = termRuns.at(-1);
      if (run?.term === entry.term) run.last = entry.index;
      else termRuns.push({ term: entry.term, first: entry.index, last: entry.index });
    }
    const snapshot = disk.snapshot === null ? { term: 0, index: 0 } : { term: disk.snapshot.term, index: disk.snapshot.index };
    return {
      id: this.id,
      settings: this.settings,
      seed: this.seed + disk.incarnation * 7919,
      incarnation: disk.incarnation,
      hardState: disk.hardState,
      log: { base: disk.base, termRuns, sizes: disk.entries.map((entry) => entry.payload.length) },
      snapshot,
      configurations: this.configurationsOnDisk(),
      lastApplied: snapshot.index,
    };
  }

  configurationsOnDisk(): PlacedConfiguration[] {
    const { snapshot, entries } = this.disk;
    const own = entries.filter((entry) => entry.kind === 'confChange').map((entry) => ({ index: entry.index, configuration: decodeConfiguration(entry.payload) }));
    if (snapshot === null) return own;
    return [{ index: snapshot.configurationIndex, configuration: snapshot.configuration }, ...own.filter((one) => one.index > snapshot.configurationIndex)];
  }

  crash(): void {
    this.isUp = false;
    this.writes = [];
    this.outbox.length = 0;
    this.streams.length = 0;
  }

  entryAt(index: LogIndex): Entry | undefined {
    return this.log[index - this.base.index - 1];
  }

  /** Whether the disk holds this entry, or a snapshot that covers it. */
  holdsDurably(index: LogIndex, term: number): boolean {
    return (this.disk.snapshot?.index ?? 0) >= index || this.disk.entries[index - this.disk.base.index - 1]?.term === term;
  }

  give(input: Input): Ready {
    const before = this.state;
    const { state, ready } = step(before, input);
    this.state = state;
    if (ready.write !== null) this.take(ready.write);
    if (ready.restore !== null) {
      assert.ok(this.received !== null && this.received.index === ready.restore.index, 'restored from what was received');
      this.digest = this.received.digest;
    }
    const after = this.writes.at(-1);
    for (const order of ready.appends) {
      const entries: Entry[] = [];
      for (let index = order.from; index < order.until; index++) {
        const entry = this.entryAt(index);
        assert.ok(entry, `${this.id} was ordered to send entry ${index}, which it does not hold`);
        entries.push(entry);
      }
      this.send({ kind: 'append', from: this.id, to: order.to, term: order.term, number: order.number, prev: order.prev, entries, commit: order.commit });
    }
    for (const message of ready.messages) this.send(message);
    for (const to of ready.snapshotsTo) {
      const { snapshot } = this.disk;
      assert.ok(snapshot !== null, `${this.id} was told to send a snapshot and has none`);
      this.streams.push({ to, term: state.term, snapshot });
    }
    if (ready.proposals.length + ready.reads.length + ready.changes.length + ready.transfers.length > 0) this.outcomes.push(ready);
    this.observer.stepped?.(this, before, input, ready);
    if (after === undefined) for (const message of ready.messagesAfterWrite) this.send(message);
    else after.after.push(...ready.messagesAfterWrite);
    this.apply();
    return ready;
  }

  receiveSnapshot(from: MemberId, term: number, snapshot: TestSnapshot): void {
    this.received = snapshot;
    this.give({ kind: 'snapshot-received', from, term, snapshot });
  }

  private take(write: Write): void {
    if (write.install !== null) {
      this.log = [];
      this.base = { term: write.install.snapshot.term, index: write.install.snapshot.index };
    }
    if (write.truncateFrom !== null) this.log.length = write.truncateFrom - this.base.index - 1;
    for (const entry of write.entries) {
      assert.equal(entry.index, this.base.index + this.log.length + 1, `${this.id} writes a log without gaps`);
      this.log.push(entry);
    }
    this.writes.push({ write, digest: this.received?.digest ?? 0, after: [] });
  }

  get pendingWrites(): number {
    return this.writes.length;
  }

  /** The oldest write becomes durable; what waited for it leaves. */
  flush(): boolean {
    const next = this.writes.shift();
    if (next === undefined) return false;
    const { disk } = this;
    const { write } = next;
    if (write.install !== null) {
      disk.snapshot = { ...write.install.snapshot, digest: next.digest };
      disk.base = { term: write.install.snapshot.term, index: write.install.snapshot.index };
      disk.entries = [];
    }
    if (write.truncateFrom !== null) disk.entries.length = write.truncateFrom - disk.base.index - 1;
    disk.entries.push(...write.entries);
    if (write.hardState !== null) disk.hardState = write.hardState;
    this.observer.stored?.(this, write);
    this.give({ kind: 'written', write: write.number });
    for (const message of next.after) this.send(message);
    return true;
  }

  flushAll(): void {
    while (this.flush());
  }

  private send(message: Message): void {
    this.observer.sending?.(this, message);
    this.outbox.push(message);
  }

  private apply(): void {
    const upTo = applicableIndex(this.state);
    let { lastApplied } = this.state;
    if (lastApplied >= upTo) return;
    while (lastApplied < upTo) {
      const entry = this.entryAt(++lastApplied);
      assert.ok(entry, `${this.id} applies entry ${lastApplied}, which it does not hold`);
      this.digest = digestOf(this.digest, entry);
      this.observer.applied?.(this, entry, this.digest);
    }
    this.give({ kind: 'applied', index: upTo });
  }

  /** A snapshot of what is applied, durable at once. */
  takeSnapshot(): TestSnapshot | null {
    const { lastApplied, configurations, snapshot } = this.state;
    const entry = this.entryAt(lastApplied);
    // The storage works in order: a snapshot is named after the writes before it, so it waits while an installation is under way.
    if (entry === undefined || lastApplied <= snapshot.index || this.writes.some(({ write }) => write.install !== null)) return null;
    const placed = configurations.findLast((one) => one.index <= lastApplied);
    assert.ok(placed, `${this.id} has no configuration at ${lastApplied}`);
    const taken: TestSnapshot = { index: lastApplied, term: entry.term, configuration: placed.configuration, configurationIndex: placed.index, digest: this.digest };
    this.disk.snapshot = taken;
    this.give({ kind: 'snapshot-taken', snapshot: taken });
    return taken;
  }

  /** Drops the entries before `firstIndex` from disk and memory. */
  trim(firstIndex: LogIndex): void {
    const durable = this.disk.base.index + this.disk.entries.length;
    const until = Math.min(firstIndex, durable + 1, this.state.snapshot.index + 1);
    if (until <= this.disk.base.index + 1 || this.disk.base.index !== this.base.index) return;
    const last = this.entryAt(until - 1);
    assert.ok(last, `${this.id} trims to ${until}`);
    const base = { term: last.term, index: last.index };
    this.disk.entries = this.disk.entries.slice(until - this.disk.base.index - 1);
    this.log = this.log.slice(until - this.base.index - 1);
    this.disk.base = base;
    this.base = base;
    this.give({ kind: 'trimmed', firstIndex: until });
  }
}
