import { CallError } from '../ports/node-api.ts';
import type { NodeStatus } from '../ports/node-api.ts';
import type { Link } from './link.ts';
import type { Deadline } from './retry.ts';

export interface Answered {
  readonly address: string;
  readonly status: NodeStatus | null;
  readonly error: CallError | null;
}

/** Addresses remembered beyond those the caller gave. */
const MAX_LEARNED = 64;

/** Which members there are, where, and who leads, as far as they have told. */
export class Directory {
  private readonly links = new Map<string, Link>();
  private readonly given: readonly string[];
  private learned: string[] = [];
  private addresses = new Map<string, string>();
  private known: { readonly clusterId: string; readonly generation: number } | null = null;
  private leaderAddress: string | null = null;
  private next: number;

  constructor(
    endpoints: readonly string[],
    private readonly makeLink: (address: string) => Link,
    private readonly dial: (id: string | null, address: string) => string,
    private readonly expected: string | null,
    random: () => number,
  ) {
    this.given = endpoints.map((address) => dial(null, address));
    this.next = Math.floor(random() * endpoints.length); // clients spread over the members
  }

  get lineage(): { readonly clusterId: string; readonly generation: number } | null {
    return this.known;
  }

  get leader(): Link | null {
    return this.leaderAddress === null ? null : this.link(this.leaderAddress);
  }

  /** Everywhere a member may be: the caller's endpoints first. */
  get all(): readonly Link[] {
    return [...new Set([...this.given, ...this.learned])].map((address) => this.link(address));
  }

  /** The member an ordinary call goes to; it stays the same until `turn`. */
  get current(): Link {
    const { all } = this;
    const link = all[this.next % all.length];
    if (link === undefined) throw new CallError('failed', 'bad-request', 'no endpoint was given');
    return link;
  }

  /** The current member did not do: the next one's turn. */
  turn(from: Link): void {
    if (this.current === from) this.next = (this.next + 1) % this.all.length;
  }

  /** Where a member is, by its id; null when nobody has said. */
  member(id: string): Link | null {
    const address = this.addresses.get(id);
    return address === undefined ? null : this.link(address);
  }

  hint(leader: { readonly id: string; readonly address: string } | null): boolean {
    const address = leader === null || leader.address === '' ? null : this.dial(leader.id, leader.address);
    const isNew = address !== null && address !== this.leaderAddress;
    this.leaderAddress = address;
    return isNew;
  }

  forgetLeader(link: Link): void {
    if (this.leaderAddress === link.address) this.leaderAddress = null;
  }

  /**
   * Asks all at once; settles at the first answer that knows a leader, or when all have answered or failed.
   * @throws {CallError} The first failure, when nobody answered.
   */
  async discover(deadline: Deadline, attemptMs: number): Promise<void> {
    const errors: CallError[] = [];
    let answers = 0;
    await new Promise<void>((resolve) => {
      const { all } = this;
      let open = all.length;
      for (const link of all) {
        this.ask(link, Math.min(attemptMs, deadline.remainingMs))
          .then((status) => {
            answers += 1;
            if (status.leader !== null) resolve();
          })
          .catch((error: unknown) => errors.push(error as CallError))
          .finally(() => {
            open -= 1;
            if (open === 0) resolve();
          });
      }
      if (open === 0) resolve();
    });
    if (answers === 0) throw errors.find(({ rule }) => rule !== 'unreachable' && rule !== 'timeout') ?? errors[0] ?? new CallError('failed', 'unreachable', 'no endpoint was given');
  }

  /** Every member's own word. */
  async survey(deadline: Deadline, attemptMs: number): Promise<Answered[]> {
    return await Promise.all(
      this.all.map(async (link): Promise<Answered> => {
        try {
          return { address: link.address, status: await this.ask(link, Math.min(attemptMs, deadline.remainingMs)), error: null };
        } catch (error) {
          if (error instanceof CallError) return { address: link.address, status: null, error };
          throw error;
        }
      }),
    );
  }

  /** @throws {CallError} `wrong-lineage` when the endpoints belong to different clusters, or the cluster was recovered into a new generation. */
  async ask(link: Link, timeoutMs: number): Promise<NodeStatus> {
    const status = await link.status(timeoutMs);
    const { clusterId, generation } = status;
    if (this.expected !== null && clusterId !== this.expected) throw new CallError('failed', 'wrong-lineage', `${link.address} is of cluster ${clusterId}, not ${this.expected}`);
    this.known ??= { clusterId, generation };
    if (this.known.clusterId !== clusterId || this.known.generation !== generation) {
      throw new CallError('failed', 'wrong-lineage', `${link.address} is of cluster ${clusterId}, generation ${generation}; another member is of ${this.known.clusterId}, generation ${this.known.generation}`);
    }
    this.learn(status);
    return status;
  }

  close(): void {
    for (const link of this.links.values()) link.close();
    this.links.clear();
  }

  private learn(status: NodeStatus): void {
    const addresses = status.members.filter(({ address }) => address !== '').map(({ id, address }) => [id, this.dial(id, address)] as const);
    for (const [id, address] of addresses) this.addresses.set(id, address);
    const fresh = addresses.map(([, address]) => address).filter((address) => !this.given.includes(address));
    this.learned = [...new Set([...fresh, ...this.learned])].slice(0, MAX_LEARNED);
    const leader = status.leader === null ? undefined : this.addresses.get(status.leader);
    if (leader !== undefined) this.leaderAddress = leader;
  }

  private link(address: string): Link {
    const link = this.links.get(address) ?? this.makeLink(address);
    this.links.set(address, link);
    return link;
  }
}
