import { contextOf, securityOf } from '../adapters/grpc/credentials.ts';
import type { TlsMaterial } from '../adapters/grpc/credentials.ts';
import { encodeChange, encodeLevel } from '../adapters/grpc/client-codec.ts';
import { LIMITS } from '../adapters/grpc/limits.ts';
import { METHODS } from '../adapters/grpc/client-methods.ts';
import type { MembershipChange } from '../core/configuration.ts';
import type { LogIndex, MemberId, Term } from '../core/types.ts';
import { CallError } from '../ports/node-api.ts';
import type { NodeStatus, ReadLevel, ReadToken } from '../ports/node-api.ts';
import { Directory } from './directory.ts';
import type { Answered } from './directory.ts';
import { Link } from './link.ts';
import { Deadline, mayRetry, realPace, withRetries } from './retry.ts';
import type { Pace, Verdict } from './retry.ts';
import { downloadFrom } from './snapshot-download.ts';
import { watchFrom } from './watch.ts';
import type { WatchOptions } from './watch.ts';

export interface RaftClientOptions {
  /** `host:port` of some members; the others are learned. */
  readonly endpoints: readonly string[];
  /** Exactly one of `tls` and `insecureLoopback`. */
  readonly tls?: TlsMaterial | undefined;
  readonly insecureLoopback?: boolean | undefined;
  /** Cluster that must answer; default: that of the first answer. */
  readonly clusterId?: string | undefined;
  /** How this client calls itself. Default `client`. */
  readonly name?: string | undefined;
  /** Where a member is really dialled, when not at its address; `id` null for a given endpoint. */
  readonly dial?: ((id: MemberId | null, address: string) => string) | undefined;
  /** Longest wait for one member to answer a status or a read, in milliseconds, while others could be asked. Default 1000. */
  readonly attemptMs?: number | undefined;
  readonly pace?: Pace | undefined;
}

export interface CallTime {
  /** Milliseconds from the call on, all attempts together. */
  readonly timeoutMs: number;
}

/** Which member; absent: the leader. */
export interface OnMember extends CallTime {
  readonly member?: MemberId | undefined;
}

export interface Answer {
  readonly index: LogIndex;
  readonly leaderContactMs: number | null;
  readonly result: Uint8Array;
  /** Address of the member that answered. */
  readonly address: string;
}

export interface TakenSnapshot {
  readonly id: string;
  readonly index: LogIndex;
  readonly term: Term;
  readonly member: MemberId;
  readonly address: string;
}

/**
 * A cluster, from outside. Every call ends by its timeout and rejects with a CallError: `failed` means provably not executed, and only such
 * calls are made again; `unknown` is passed on. What this client wrote or read, its later reads never fall behind of.
 */
export class RaftClient {
  private readonly directory: Directory;
  private readonly pace: Pace;
  private readonly attemptMs: number;
  private token: ReadToken | null = null;
  private discovery: Promise<void> | null = null;

  /** @throws {RangeError} Without endpoints, or when neither or both of `tls` and `insecureLoopback` are given. */
  constructor(options: RaftClientOptions) {
    if (options.endpoints.length === 0) throw new RangeError('A client needs at least one endpoint, host:port');
    const security = securityOf(options);
    const context = security.kind === 'mtls' ? contextOf(security.material) : null;
    this.pace = options.pace ?? realPace;
    this.attemptMs = options.attemptMs ?? 1_000;
    const shared = {
      security,
      context,
      pace: this.pace,
      name: options.name ?? 'client',
      lineage: () => this.directory.lineage,
      clusterId: () => this.directory.lineage?.clusterId ?? options.clusterId ?? null,
    };
    this.directory = new Directory(options.endpoints, (address) => new Link(address, shared), options.dial ?? ((_id, address) => address), options.clusterId ?? null, () => this.pace.random());
  }

  /** Where this client has written or read last. */
  get sessionToken(): ReadToken | null {
    return this.token;
  }

  /** A command for the state machine. Settles when it is applied. Many calls may be in flight. */
  async propose(command: Uint8Array, { timeoutMs }: CallTime): Promise<{ readonly index: LogIndex; readonly term: Term; readonly result: Uint8Array }> {
    if (command.length > LIMITS.messageBytes) throw new CallError('failed', 'too-large', `a command of ${command.length} bytes, at most ${LIMITS.messageBytes}`);
    const done = await this.onLeader(timeoutMs, (link, leftMs) => link.propose(command, leftMs));
    this.saw(done.index);
    return done;
  }

  /** Any member answers; the session token goes along, and an answer from before it is asked for elsewhere. */
  async query(request: Uint8Array, { level, timeoutMs }: CallTime & { readonly level: ReadLevel }): Promise<Answer> {
    const asked: ReadLevel = level.kind === 'follower' && level.token === undefined && this.token !== null ? { ...level, token: this.token } : level;
    const answer = await this.onAny(timeoutMs, 'read', async (link, leftMs) => {
      const got = await link.unary(METHODS.query, (header) => ({ header, request, level: encodeLevel(asked) }), leftMs, 'none');
      const atLeast = this.token?.index ?? 0;
      if (got.index < atLeast) throw new CallError('failed', 'behind-token', `${link.address} has applied up to ${got.index}, this session has seen ${atLeast}`);
      return { index: got.index, leaderContactMs: got.leaderContactMs ?? null, result: got.result, address: link.address };
    });
    this.saw(answer.index);
    return answer;
  }

  /** The leader's status where it answers, else that of any member. */
  async status({ timeoutMs }: CallTime): Promise<NodeStatus> {
    const deadline = new Deadline(this.pace, timeoutMs);
    await this.discovered(deadline);
    const { leader } = this.directory;
    if (leader !== null) {
      try {
        return await this.directory.ask(leader, this.attempt(deadline));
      } catch (error) {
        if (!(error instanceof CallError) || !mayRetry(error, 'read')) throw error;
        this.directory.forgetLeader(leader);
      }
    }
    return await this.onAny(deadline.remainingMs, 'read', (link, leftMs) => this.directory.ask(link, leftMs));
  }

  /** What every known member says of itself; those that do not answer are in it. */
  async statuses({ timeoutMs }: CallTime): Promise<Answered[]> {
    const deadline = new Deadline(this.pace, timeoutMs);
    await this.discovered(deadline).catch(() => undefined);
    return await this.directory.survey(deadline, deadline.remainingMs);
  }

  /** Settles when committed. A retry with the same changeId gets the first outcome, so an unknown outcome is asked for again. */
  async changeMembership(change: MembershipChange, options: CallTime & { readonly changeId: string; readonly expectedIndex: LogIndex | null }): Promise<{ readonly index: LogIndex; readonly term: Term }> {
    let isDoubtful = false;
    const send = (link: Link, leftMs: number): Promise<{ index: number; term: number }> =>
      link.unary(METHODS.changeMembership, (header) => ({ header, changeId: options.changeId, expectedIndex: options.expectedIndex ?? undefined, change: encodeChange(change) }), leftMs, 'possible');
    try {
      return await this.onLeader(options.timeoutMs, send, (error) => {
        if (error.outcome === 'unknown') isDoubtful = true;
        // After an unknown outcome the change that is pending may be this very one.
        return error.outcome === 'unknown' || (isDoubtful && error.rule === 'change-pending') ? 'again' : null;
      });
    } catch (error) {
      if (isDoubtful && error instanceof CallError && error.outcome === 'failed' && (mayRetry(error, 'write') || error.rule === 'change-pending')) {
        throw new CallError('unknown', error.rule, `an earlier attempt may have taken effect; the last one: ${error.message}`, error.leader);
      }
      throw error;
    }
  }

  /** Settles when another member leads. `to` null: the voter that is furthest. */
  transfer(to: MemberId | null, { timeoutMs }: CallTime): Promise<{ readonly leader: MemberId; readonly term: Term }> {
    return this.onLeader(timeoutMs, (link, leftMs) => link.unary(METHODS.transfer, (header) => ({ header, to: to ?? undefined }), leftMs, 'possible'));
  }

  async takeSnapshot(options: OnMember): Promise<TakenSnapshot> {
    return await this.onMember(options, async (link, leftMs) => {
      const { memberId } = await this.directory.ask(link, leftMs);
      const taken = await link.unary(METHODS.takeSnapshot, (header) => ({ header }), leftMs, 'possible');
      return { ...taken, member: memberId, address: link.address };
    });
  }

  /** The file of a snapshot, newest when `id` is null, each piece checked. @throws {CallError} While it is read. */
  async *downloadSnapshot(id: string | null, options: OnMember): AsyncGenerator<Uint8Array> {
    const deadline = new Deadline(this.pace, options.timeoutMs);
    const link = await this.onMember(options, async (one, leftMs) => {
      await one.vouch(leftMs);
      return one;
    });
    yield* downloadFrom(link, id, deadline.remainingMs);
  }

  async compact(options: OnMember): Promise<{ readonly firstIndex: LogIndex }> {
    return await this.onMember(options, (link, leftMs) => link.unary(METHODS.compact, (header) => ({ header }), leftMs, 'possible'));
  }

  /** Events until `signal` ends it; when a member is lost the watch goes on at another, after the last event. */
  async *watch(options: WatchOptions): AsyncGenerator<Uint8Array> {
    yield* watchFrom(options, this.pace, {
      find: async () => {
        await this.discovered(new Deadline(this.pace, this.attemptMs));
        return this.directory.current;
      },
      ask: (link) => this.directory.ask(link, this.attemptMs),
      turn: (link) => this.directory.turn(link),
    });
  }

  close(): void {
    this.directory.close();
  }

  private async onLeader<T>(timeoutMs: number, send: (link: Link, leftMs: number) => Promise<T>, special: (error: CallError) => Verdict | null = () => null): Promise<T> {
    const deadline = new Deadline(this.pace, timeoutMs);
    let isMoved = false;
    const attempt = async (): Promise<T> => {
      await this.discovered(deadline);
      isMoved = false;
      if (this.directory.leader === null) await this.discover(deadline);
      const link = this.directory.leader;
      if (link === null) throw new CallError('failed', 'not-leader', 'no member knows a leader');
      try {
        await link.vouch(this.attempt(deadline));
        return await send(link, Math.max(1, deadline.remainingMs));
      } catch (error) {
        if (error instanceof CallError) isMoved = this.leaderFailed(link, error);
        throw error;
      }
    };
    return await withRetries(deadline, this.pace, attempt, (error) => special(error) ?? (mayRetry(error, 'write') ? (isMoved ? 'again-now' : 'again') : 'give-up'));
  }

  /** Whether somewhere else can be tried at once. */
  private leaderFailed(link: Link, error: CallError): boolean {
    if (error.rule === 'not-leader' || error.rule === 'leadership-lost' || error.rule === 'removed') {
      this.directory.forgetLeader(link);
      return this.directory.hint(error.leader);
    }
    if (error.rule === 'unreachable' || error.rule === 'timeout' || error.rule === 'stopping') this.directory.forgetLeader(link);
    return false;
  }

  private async onAny<T>(timeoutMs: number, kind: 'read', send: (link: Link, leftMs: number) => Promise<T>): Promise<T> {
    const deadline = new Deadline(this.pace, timeoutMs);
    let tries = 0;
    const attempt = async (): Promise<T> => {
      await this.discovered(deadline);
      const link = this.directory.current;
      try {
        return await send(link, this.attempt(deadline));
      } catch (error) {
        if (error instanceof CallError && mayRetry(error, kind)) this.directory.turn(link);
        throw error;
      }
    };
    return await withRetries(deadline, this.pace, attempt, (error) => {
      tries += 1;
      if (!mayRetry(error, kind)) return 'give-up';
      return tries < this.directory.all.length ? 'again-now' : 'again';
    });
  }

  private async onMember<T>({ member, timeoutMs }: OnMember, send: (link: Link, leftMs: number) => Promise<T>): Promise<T> {
    if (member === undefined) return await this.onLeader(timeoutMs, send);
    const deadline = new Deadline(this.pace, timeoutMs);
    const attempt = async (): Promise<T> => {
      await this.discovered(deadline);
      const link = this.directory.member(member);
      if (link === null) throw new CallError('failed', 'unknown-member', `no member ${member} is known`);
      await link.vouch(this.attempt(deadline));
      return await send(link, Math.max(1, deadline.remainingMs));
    };
    return await withRetries(deadline, this.pace, attempt, (error) => (mayRetry(error, 'write') ? 'again' : 'give-up'));
  }

  private async discovered(deadline: Deadline): Promise<void> {
    if (this.directory.lineage === null) await this.discover(deadline);
  }

  private discover(deadline: Deadline): Promise<void> {
    this.discovery ??= this.directory.discover(deadline, this.attempt(deadline)).finally(() => (this.discovery = null));
    return this.discovery;
  }

  /** A share of what is left, so that a member that hangs does not use up the time of the others. */
  private attempt(deadline: Deadline): number {
    return Math.max(1, Math.min(this.attemptMs, deadline.remainingMs / 2));
  }

  private saw(index: LogIndex): void {
    const { lineage } = this.directory;
    if (lineage !== null && index > (this.token?.index ?? 0)) this.token = { generation: lineage.generation, index };
  }
}
