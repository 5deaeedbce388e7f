import type { Message } from '../core/message.ts';
import type { MembershipChange } from '../core/configuration.ts';
import type { Proposal } from '../core/input.ts';
import type { Ready, Refusal, Write } from '../core/ready.ts';
import { startRaft } from '../core/step.ts';
import type { RaftState } from '../core/state.ts';
import type { LogPosition, MemberId, Term } from '../core/types.ts';
import { CallError, type NodeApi, type NodeStatus, type ReadLevel } from '../ports/node-api.ts';
import type { NamedSnapshot, StoredState } from '../ports/storage.ts';
import type { Envelope } from '../ports/transport.ts';
import { AppendCalls } from './append-calls.ts';
import { ApplyLoop } from './apply-loop.ts';
import type { NodeObserver, NodeOptions, NodePorts } from './contract.ts';
import { Driver } from './driver.ts';
import { envelopeProblem } from './envelope-check.ts';
import { nodeStatus } from './node-status.ts';
import { PendingCall } from './pending-call.ts';
import { Reads } from './reads.ts';
import { IncomingSnapshot } from './snapshot-receiver.ts';
import { SnapshotKeeper } from './snapshot-keeper.ts';
import { SnapshotSender } from './snapshot-sender.ts';
import { checkStored, openMachine, restoreFrom, startOf } from './start-up.ts';
import { Ticker } from './ticker.ts';

/** Proposals that wait for the core, and calls that wait for their entry: beyond this the member says overloaded. */
const MAX_OPEN_CALLS = 65_536;
/** Payload bytes that one turn of the event loop gives to the core: to hash and encode many more at once would hold up heartbeats. */
const TURN_BYTES = 4 * 1024 * 1024;

type Transferred = { readonly leader: MemberId; readonly term: Term };

/** One member: the core, and around it everything that carries out what the core decides. */
export class RaftNode implements NodeApi {
  private readonly driver: Driver;
  private readonly applyLoop: ApplyLoop;
  private readonly calls: AppendCalls;
  private readonly reads: Reads;
  private readonly transfers = new Map<number, PendingCall<Transferred>>();
  private readonly keeper: SnapshotKeeper;
  private readonly sender: SnapshotSender;
  private readonly incoming: IncomingSnapshot;
  private readonly ticker: Ticker;
  private lastId = 0;
  private proposals: Proposal[] = [];
  private proposedBytes = 0;
  private leaderSinceMs: number | null = null;
  private stopped: Promise<void> | null = null;

  /**
   * Reads back and checks what is stored, brings the state machine to where the log carries on, and takes part.
   * @throws {StorageDamagedError} When the own data cannot be true: the member must not run.
   */
  static async start(ports: NodePorts, options: NodeOptions, observer: NodeObserver = {}): Promise<RaftNode> {
    const stored = await ports.storage.open();
    checkStored(stored);
    const appliedIndex = await openMachine(ports, stored);
    await ports.snapshots.keepOnly(stored.snapshots.map((one) => one.id));
    const node = new RaftNode(ports, options, observer, stored, appliedIndex);
    await ports.transport.start((envelope) => node.receive(envelope));
    node.driver.announcePeers();
    node.ticker.start();
    node.applyLoop.kick();
    return node;
  }

  private constructor(
    private readonly ports: NodePorts,
    private readonly options: NodeOptions,
    private readonly observer: NodeObserver,
    stored: StoredState,
    appliedIndex: number,
  ) {
    const { clock, machine, snapshots } = ports;
    const state = startRaft(startOf(ports, options, stored, appliedIndex));
    const driver = new Driver(
      ports,
      options,
      stored.identity,
      state,
      {
        carriedOut: (before, after, ready) => this.carriedOut(before, after, ready),
        installed: (write) => this.installed(write),
        failed: (error) => this.failed(error),
      },
      observer,
    );
    const fail = (error: unknown): void => driver.fail(error);
    const refused = (refusal: Refusal): CallError => this.toCallError(refusal);
    this.driver = driver;
    this.applyLoop = new ApplyLoop(clock, machine, appliedIndex, {
      limit: () => (driver.isEnded ? 0 : Math.min(driver.state.commit, driver.state.disk.durable)),
      read: (from, until, maxBytes) => driver.tail.readSome(from, until, maxBytes),
      applied: (entry, result) => {
        observer.applied?.(entry, result);
        this.calls.applied(entry.index, entry.term, result ?? new Uint8Array(0));
      },
      advanced: (index) => this.advanced(index),
      failed: fail,
    });
    this.calls = new AppendCalls(clock, refused);
    this.reads = new Reads(ports, driver, () => ++this.lastId, () => this.applyLoop.index, refused);
    this.keeper = new SnapshotKeeper(ports, options, driver, stored.snapshots, () => this.incoming.isBusy || this.applyLoop.isRestoring, () => this.sender.oldestIndex);
    this.sender = new SnapshotSender(clock, snapshots, stored.identity, {
      send: (chunk) => driver.send({ ...chunk, from: stored.identity.memberId, term: driver.state.term }),
      ended: (to, index, outcome) => driver.input({ kind: 'snapshot-sent', to, index, outcome }),
      failed: fail,
    });
    this.incoming = new IncomingSnapshot(snapshots, stored.identity, {
      ack: (ack) => driver.send({ ...ack, from: stored.identity.memberId, term: driver.state.term }),
      currentTerm: () => driver.state.term,
      commitIndex: () => driver.state.commit,
      mayBegin: () => this.keeper.swept(),
      received: (from, term, manifest) => {
        const { index, configuration } = manifest;
        driver.input({ kind: 'snapshot-received', from, term, snapshot: { index, term: manifest.term, configuration: configuration.configuration, configurationIndex: configuration.index } });
      },
      refused: (rule, from) => observer.refused?.(rule, from),
      failed: fail,
    });
    this.ticker = new Ticker(clock, (ticks) => driver.input({ kind: 'tick', ticks, wallClockMs: clock.wallClockMs() }));
  }

  async propose(command: Uint8Array, { deadlineMs }: { deadlineMs: number }): Promise<LogPosition & { readonly result: Uint8Array }> {
    this.checkOpen();
    if (command.length > this.options.maxCommandBytes) throw new CallError('failed', 'too-large', `command of ${command.length} bytes, allowed are ${this.options.maxCommandBytes}`);
    const { maxUncommittedBytes } = this.options.settings;
    if (this.proposedBytes + command.length > maxUncommittedBytes) throw new CallError('failed', 'overloaded', `proposals of one turn exceed ${maxUncommittedBytes} bytes`);
    this.checkRoom();
    const id = ++this.lastId;
    const call = this.calls.add(id, deadlineMs, 'proposal');
    this.proposedBytes += command.length;
    // All proposals of one turn of the event loop go to the core together, and so into one write.
    if (this.proposals.push({ id, kind: 'command', payload: command }) === 1) this.ports.clock.soon(() => this.putProposals());
    return await call.promise;
  }

  async query(request: Uint8Array, { level, deadlineMs }: { level: ReadLevel; deadlineMs: number }): Promise<{ readonly index: number; readonly leaderContactMs: number | null; readonly result: Uint8Array }> {
    this.checkOpen();
    return await this.reads.read(request, level, deadlineMs);
  }

  watch(request: Uint8Array, emit: (event: Uint8Array) => void): () => void {
    this.checkOpen();
    return this.ports.machine.watch(request, emit);
  }

  status(): NodeStatus {
    const { machine } = this.ports;
    return nodeStatus(this.driver.state, {
      identity: this.driver.identity,
      options: this.options,
      appliedIndex: machine.appliedIndex(),
      stateHash: machine.stateHash(),
      leaderSinceMs: this.leaderSinceMs,
      eventLoopDelayMs: this.ticker.delayMs,
    });
  }

  async changeMembership(change: MembershipChange, options: { changeId: string; expectedIndex: number | null; deadlineMs: number }): Promise<LogPosition> {
    this.checkOpen();
    this.checkRoom();
    const id = ++this.lastId;
    const call = this.calls.add(id, options.deadlineMs, 'membership change');
    const { changeId, expectedIndex } = options;
    this.calls.putting([id], () => this.driver.input({ kind: 'change', id, changeId, change, expectedIndex, wallClockMs: this.ports.clock.wallClockMs() }));
    const { index, term } = await call.promise;
    return { index, term };
  }

  async transfer(to: MemberId | null, { deadlineMs }: { deadlineMs: number }): Promise<Transferred> {
    this.checkOpen();
    this.checkRoom();
    const id = ++this.lastId;
    const call = new PendingCall<Transferred>(this.ports.clock, deadlineMs, 'leadership transfer', () => void this.transfers.delete(id));
    call.outcome = 'unknown';
    this.transfers.set(id, call);
    this.driver.input({ kind: 'transfer', id, to });
    return await call.promise;
  }

  async takeSnapshot(): Promise<{ readonly id: string; readonly index: number; readonly term: Term }> {
    this.checkOpen();
    try {
      const { id, index, term } = await this.keeper.take();
      return { id, index, term };
    } catch (error) {
      if (error instanceof CallError) throw error;
      throw new CallError('unknown', 'storage-failed', error instanceof Error ? error.message : String(error));
    }
  }

  readSnapshot(id: string | null): AsyncIterable<Uint8Array> {
    this.checkOpen();
    const wanted = id === null ? this.keeper.newest : this.keeper.all.find((one) => one.id === id);
    if (wanted === null || wanted === undefined) throw new CallError('failed', 'bad-request', id === null ? 'this member has no snapshot yet' : `this member has no snapshot ${id}`);
    return this.ports.snapshots.raw(wanted.id, this.driver.identity);
  }

  async compact(): Promise<{ readonly firstIndex: number }> {
    this.checkOpen();
    await this.keeper.compact();
    return { firstIndex: this.driver.state.log.base.index + 1 };
  }

  /** Ends the member in order: nothing more is accepted or sent, what is being written is finished, then all is closed. */
  async stop(): Promise<void> {
    this.stopped ??= this.stopOnce();
    await this.stopped;
  }

  private async stopOnce(): Promise<void> {
    const hadFailed = this.driver.isEnded;
    this.quiet((outcome) => new CallError(outcome, 'stopping', 'the member is stopping'));
    this.driver.end(new CallError('unknown', 'stopping', 'the member is stopping'));
    await this.ports.transport.stop();
    await this.incoming.end();
    await this.applyLoop.end();
    await this.keeper.idle();
    await this.driver.writes.drain();
    if (hadFailed) return;
    await this.ports.machine.close();
    await this.ports.storage.close();
  }

  private failed(error: Error): void {
    this.quiet((outcome) => new CallError(outcome, 'storage-failed', error.message));
    void this.applyLoop.end();
  }

  /** Ticks, transfers of snapshots and everybody's waiting end here. */
  private quiet(error: (outcome: 'failed' | 'unknown') => CallError): void {
    this.ticker.stop();
    this.sender.cancelAll();
    this.proposals = [];
    this.calls.endAll(error);
    this.reads.endAll(() => error('failed'));
    for (const call of this.transfers.values()) call.reject(error(call.outcome));
  }

  private putProposals(): void {
    const batch: Proposal[] = [];
    let [bytes, taken] = [0, 0];
    for (const proposal of this.proposals) {
      if (this.calls.isAsked(proposal.id)) { // else its deadline has passed
        if (batch.length > 0 && bytes + proposal.payload.length > TURN_BYTES) break;
        batch.push(proposal);
        bytes += proposal.payload.length;
      }
      taken++;
    }
    this.proposals = this.proposals.slice(taken);
    this.proposedBytes = this.proposals.reduce((sum, { payload }) => sum + payload.length, 0);
    if (this.proposals.length > 0) this.ports.clock.soon(() => this.putProposals());
    if (batch.length === 0) return;
    this.calls.putting(
      batch.map(({ id }) => id),
      () => this.driver.input({ kind: 'propose', proposals: batch, wallClockMs: this.ports.clock.wallClockMs() }),
    );
  }

  /** What arrives from other members. What fails the check is counted and forgotten. */
  private receive(envelope: Envelope): void {
    if (this.driver.isEnded) return;
    const problem = envelopeProblem(envelope, this.driver.identity);
    if (problem !== null) return this.observer.refused?.(problem, envelope.from);
    const { body } = envelope;
    if (body.kind === 'snapshot-chunk') return this.incoming.add(body);
    if (body.kind === 'snapshot-ack') return this.sender.ack(body);
    this.driver.input({ kind: 'message', message: body satisfies Message });
  }

  private carriedOut(before: RaftState, after: RaftState, ready: Ready): void {
    if (after.leader !== before.leader || after.term !== before.term) this.leaderSinceMs = after.leader === null ? null : this.ports.clock.wallClockMs();
    for (const outcome of ready.proposals) this.calls.told(outcome, this.applyLoop.index);
    for (const outcome of ready.changes) this.calls.told(outcome, this.applyLoop.index);
    for (const outcome of ready.reads) this.reads.told(outcome);
    for (const outcome of ready.transfers) {
      const call = this.transfers.get(outcome.id);
      if (outcome.kind === 'accepted') call?.resolve(outcome.value);
      else call?.reject(this.toCallError(outcome.refusal, outcome.refusal.rule === 'transfer-timeout' ? 'unknown' : 'failed'));
    }
    if (before.role === 'leader' && (after.role !== 'leader' || after.term !== before.term)) this.leadershipLost();
    if (ready.dropReceived) {
      this.incoming.drop();
      this.cleanUp();
    }
    if (ready.restore !== null) this.restore(ready.restore.index);
    const { newest } = this.keeper;
    for (const to of ready.snapshotsTo) {
      if (newest === null) this.driver.input({ kind: 'snapshot-sent', to, index: 0, outcome: 'failed' });
      else this.sender.start(to, newest);
    }
    this.applyLoop.kick();
  }

  private leadershipLost(): void {
    this.sender.cancelAll();
    this.calls.loseAppended(Number.MAX_SAFE_INTEGER, () => new CallError('unknown', 'leadership-lost', 'leadership was lost after the entry was appended', this.leaderHint()));
  }

  private advanced(index: number): void {
    this.driver.input({ kind: 'applied', index });
    this.reads.advanced(index);
    this.incoming.outgrown(index);
    this.keeper.consider(index);
  }

  private installed(write: Write): { readonly snapshot: NamedSnapshot; readonly named: readonly NamedSnapshot[] } {
    const { install } = write;
    const manifest = install === null ? null : this.incoming.take(install.snapshot.index);
    if (install === null || manifest === null || manifest.term !== install.snapshot.term) throw new Error(`no received snapshot for the install of write ${write.number}`);
    return this.keeper.install(manifest, install.keepSuffix);
  }

  /** After its write is durable, and before anything else is applied. */
  private restore(index: number): void {
    const snapshot = this.keeper.newest;
    if (snapshot?.index !== index) throw new Error(`the snapshot to restore, of index ${index}, is not named`);
    // Whoever waited for an entry that the snapshot covers will never see it applied here.
    this.calls.loseAppended(index, () => new CallError('unknown', 'leadership-lost', `a snapshot up to ${index} replaced the entry`));
    const durable = this.driver.unlessEnded((done) => this.driver.writes.whenDurable(done));
    durable.catch(() => undefined); // told to the restore below
    this.applyLoop.restore(async () => {
      await durable;
      const stateHash = await restoreFrom(this.ports, snapshot);
      this.observer.restored?.(index, stateHash);
      this.ports.clock.soon(() => this.cleanUp());
      return index;
    });
  }

  private cleanUp(): void {
    if (!this.driver.isEnded) this.keeper.cleanUp().catch((error: unknown) => this.driver.fail(error));
  }

  private checkOpen(): void {
    if (this.driver.isEnded) throw new CallError('failed', 'stopping', 'the member has ended');
  }

  private checkRoom(): void {
    if (this.calls.size + this.transfers.size >= MAX_OPEN_CALLS) throw new CallError('failed', 'overloaded', `${MAX_OPEN_CALLS} calls are waiting already`);
  }

  /** A refused proposal, read or change was never appended; leadership that did not move in time may still move. */
  private toCallError(refusal: Refusal, outcome: 'failed' | 'unknown' = 'failed'): CallError {
    return new CallError(outcome, refusal.rule, refusal.message, this.leaderHint(refusal.leader));
  }

  private leaderHint(leader: MemberId | null = this.driver.state.leader): { readonly id: MemberId; readonly address: string } | null {
    const member = this.driver.state.configurations.at(-1)?.configuration.members.find(({ id }) => id === leader);
    return member === undefined ? null : { id: member.id, address: member.address };
  }
}
