import type { Input } from '../core/input.ts';
import type { Message } from '../core/message.ts';
import type { AppendOrder, Ready, Write } from '../core/ready.ts';
import { step } from '../core/step.ts';
import type { RaftState } from '../core/state.ts';
import type { MemberId } from '../core/types.ts';
import type { Identity, NamedSnapshot, StorageWrite } from '../ports/storage.ts';
import { PROTOCOL_VERSION, type PeerBody } from '../ports/transport.ts';
import type { NodeObserver, NodeOptions, NodePorts } from './contract.ts';
import { EntryTail } from './entry-tail.ts';
import { WriteQueue } from './write-queue.ts';

const TAIL_BYTES = 16 * 1024 * 1024;

/** What the parts of a member do with a step, beyond writing and sending. */
export interface DriverHooks {
  /** Outcomes and orders; called once a step, after its messages left. */
  carriedOut(before: RaftState, after: RaftState, ready: Ready): void;
  /** The snapshot that an install names, and all that are named from then on. */
  installed(write: Write): { readonly snapshot: NamedSnapshot; readonly named: readonly NamedSnapshot[] };
  /** Nothing goes on: everybody who waits must be told. */
  failed(error: Error): void;
}

/**
 * The one place where the core meets the world. Inputs are stepped one after another; what each step asks for is done in this order:
 * its write is queued, what claims nothing about the disk is sent, the rest follows when the write is durable.
 */
export class Driver {
  readonly tail: EntryTail;
  readonly writes: WriteQueue;
  private readonly inputs: Input[] = [];
  private isStepping = false;
  private hasEnded = false;
  private readonly endings = new Set<(error: Error) => void>();
  private formerPeers: readonly { readonly id: MemberId; readonly address: string }[] = [];

  constructor(
    private readonly ports: NodePorts,
    private readonly options: NodeOptions,
    readonly identity: Identity,
    private current: RaftState,
    private readonly hooks: DriverHooks,
    private readonly observer: NodeObserver,
  ) {
    this.tail = new EntryTail(ports.storage, current.log.last, TAIL_BYTES);
    this.writes = new WriteQueue(
      (write) => ports.storage.commit(write),
      (number) => this.input({ kind: 'written', write: number }),
      (error) => this.fail(error),
    );
  }

  get state(): RaftState {
    return this.current;
  }

  /** Stopped or failed: nothing is stepped, written or sent any more. */
  get isEnded(): boolean {
    return this.hasEnded;
  }

  input(input: Input): void {
    if (this.hasEnded) return;
    this.inputs.push(input);
    if (this.isStepping) return;
    this.isStepping = true;
    try {
      for (let next = this.inputs.shift(); next !== undefined && !this.isEnded; next = this.inputs.shift()) this.stepOne(next);
    } catch (error) {
      this.fail(error);
    } finally {
      this.isStepping = false;
    }
  }

  send(body: PeerBody): void {
    if (this.hasEnded) return;
    const { clusterId, generation, memberId } = this.identity;
    this.ports.transport.send({ clusterId, generation, from: memberId, to: body.to, version: PROTOCOL_VERSION, maxFeatureLevel: this.options.maxFeatureLevel, body });
  }

  /** Whom to talk to: the members in force, and those of the configuration before, which may have to be told that they are out. */
  announcePeers(): void {
    const members = this.current.configurations.at(-1)?.configuration.members ?? [];
    const peers = members.filter(({ id }) => id !== this.identity.memberId).map(({ id, address }) => ({ id, address }));
    const gone = this.formerPeers.filter(({ id }) => !peers.some((peer) => peer.id === id));
    this.formerPeers = peers;
    this.ports.transport.setPeers([...peers, ...gone]);
  }

  /** Queues a commit and settles when it is durable. @throws {Error} When the member ends before. */
  async commit(write: StorageWrite): Promise<void> {
    this.writes.add(write, null);
    await this.unlessEnded((done) => this.writes.whenDurable(done));
  }

  /** Settles when `begin` calls back; rejects when the member ends before. */
  async unlessEnded(begin: (done: () => void) => void): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      if (this.hasEnded) return reject(new Error('the member has ended'));
      this.endings.add(reject);
      begin(() => {
        this.endings.delete(reject);
        resolve();
      });
    });
  }

  /** The disk, the machine or the core failed: the process ends at once, and nothing more leaves it. */
  fail(error: unknown): void {
    if (this.hasEnded) return;
    const cause = error instanceof Error ? error : new Error(String(error));
    this.end(cause);
    this.hooks.failed(cause);
    this.ports.proc.fatal(cause);
  }

  end(reason: Error): void {
    this.hasEnded = true;
    this.inputs.length = 0;
    for (const reject of this.endings) reject(reason);
    this.endings.clear();
  }

  private stepOne(input: Input): void {
    const before = this.current;
    const { state, ready } = step(before, input);
    this.current = state;
    this.observer.stepped?.(before, input, state, ready);
    if (ready.configuration !== null) this.announcePeers();
    if (ready.write !== null) this.queueWrite(ready.write);
    if (state.disk.durable !== before.disk.durable) this.tail.setDurable(state.disk.durable);
    for (const order of ready.appends) this.sendAppend(order);
    for (const message of ready.messages) this.send(message);
    this.sendWhenDurable(ready.messagesAfterWrite);
    this.hooks.carriedOut(before, state, ready);
  }

  private queueWrite(write: Write): void {
    const { number, hardState, truncateFrom, entries, install } = write;
    if (install === null) {
      this.tail.change(truncateFrom, entries);
      this.writes.add({ hardState, truncateFrom, entries, install: null }, number);
      return;
    }
    if (!install.keepSuffix) this.tail.reset(install.snapshot.index);
    this.tail.change(install.keepSuffix ? truncateFrom : null, entries);
    const { snapshot, named } = this.hooks.installed(write);
    this.writes.add({ hardState, truncateFrom, entries, install: { snapshot, keepSuffix: install.keepSuffix }, snapshots: named }, number);
  }

  private sendWhenDurable(messages: readonly Message[]): void {
    if (messages.length === 0) return;
    this.writes.whenDurable(() => {
      for (const message of messages) this.send(message);
    });
  }

  /** The entries are read in the same turn: later, the log might say something else. */
  private sendAppend(order: AppendOrder): void {
    const { to, term, number, prev, commit } = order;
    const entries = order.from === order.until ? [] : this.tail.read(order.from, order.until);
    this.send({ kind: 'append', from: this.identity.memberId, to, term, number, prev, entries, commit });
  }
}
