import type { MembershipChange } from '../../src/engine/core/configuration.ts';
import type { Entry } from '../../src/engine/core/entry.ts';
import type { Message } from '../../src/engine/core/message.ts';
import { lastPosition } from '../../src/engine/core/log.ts';
import { activePlaced } from '../../src/engine/core/membership.ts';
import type { Ready } from '../../src/engine/core/ready.ts';
import { FAST, type Settings } from '../../src/engine/core/settings.ts';
import type { RaftState } from '../../src/engine/core/state.ts';
import { statusOf } from '../../src/engine/core/status.ts';
import { configurationOf, CoreMember, initialDisk, type MemberObserver, type TestDisk } from './core-member.ts';
import { CoreTruth } from './core-truth.ts';
import { entryText, messageText, outcomeTexts, positionText } from './message-text.ts';

const SETTLE_LIMIT = 200;

/** Cores driven by commands, one a line, each answered by what it made happen. Writes are durable at once unless a member is held. */
export class ScriptedCluster {
  private readonly members = new Map<string, CoreMember>();
  private readonly truth = new CoreTruth();
  private readonly held = new Set<string>();
  private readonly cut = new Set<string>();
  private network: Message[] = [];
  /** Everything that was ever sent, for `repeat`. */
  private readonly sent: Message[] = [];
  private lines: string[] = [];
  private readonly announced = new WeakSet<object>();
  private nextId = 1;
  private settings: Settings = FAST;

  /** Runs one command and gives the lines it printed. */
  run(command: string): string[] {
    this.lines = [];
    const [verb = '', ...words] = command.split(/\s+/);
    const handler = this.verbs[verb];
    if (handler === undefined) throw new Error(`unknown command: ${command}`);
    handler(words);
    return this.lines.length === 0 ? ['ok'] : this.lines;
  }

  private readonly verbs: Readonly<Record<string, (words: string[]) => void>> = {
    voters: (words) => this.create(words),
    join: ([id]) => this.add(id, initialDisk(null)),
    log: ([id, ...words]) => this.presetLog(id, words),
    campaign: ([id]) => this.campaign(this.member(id)),
    limits: (words) => this.limit(words),
    silence: (ids) => this.silence(ids),
    run: ([count, ...ids]) => this.runTicks(Number(count), ids),
    tick: ([count, ...ids]) => this.tick(Number(count), ids),
    deliver: (words) => this.deliver(words),
    settle: () => this.settle(),
    quietly: (words) => this.quietly(words),
    drop: (words) => this.drop(words),
    repeat: (words) => this.repeat(words),
    cut: ([from, to]) => this.link(from, to, (one) => this.cut.add(one)),
    mend: ([from, to]) => this.link(from, to, (one) => this.cut.delete(one)),
    hold: ([id]) => void this.held.add(this.member(id).id),
    flush: ([id]) => this.flush(this.member(id)),
    crash: ([id]) => this.member(id).crash(),
    restart: ([id]) => this.restart(this.member(id)),
    forget: ([id, last]) => this.forget(this.member(id), Number(last)),
    propose: ([id, ...payloads]) => this.propose(this.member(id), payloads),
    read: ([id]) => this.give(this.member(id), { kind: 'read', id: this.nextId++ }),
    transfer: ([id, to]) => this.give(this.member(id), { kind: 'transfer', id: this.nextId++, to: to ?? null }),
    change: (words) => this.change(words),
    snapshot: ([id]) => this.takeSnapshot(this.member(id)),
    trim: ([id, first]) => this.member(id).trim(Number(first)),
    stream: ([outcome]) => this.stream(outcome === 'lost' ? 'failed' : 'delivered'),
    status: () => this.status(),
    logs: () => this.logs(),
    progress: ([id]) => this.progress(this.member(id)),
  };

  private member(id: string | undefined): CoreMember {
    const member = this.members.get(id ?? '');
    if (member === undefined) throw new Error(`no member ${String(id)}`);
    return member;
  }

  /** `voters 1 2 3 learners 4`: a cluster as `init` leaves it. */
  private create(words: string[]): void {
    const at = words.indexOf('learners');
    const voters = at < 0 ? words : words.slice(0, at);
    const learners = at < 0 ? [] : words.slice(at + 1);
    const disk = initialDisk(configurationOf(voters, learners));
    this.truth.bootstrap(disk.entries);
    for (const id of [...voters, ...learners]) this.add(id, { ...disk, entries: [...disk.entries] });
  }

  private add(id: string | undefined, disk: TestDisk): void {
    if (id === undefined) throw new Error('which member?');
    const observer: MemberObserver = {
      stepped: (member, before, input, ready) => {
        this.truth.stepped(member, before, input, ready);
        this.explain(member, before, ready);
      },
      stored: (member, write) => this.truth.stored(member, write),
      applied: (member, entry, digest) => this.truth.applied(member, entry, digest),
      sending: (member, message) => this.truth.sending(member, message),
    };
    const member = new CoreMember(id, disk, Number.parseInt(id, 36), observer, this.settings);
    this.members.set(id, member);
    this.truth.members.set(id, member);
    member.start();
  }

  /** `log 2 1 1 3 term=3 commit=1`: the member restarts with entries of these terms behind entry 1. */
  private presetLog(id: string | undefined, words: string[]): void {
    const member = this.member(id);
    const option = (name: string): number | undefined => {
      const word = words.find((one) => one.startsWith(`${name}=`));
      return word === undefined ? undefined : Number(word.slice(name.length + 1));
    };
    const terms = words.filter((word) => /^\d+$/.test(word)).map(Number);
    const entries: Entry[] = terms.map((term, at) => ({ index: at + 2, term, kind: 'command', wallClockMs: 0, payload: new TextEncoder().encode(`t${term}i${at + 2}`) }));
    const first = member.disk.entries.slice(0, 1);
    member.disk = { ...member.disk, entries: [...first, ...entries], hardState: { term: option('term') ?? terms.at(-1) ?? 1, vote: '', commit: option('commit') ?? 1 } };
    this.truth.bootstrapMore(entries, first, option('commit') ?? 1);
    member.start();
  }

  private give(member: CoreMember, input: Parameters<CoreMember['give']>[0]): void {
    member.give(input);
    this.pump(member);
  }

  /** Takes what the member sends, after its writes unless they are held. */
  private pump(member: CoreMember): void {
    if (!this.held.has(member.id)) member.flushAll();
    for (const message of member.outbox.splice(0)) {
      const isCut = this.cut.has(`${message.from}>${message.to}`);
      this.lines.push(`${messageText(message)}${isCut ? ' (lost)' : ''}`);
      this.sent.push(message);
      if (!isCut) this.network.push(message);
    }
    for (const stream of member.streams) if (!this.announced.has(stream)) {
      this.announced.add(stream);
      this.lines.push(`${member.id} sends the snapshot of ${positionText(stream.snapshot)} to ${stream.to}`);
    }
  }

  private explain(member: CoreMember, before: RaftState, ready: Ready): void {
    const after = member.state;
    const { id } = member;
    if (after.role !== before.role || after.term !== before.term) this.lines.push(`${id} is ${after.role} of term ${after.term}`);
    if (ready.write?.truncateFrom !== null && ready.write !== null) this.lines.push(`${id} truncates from ${ready.write.truncateFrom}`);
    if (after.commit !== before.commit) this.lines.push(`${id} commits ${after.commit}`);
    if (ready.restore !== null) this.lines.push(`${id} installs the snapshot of ${positionText(ready.restore)}`);
    if (ready.dropReceived) this.lines.push(`${id} does not need the snapshot`);
    if (ready.configuration !== null) this.lines.push(`${id} uses the configuration of entry ${activePlaced(after).index}`);
    if (after.isRemoved && !before.isRemoved) this.lines.push(`${id} knows that it was removed`);
    for (const lost of after.amnesiacs) if (!before.amnesiacs.includes(lost)) this.lines.push(`${id} marks ${lost}: it lost what it had acknowledged`);
    for (const line of outcomeTexts(ready)) this.lines.push(`${id} ${line}`);
  }

  /** Lets the member's election timeout pass; what it heard just now is a tick old by then. */
  private campaign(member: CoreMember): void {
    this.give(member, { kind: 'tick', ticks: 1 });
    this.give(member, { kind: 'tick', ticks: Math.max(1, member.state.electionTimeout - member.state.electionElapsed) });
    if (member.state.role === 'follower') this.lines.push(`${member.id} does not campaign`);
  }

  /** `silence 2 3`: these members have not heard the leader for 150 ms, and would let another rise. */
  private silence(ids: string[]): void {
    for (const id of ids) for (const ticks of [1, FAST.electionMinTicks]) this.give(this.member(id), { kind: 'tick', ticks });
  }

  /** `limits entries=1 inflight=2`: for the members made after it. */
  private limit(words: string[]): void {
    for (const word of words) {
      const [name, value] = word.split('=');
      if (name === 'entries') this.settings = { ...this.settings, maxEntriesPerMessage: Number(value) };
      else if (name === 'inflight') this.settings = { ...this.settings, maxInflightMessages: Number(value) };
      else if (name === 'uncommitted') this.settings = { ...this.settings, maxUncommittedBytes: Number(value) };
      else throw new Error(`unknown limit ${word}`);
    }
  }

  private runTicks(count: number, ids: string[]): void {
    for (let tick = 0; tick < count; tick++) {
      this.tick(1, ids);
      this.settle();
    }
  }

  private tick(count: number, ids: string[]): void {
    for (let tick = 0; tick < count; tick++) for (const member of this.members.values()) if (member.isUp && (ids.length === 0 || ids.includes(member.id))) this.give(member, { kind: 'tick', ticks: 1 });
  }

  private matches(message: Message, words: readonly string[]): boolean {
    return words.every((word) => (word.includes('->') ? word.split('->').every((end, at) => end === '*' || end === (at === 0 ? message.from : message.to)) : messageText(message).includes(word)));
  }

  /** Hands over what is on its way (`deliver 1->2`, `deliver *->3`: only that), not what comes of it. */
  private deliver(words: string[]): void {
    const now = this.network.filter((message) => this.matches(message, words));
    this.network = this.network.filter((message) => !now.includes(message));
    for (const message of now) this.hand(message);
  }

  private hand(message: Message): void {
    const member = this.members.get(message.to);
    if (member?.isUp === true) this.give(member, { kind: 'message', message });
  }

  private settle(): void {
    for (let round = 0; this.network.length > 0; round++) {
      if (round > SETTLE_LIMIT) throw new Error('the network does not come to rest');
      this.deliver([]);
    }
  }

  /** Runs another command and whatever follows from it, and shows nothing. */
  private quietly(words: string[]): void {
    this.run(words.join(' '));
    this.settle();
    this.lines = [];
  }

  private drop(words: string[]): void {
    this.network = this.network.filter((message) => !this.matches(message, words));
  }

  /** Delivers the newest message ever sent that fits, once more. */
  private repeat(words: string[]): void {
    const message = this.sent.findLast((one) => this.matches(one, words));
    if (message === undefined) throw new Error(`never sent: ${words.join(' ')}`);
    this.lines.push(`again ${messageText(message)}`);
    this.hand(message);
  }

  private link(from: string | undefined, to: string | undefined, change: (link: string) => void): void {
    for (const a of this.members.keys()) for (const b of this.members.keys()) if (a !== b && (a === from || b === from) && (to === undefined || a === to || b === to)) change(`${a}>${b}`);
  }

  private flush(member: CoreMember): void {
    this.held.delete(member.id);
    this.pump(member);
  }

  private restart(member: CoreMember): void {
    member.start();
    this.pump(member);
  }

  /** The disk loses all behind `last` while the process is down. */
  private forget(member: CoreMember, last: number): void {
    const { disk } = member;
    disk.entries.length = last - disk.base.index;
    disk.hardState = { ...disk.hardState, commit: Math.min(disk.hardState.commit, last) };
  }

  private propose(member: CoreMember, payloads: string[]): void {
    this.give(member, { kind: 'propose', proposals: payloads.map((text) => ({ id: this.nextId++, kind: 'command', payload: new TextEncoder().encode(text) })), wallClockMs: 0 });
  }

  /** `change 1 add-learner 4 [as=changeId] [at=configurationIndex] [address=host:port]`. */
  private change([at, kind, id = '', ...options]: string[]): void {
    const option = (name: string): string | undefined => options.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
    const address = option('address') ?? `host-${id}:7000`;
    const changes: Record<string, MembershipChange> = {
      'add-learner': { kind: 'add-learner', id, name: `member-${id}`, address },
      promote: { kind: 'promote', id },
      remove: { kind: 'remove', id },
      'change-address': { kind: 'change-address', id, address },
    };
    const change = changes[kind ?? ''];
    if (change === undefined) throw new Error(`unknown change ${String(kind)}`);
    const asked = this.nextId++;
    const expectedIndex = option('at');
    this.give(this.member(at), { kind: 'change', id: asked, changeId: option('as') ?? `change-${asked}`, change, expectedIndex: expectedIndex === undefined ? null : Number(expectedIndex), wallClockMs: 0 });
  }

  private takeSnapshot(member: CoreMember): void {
    const taken = member.takeSnapshot();
    this.pump(member);
    this.lines.push(taken === null ? `${member.id} has nothing new for a snapshot` : `${member.id} has the snapshot of ${positionText(taken)}`);
  }

  private stream(outcome: 'delivered' | 'failed'): void {
    for (const member of this.members.values()) {
      for (const { to, term, snapshot } of member.streams.splice(0)) {
        const target = this.members.get(to);
        if (outcome === 'delivered' && target?.isUp === true) {
          target.receiveSnapshot(member.id, term, snapshot);
          this.pump(target);
        }
        this.give(member, { kind: 'snapshot-sent', to, index: snapshot.index, outcome });
      }
    }
  }

  private status(): void {
    for (const member of this.members.values()) {
      if (!member.isUp) {
        this.lines.push(`${member.id} down`);
        continue;
      }
      const status = statusOf(member.state);
      const members = status.configuration.members.map((one) => (one.role === 'learner' ? `(${one.id})` : one.id)).join(' ');
      this.lines.push(
        `${status.id} ${status.role} term=${status.term} vote=${status.votedFor ?? '-'} leader=${status.leader ?? '-'} last=${positionText(lastPosition(member.state.log))} commit=${status.commitIndex} members=[${members}]${status.isChangePending ? ' pending' : ''}${status.isRemoved ? ' removed' : ''}`,
      );
    }
  }

  private logs(): void {
    for (const member of this.members.values()) this.lines.push(`${member.id} ${member.base.index === 0 ? '' : `after ${positionText(member.base)} `}${member.log.map(entryText).join(' ')}`.trimEnd());
  }

  private progress(member: CoreMember): void {
    for (const peer of member.state.leading?.peers ?? []) this.lines.push(`${peer.id} ${peer.state} match=${peer.match} next=${peer.next} inflight=${peer.inflight.length}${peer.hasAmnesia ? ' amnesia' : ''}`);
  }
}
