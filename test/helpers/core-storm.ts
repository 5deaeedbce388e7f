import { compactionIndex } from '../../src/engine/core/compaction.ts';
import { learnersOf, votersOf, type MembershipChange } from '../../src/engine/core/configuration.ts';
import { activePlaced } from '../../src/engine/core/membership.ts';
import type { Message } from '../../src/engine/core/message.ts';
import { FAST, type Settings } from '../../src/engine/core/settings.ts';
import type { MemberId } from '../../src/engine/core/types.ts';
import { configurationOf, CoreMember, initialDisk, type TestSnapshot } from './core-member.ts';
import { CoreTruth } from './core-truth.ts';

/** A small generator of its own (xorshift32), so that a seed replays a storm on any machine. */
export class Dice {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed + 1, 0x9e3779b1) >>> 0 || 1;
  }

  below(n: number): number {
    this.state ^= this.state << 13;
    this.state >>>= 0;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    this.state >>>= 0;
    return this.state % n;
  }

  /** True in `percent` of 100. */
  chance(percent: number): boolean {
    return this.below(1000) < percent * 10;
  }

  pick<T>(from: readonly T[]): T | undefined {
    return from.length === 0 ? undefined : from[this.below(from.length)];
  }
}

export interface StormOptions {
  readonly seed: number;
  readonly voters: number;
  readonly settings?: Partial<Settings>;
}

interface Flight {
  readonly due: number;
  readonly message: Message;
}

interface Stream {
  readonly due: number;
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: number;
  readonly snapshot: TestSnapshot;
}

/** Small windows, so that a short run meets every limit. */
const NARROW: Partial<Settings> = { maxEntriesPerMessage: 4, maxBytesPerMessage: 64, maxInflightMessages: 4, maxInflightBytes: 256, maxUncommittedBytes: 4096, maxPendingReads: 16 };

/** Cores over a network that loses, repeats, delays and splits, with members that crash and lose what was not durable. */
export class CoreStorm {
  readonly truth = new CoreTruth();
  readonly dice: Dice;
  private now = 0;
  private flights: Flight[] = [];
  private streams: Stream[] = [];
  private readonly old: Message[] = [];
  private readonly cut = new Set<string>();
  private nextId = 1;
  private joined = 0;
  /** Faults of this seed, in percent; half of the classes are off in any one seed. */
  private readonly faults: Record<'drop' | 'repeat' | 'delay' | 'crash' | 'pause' | 'partition' | 'slowDisk' | 'churn' | 'transfer' | 'snapshot' | 'replay', number>;
  private readonly settings: Settings;
  private readonly paused = new Map<MemberId, number>();

  constructor(readonly options: StormOptions) {
    this.dice = new Dice(options.seed);
    const some = (percent: number): number => (this.dice.chance(60) ? percent : 0);
    this.faults = {
      drop: some(this.dice.below(30)),
      repeat: some(this.dice.below(30)),
      delay: some(40),
      crash: some(1.2),
      pause: some(0.8),
      partition: some(2),
      slowDisk: some(50),
      churn: some(4),
      transfer: some(1.5),
      snapshot: some(6),
      replay: some(3),
    };
    this.settings = { ...FAST, ...(this.dice.chance(70) ? NARROW : {}), ...options.settings };
    const ids = Array.from({ length: options.voters }, (_, at) => String.fromCharCode(97 + at));
    const disk = initialDisk(configurationOf(ids));
    this.truth.bootstrap(disk.entries);
    for (const id of ids) this.add(id, { ...disk, entries: [...disk.entries] });
  }

  private add(id: MemberId, disk = initialDisk(null)): CoreMember {
    const member = new CoreMember(id, disk, this.options.seed * 31 + this.truth.members.size, this.truth, this.settings);
    this.truth.members.set(id, member);
    member.start();
    return member;
  }

  private get members(): CoreMember[] {
    return [...this.truth.members.values()];
  }

  private get up(): CoreMember[] {
    return this.members.filter((member) => member.isUp);
  }

  leader(): CoreMember | undefined {
    return this.up.filter((member) => member.state.role === 'leader').sort((a, b) => b.state.term - a.state.term)[0];
  }

  runTicks(ticks: number): void {
    for (let tick = 0; tick < ticks; tick++) this.tick('faults');
  }

  /** All faults end; what is a member of the newest configuration must agree soon. */
  heal(ticks: number): void {
    this.cut.clear();
    this.paused.clear();
    for (const member of this.members) if (!member.isUp) member.start();
    for (let tick = 0; tick < ticks; tick++) {
      // The last ticks bring no new work, so that all that was asked for can be done.
      if (tick < ticks - 40 && tick % 10 === 0) this.propose(this.leader());
      this.tick('none');
    }
  }

  private tick(mode: 'faults' | 'none'): void {
    this.now++;
    if (mode === 'faults') {
      this.makeFaults();
      this.makeWork();
    }
    this.deliver(mode);
    for (const member of this.up) {
      const resumes = this.paused.get(member.id);
      if (resumes !== undefined && resumes > this.now) continue;
      const ticks = resumes === undefined ? 1 : 20;
      this.paused.delete(member.id);
      this.disk(member, mode);
      if (member.isUp) member.give({ kind: 'tick', ticks });
      this.collect(member, mode);
    }
  }

  private disk(member: CoreMember, mode: 'faults' | 'none'): void {
    while (member.pendingWrites > 0) {
      if (mode === 'faults' && this.dice.chance(this.faults.slowDisk)) {
        this.truth.count('slow disk');
        return;
      }
      member.flush();
    }
  }

  private makeFaults(): void {
    const { dice, faults } = this;
    for (const member of this.up) {
      if (dice.chance(faults.crash)) {
        this.truth.count(member.pendingWrites > 0 ? `crash of a ${member.state.role} that loses writes` : `crash of a ${member.state.role}`);
        member.crash();
      } else if (dice.chance(faults.pause)) {
        this.truth.count('pause');
        this.paused.set(member.id, this.now + 1 + dice.below(60));
      }
    }
    for (const member of this.members) if (!member.isUp && dice.chance(5)) member.start();
    if (dice.chance(faults.partition)) {
      this.truth.count('partition');
      const ids = this.members.map((member) => member.id);
      const kind = dice.below(3);
      for (const a of ids) {
        for (const b of ids) if (a !== b && (kind === 0 ? dice.chance(30) : kind === 1 ? a === ids[0] : (ids.indexOf(a) & 1) !== (ids.indexOf(b) & 1))) this.cut.add(`${a}>${b}`);
      }
    }
    if (this.cut.size > 0 && dice.chance(4)) this.cut.clear();
  }

  private makeWork(): void {
    const { dice, faults } = this;
    if (dice.chance(40)) this.propose(dice.chance(80) ? this.leader() : dice.pick(this.up));
    if (dice.chance(25)) {
      const reader = dice.pick(this.up);
      if (reader !== undefined) {
        const id = this.nextId++;
        this.truth.readBegins(reader, id);
        reader.give({ kind: 'read', id });
        this.collect(reader, 'faults');
      }
    }
    if (dice.chance(faults.churn)) this.change();
    if (dice.chance(faults.transfer)) {
      const from = dice.pick(this.up.filter((member) => member.state.role === 'leader'));
      from?.give({ kind: 'transfer', id: this.nextId++, to: dice.chance(50) ? null : (dice.pick(this.members)?.id ?? null) });
    }
    if (dice.chance(faults.snapshot)) {
      const member = dice.pick(this.up);
      if (member !== undefined && member.takeSnapshot() !== null && dice.chance(60)) member.trim(compactionIndex(member.state, { entries: dice.below(4), bytes: dice.below(100) }, member.state.snapshot.index));
    }
  }

  private propose(member: CoreMember | undefined): void {
    if (member === undefined) return;
    const proposals = Array.from({ length: 1 + this.dice.below(5) }, () => {
      const id = this.nextId++;
      return { id, kind: 'command' as const, payload: new TextEncoder().encode(`${id}`.padEnd(this.dice.below(40), '.')) };
    });
    member.give({ kind: 'propose', proposals, wallClockMs: this.now });
    this.collect(member, 'faults');
  }

  private change(): void {
    const leader = this.dice.pick(this.up.filter((member) => member.state.role === 'leader'));
    if (leader === undefined) return;
    const { configuration } = activePlaced(leader.state);
    const id = this.nextId++;
    const ask = (change: MembershipChange): void => void leader.give({ kind: 'change', id, changeId: `change-${id}`, change, expectedIndex: null, wallClockMs: this.now });
    const kind = this.dice.below(4);
    const learner = this.dice.pick(learnersOf(configuration));
    const voters = votersOf(configuration);
    if (kind === 0 && configuration.members.length < 6 && this.joined < 4) {
      const name = `j${++this.joined}`;
      this.add(name);
      ask({ kind: 'add-learner', id: name, name, address: `host-${name}:7000` });
    } else if (kind === 1 && learner !== undefined) ask({ kind: 'promote', id: learner });
    else if (kind === 2 && voters.length > 2) ask({ kind: 'remove', id: this.dice.pick(configuration.members)?.id ?? '' });
    else ask({ kind: 'change-address', id: this.dice.pick(configuration.members)?.id ?? '', address: `host-${id}:7000` });
    this.collect(leader, 'faults');
  }

  private collect(member: CoreMember, mode: 'faults' | 'none'): void {
    const { dice, faults } = this;
    for (const message of member.outbox.splice(0)) {
      if (mode === 'faults' && dice.chance(5)) this.old.push(message);
      if (mode === 'faults' && (this.cut.has(`${message.from}>${message.to}`) || dice.chance(faults.drop))) continue;
      const due = (): number => this.now + 1 + (mode === 'faults' && dice.chance(faults.delay) ? dice.below(12) : 0);
      this.flights.push({ due: due(), message });
      if (mode === 'faults' && dice.chance(faults.repeat)) this.flights.push({ due: due(), message });
    }
    if (mode === 'faults' && dice.chance(faults.replay)) {
      const message = dice.pick(this.old);
      if (message !== undefined) {
        this.truth.count('old message replayed');
        this.flights.push({ due: this.now + 1, message });
      }
    }
    for (const stream of member.streams.splice(0)) this.streams.push({ ...stream, from: member.id, due: this.now + 1 + (mode === 'faults' ? dice.below(20) : 2) });
  }

  private deliver(mode: 'faults' | 'none'): void {
    const isDue = (one: { due: number }): boolean => one.due <= this.now;
    const due = this.flights.filter(isDue);
    this.flights = this.flights.filter((one) => !isDue(one));
    while (due.length > 0) {
      const at = mode === 'faults' && this.faults.delay > 0 ? this.dice.below(due.length) : 0;
      const [flight] = due.splice(at, 1);
      const member = flight === undefined ? undefined : this.truth.members.get(flight.message.to);
      if (flight === undefined || member === undefined || !member.isUp) continue;
      if (this.paused.has(member.id)) this.flights.push({ due: this.now + 1, message: flight.message });
      else {
        member.give({ kind: 'message', message: flight.message });
        this.collect(member, mode);
      }
    }
    const streams = this.streams.filter(isDue);
    this.streams = this.streams.filter((one) => !isDue(one));
    for (const stream of streams) this.deliverSnapshot(stream, mode);
  }

  private deliverSnapshot(stream: Stream, mode: 'faults' | 'none'): void {
    const target = this.truth.members.get(stream.to);
    const source = this.truth.members.get(stream.from);
    const isLost = target === undefined || !target.isUp || this.paused.has(stream.to) || this.cut.has(`${stream.from}>${stream.to}`) || (mode === 'faults' && this.dice.chance(20));
    if (!isLost) {
      target.receiveSnapshot(stream.from, stream.term, stream.snapshot);
      this.collect(target, mode);
    }
    if (source?.isUp !== true) return;
    source.give({ kind: 'snapshot-sent', to: stream.to, index: stream.snapshot.index, outcome: isLost ? 'failed' : 'delivered' });
    this.collect(source, mode);
  }

  /** What is still wrong after healing; empty when the cluster works again. */
  unrest(): string[] {
    const leader = this.leader();
    if (leader === undefined) return [`no leader: ${this.up.map((member) => `${member.id} ${member.state.role} of term ${member.state.term}`).join(', ')}`];
    const { configuration } = activePlaced(leader.state);
    const wrong: string[] = [];
    for (const { id } of configuration.members) {
      const member = this.truth.members.get(id);
      if (member === undefined) continue;
      if (member.state.term !== leader.state.term) wrong.push(`${id} is in term ${member.state.term}, the leader in ${leader.state.term}`);
      if (member.state.leader !== leader.id) wrong.push(`${id} follows ${String(member.state.leader)}`);
      if (member.state.commit < leader.state.commit) wrong.push(`${id} knows ${member.state.commit} committed, the leader ${leader.state.commit}`);
      if (member.state.lastApplied < leader.state.commit) wrong.push(`${id} applied ${member.state.lastApplied}, committed is ${leader.state.commit}`);
    }
    if (leader.state.log.last > leader.state.commit) wrong.push(`the leader holds ${leader.state.log.last}, committed is ${leader.state.commit}`);
    return wrong;
  }
}
