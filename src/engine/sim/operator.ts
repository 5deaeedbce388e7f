import type { MembershipChange } from '../core/configuration.ts';
import type { CallError } from '../ports/node-api.ts';
import type { Calls } from './calls.ts';
import type { Cluster } from './cluster.ts';
import type { Host } from './host.ts';
import type { Prng } from './prng.ts';

const CALL_MS = 1_500;
const MAX_VOTERS = 7;
const MAX_MEMBERS = 9;

/**
 * Whoever looks after the cluster: replaces members whose disks are lost, and where the seed wants it, adds, promotes, removes and
 * moves members, hands leadership over, takes snapshots and compacts. One change at a time, each retried under its own id until the
 * outcome is known.
 */
export class Operator {
  private changes = 0;
  private isStopping = false;
  private isBusy = false;
  private rivals = 0;
  private readonly removed = new Set<string>();

  constructor(
    private readonly cluster: Cluster,
    private readonly calls: Calls,
    private readonly prng: Prng,
    private readonly options: { readonly hasChurn: boolean; readonly hasTransfers: boolean; readonly votersWanted: number; /** New members come and go all the time: snapshots are sent. */ readonly addsOften: boolean },
    /** Makes a new machine, empty but for its identity, and starts it. */
    private readonly makeHost: () => Host,
  ) {}

  start(): void {
    this.cluster.world.after(this.prng.between(100_000, 900_000), null, () => {
      if (this.isStopping) return;
      if (!this.isBusy) this.act();
      this.start();
    });
  }

  stop(): void {
    this.isStopping = true;
  }

  get isIdle(): boolean {
    return !this.isBusy && this.rivals === 0;
  }

  private act(): void {
    const { prng, cluster } = this;
    const members = cluster.configuration()?.members ?? [];
    const lost = members.find(({ id }) => this.isLost(id));
    if (lost !== undefined) return this.change({ kind: 'remove', id: lost.id });
    const often = this.options.addsOften ? (['add', 'add', 'add', 'remove'] as const) : [];
    const what = prng.pick([...often, 'add', 'promote', 'remove', 'address', 'transfer', 'snapshot', 'compact'] as const);
    const voters = members.filter((member) => member.role === 'voter');
    const learners = members.filter((member) => member.role === 'learner');
    const wantsMore = voters.length < this.options.votersWanted;
    if (wantsMore || this.options.hasChurn) {
      if (learners.length > 0 && (what === 'promote' || wantsMore) && voters.length < MAX_VOTERS) return this.change({ kind: 'promote', id: prng.pick(learners).id });
      if ((what === 'add' || wantsMore) && members.length < MAX_MEMBERS) return this.add();
    }
    if (what === 'remove' && this.options.hasChurn && voters.length > 1) return this.change({ kind: 'remove', id: prng.pick(members).id });
    if (what === 'address' && this.options.hasChurn) return this.move(prng.pick(members).id);
    if (what === 'transfer' && this.options.hasTransfers) return this.transfer(prng.chance(0.5) ? null : prng.pick(voters).id);
    this.maintain(what === 'compact' ? 'compact' : 'snapshot');
  }

  private isLost(id: string): boolean {
    const host = this.cluster.hosts.get(id);
    return host === undefined || host.status === 'gone' || host.truth.isLost;
  }

  /** Asks for a new learner, when nothing else is being changed. */
  addLearner(): void {
    if (!this.isBusy && !this.isStopping) this.add();
  }

  private add(): void {
    const host = this.makeHost();
    this.change({ kind: 'add-learner', id: host.id, name: host.id, address: host.address });
  }

  private move(id: string): void {
    const address = `${id}:${7000 + this.prng.between(1, 1000)}`;
    this.cluster.addAddress(id, address);
    this.change({ kind: 'change-address', id, address });
  }

  private change(change: MembershipChange): void {
    this.changes += 1;
    const { cluster } = this;
    // A voter may only be taken out when none of the others is lost: the operator looks before.
    this.isBusy = true;
    cluster.isChanging = true;
    this.attempt(change, `change-${this.changes}`, 0, (isDone) => this.end(change, isDone));
    if (this.options.hasChurn && this.prng.chance(0.4)) this.rival(change);
  }

  /** A second operator who does not know of the first: one of the two must be told to wait. Its changes never touch a voter. */
  private rival(other: MembershipChange): void {
    const { cluster } = this;
    const ids = cluster.memberIds().filter((id) => id !== other.id);
    if (ids.length === 0) return;
    this.rivals += 1;
    this.changes += 1;
    const changeId = `rival-${this.changes}`;
    const id = this.prng.pick(ids);
    const address = `${id}:${8000 + this.changes}`;
    cluster.addAddress(id, address);
    cluster.world.after(this.prng.between(0, 3_000), null, () => this.attempt({ kind: 'change-address', id, address }, changeId, 8, () => void (this.rivals -= 1)));
  }

  private attempt(change: MembershipChange, changeId: string, tries: number, ended: (isDone: boolean) => void): void {
    const { cluster } = this;
    const { world } = cluster;
    const again = (): void => void world.after(this.prng.between(20_000, 200_000), null, () => this.attempt(change, changeId, tries + 1, ended));
    if (tries > 12 || (this.isStopping && tries > 3)) return ended(false);
    const node = cluster.leader()?.id ?? this.prng.pick(cluster.memberIds());
    world.note('operator', `change-${change.kind}`, tries, this.changes, () => `${changeId} ${change.kind} ${change.id} at ${node}, try ${tries}`);
    this.calls.call(
      { client: 'operator', node, timeoutUs: CALL_MS * 1000, isWrite: true },
      async (api) => api.changeMembership(change, { changeId, expectedIndex: null, deadlineMs: CALL_MS }),
      ({ index }) => {
        world.note('operator', 'changed', index, this.changes, () => `${changeId} ${change.kind} ${change.id} at index ${index}`);
        if (cluster.truth.commitIndex < index) cluster.truth.violate('I10', node, `said that change ${changeId} is done at ${index}, which is not committed`);
        ended(true);
      },
      (failure: CallError) => {
        world.note('operator', 'refused', tries, 0, () => `${changeId}: ${failure.rule}, ${failure.message}`);
        const isFinal = failure.outcome === 'failed' && ['unknown-member', 'already-voter', 'id-reused', 'last-voter', 'margin-lost', 'address-in-use', 'bad-change'].includes(failure.rule);
        if (isFinal) ended(false);
        else again();
      },
    );
  }

  private end(change: MembershipChange, isDone: boolean): void {
    const { cluster } = this;
    const { counters } = cluster.world;
    this.isBusy = false;
    cluster.isChanging = false;
    const members = cluster.configuration()?.members ?? [];
    const isMember = members.some((member) => member.id === change.id);
    if (isDone && change.kind === 'add-learner') counters.hit('learner-added');
    if (isDone && change.kind === 'promote') counters.hit('learner-promoted');
    if (isDone && change.kind === 'remove' && !this.removed.has(change.id)) counters.hit('member-removed');
    if (change.kind === 'remove' && !isMember) {
      this.removed.add(change.id);
      // A removed member runs on for a while: it must keep quiet (it is told, or finds out by itself).
      cluster.world.after(this.prng.between(0, 3_000_000), null, () => cluster.hosts.get(change.id)?.retire('taken out'));
    }
  }

  private transfer(to: string | null): void {
    const leader = this.cluster.leader();
    if (leader === null) return;
    this.isBusy = true;
    const done = (): void => void (this.isBusy = false);
    this.calls.call({ client: 'operator', node: leader.id, timeoutUs: CALL_MS * 1000, isWrite: true }, async (api) => api.transfer(to, { deadlineMs: CALL_MS }), done, done);
  }

  private maintain(what: 'snapshot' | 'compact'): void {
    const running = this.cluster.running();
    if (running.length === 0) return;
    const host = this.prng.pick(running);
    this.isBusy = true;
    const done = (): void => void (this.isBusy = false);
    const run = what === 'snapshot' ? async (api: NonNullable<Host['node']>): Promise<unknown> => api.takeSnapshot() : async (api: NonNullable<Host['node']>): Promise<unknown> => api.compact();
    this.calls.call({ client: 'operator', node: host.id, timeoutUs: CALL_MS * 1000, isWrite: false }, run, done, done);
  }

  /** Whether the whole disks are a majority, whichever configuration counts. */
  hasWholeQuorum(): boolean {
    return this.cluster.isQuorum((id) => !this.isLost(id));
  }
}
