import type { MembershipChange } from '../../src/engine/core/configuration.ts';
import { CallError } from '../../src/engine/ports/node-api.ts';
import type { MemberProgress, NodeApi, NodeStatus, ReadLevel } from '../../src/engine/ports/node-api.ts';
import { GrpcTransport } from '../../src/engine/adapters/grpc-transport.ts';
import type { GrpcTransportOptions } from '../../src/engine/adapters/grpc-transport.ts';
import { CLUSTER } from './transport-pair.ts';

/** A small cluster state that all fake nodes share: who leads, and an agreed log of commands. */
export class FakeCluster {
  readonly nodes: FakeNode[] = [];
  readonly log: { index: number; command: Uint8Array }[] = [];
  leader: string | null = null;
  lastIndex = 0;

  append(command: Uint8Array): number {
    this.lastIndex += 1;
    this.log.push({ index: this.lastIndex, command });
    for (const node of this.nodes) for (const emit of node.watchers) emit(eventOf(this.lastIndex));
    return this.lastIndex;
  }

  node(id: string): FakeNode {
    const found = this.nodes.find((one) => one.id === id);
    if (found === undefined) throw new Error(`no node ${id}`);
    return found;
  }
}

export function eventOf(index: number): Uint8Array {
  return Buffer.from(String(index));
}

export function indexOfEvent(event: Uint8Array): number {
  return Number(Buffer.from(event).toString());
}

/** A NodeApi without Raft, behind a real gRPC service on 127.0.0.1. `next*` hooks decide the outcome of single calls. */
export class FakeNode implements NodeApi {
  readonly watchers = new Set<(event: Uint8Array) => void>();
  readonly calls: string[] = [];
  readonly deadlines: number[] = [];
  readonly levels: ReadLevel[] = [];
  /** Outcomes of the next calls; when empty, calls do as a healthy member does. */
  outcomes: (CallError | 'never' | 'applied-then-silent')[] = [];
  /** How far this node has applied; null: all. */
  appliedTo: number | null = null;
  snapshot: Uint8Array = new Uint8Array(0);
  address = '';
  downloadsStopped = 0;

  private constructor(
    readonly id: string,
    readonly cluster: FakeCluster,
    readonly transport: GrpcTransport,
  ) {}

  static async open(cluster: FakeCluster, id: string, options: Partial<GrpcTransportOptions> = {}): Promise<FakeNode> {
    const transport = new GrpcTransport({ clusterId: CLUSTER, generation: 1, memberId: id, maxFeatureLevel: 1, host: '127.0.0.1', port: 0, ...(options.tls === undefined ? { insecureLoopback: true } : {}), ...options });
    const node = new FakeNode(id, cluster, transport);
    transport.serve(node);
    await transport.start(() => undefined);
    node.address = `127.0.0.1:${transport.port}`;
    cluster.nodes.push(node);
    return node;
  }

  async propose(command: Uint8Array, { deadlineMs }: { deadlineMs: number }): Promise<{ index: number; term: number; result: Uint8Array }> {
    this.record('propose', deadlineMs);
    const outcome = this.outcomes.shift();
    if (outcome === 'applied-then-silent') this.cluster.append(command);
    await this.follow(outcome);
    this.mustLead();
    return { index: this.cluster.append(command), term: 1, result: command };
  }

  async query(request: Uint8Array, { level, deadlineMs }: { level: ReadLevel; deadlineMs: number }): Promise<{ index: number; leaderContactMs: number | null; result: Uint8Array }> {
    this.record('query', deadlineMs);
    this.levels.push(level);
    await this.follow(this.outcomes.shift());
    return { index: this.applied, leaderContactMs: 12.4, result: request };
  }

  watch(request: Uint8Array, emit: (event: Uint8Array) => void): () => void {
    this.record('watch', 0);
    const text = Buffer.from(request).toString();
    if (text === 'compacted') throw new CallError('failed', 'compacted', 'too old');
    if (text !== '') for (const { index } of this.cluster.log) if (index >= Number(text)) emit(eventOf(index));
    this.watchers.add(emit);
    return () => void this.watchers.delete(emit);
  }

  status(): NodeStatus {
    const members = this.cluster.nodes.map(
      ({ id, address }): MemberProgress => ({ id, name: id, address, role: 'voter', matchIndex: id === this.id ? 5 : null, lastContactMs: null, hasAmnesia: false, state: id === this.id ? 'self' : 'unknown', version: null }),
    );
    return {
      clusterId: CLUSTER,
      generation: 1,
      memberId: this.id,
      name: this.id,
      version: '1.2.3',
      role: this.cluster.leader === this.id ? 'leader' : 'follower',
      term: 4,
      votedFor: null,
      leader: this.cluster.leader,
      leaderSinceMs: 1_700_000_000_000,
      commitIndex: this.cluster.lastIndex,
      appliedIndex: this.applied,
      firstIndex: 1,
      lastEntry: { term: 4, index: this.cluster.lastIndex },
      snapshotIndex: 0,
      stateHash: 'ab',
      configurationIndex: 1,
      isChangePending: false,
      members,
      removedIds: ['gone'],
      isRemoved: false,
      eventLoopDelayMs: 1.5,
      featureLevel: 1,
      maxFeatureLevel: 1,
    };
  }

  async changeMembership(change: MembershipChange, options: { changeId: string; expectedIndex: number | null; deadlineMs: number }): Promise<{ index: number; term: number }> {
    this.record(`change ${change.kind} ${change.id} ${options.changeId} ${options.expectedIndex}`, options.deadlineMs);
    await this.follow(this.outcomes.shift());
    this.mustLead();
    return { index: 9, term: 4 };
  }

  async transfer(to: string | null, { deadlineMs }: { deadlineMs: number }): Promise<{ leader: string; term: number }> {
    this.record(`transfer ${to}`, deadlineMs);
    await this.follow(this.outcomes.shift());
    this.mustLead();
    this.cluster.leader = to ?? this.id;
    return { leader: this.cluster.leader, term: 5 };
  }

  async takeSnapshot(): Promise<{ id: string; index: number; term: number }> {
    this.record('takeSnapshot', 0);
    await this.follow(this.outcomes.shift());
    return { id: '4-7-abc', index: 7, term: 4 };
  }

  async *readSnapshot(id: string | null): AsyncIterable<Uint8Array> {
    this.record(`readSnapshot ${id}`, 0);
    try {
      for (let at = 0; at < this.snapshot.length; at += 100_000) yield await Promise.resolve(this.snapshot.subarray(at, at + 100_000));
    } finally {
      this.downloadsStopped += 1;
    }
  }

  async compact(): Promise<{ firstIndex: number }> {
    this.record('compact', 0);
    await this.follow(this.outcomes.shift());
    return { firstIndex: 3 };
  }

  stop(): Promise<void> {
    return this.transport.stop();
  }

  private get applied(): number {
    return this.appliedTo ?? this.cluster.lastIndex;
  }

  private record(call: string, deadlineMs: number): void {
    this.calls.push(call);
    this.deadlines.push(deadlineMs);
  }

  private mustLead(): void {
    const { leader } = this.cluster;
    if (leader === this.id) return;
    throw new CallError('failed', 'not-leader', `${this.id} does not lead`, leader === null ? null : { id: leader, address: this.cluster.node(leader).address });
  }

  private async follow(outcome: CallError | 'never' | 'applied-then-silent' | undefined): Promise<void> {
    if (outcome instanceof CallError) throw outcome;
    if (outcome !== undefined) await new Promise(() => undefined);
  }
}
