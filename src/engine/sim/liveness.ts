import type { Client } from './client.ts';
import type { Cluster } from './cluster.ts';
import type { Host } from './host.ts';

/** I22, in virtual time. */
const CONVERGE_US = 10_000_000;
const POLL_US = 50_000;
/** Twenty of the longest election timeouts. */
const STABLE_ELECTIONS = 20;

/**
 * The second phase: nothing goes wrong any more, so within 10 s there is one leader, everybody agrees, every call is answered; and
 * then the term stays what it is.
 */
export class Recovery {
  isOver = false;
  private readonly beganUs: number;
  private stableSinceUs: number | null = null;
  private term = 0;
  private hasProbed = false;

  constructor(
    private readonly cluster: Cluster,
    private readonly clients: readonly Client[],
    private readonly isOperatorIdle: () => boolean,
    private readonly electionMaxMs: number,
    /** Members that stay cut off from a quorum that is whole: nothing is asked of them but that none of them goes on leading. */
    private readonly away: ReadonlySet<string>,
  ) {
    this.beganUs = cluster.world.nowUs;
    this.poll();
  }

  private poll(): void {
    this.cluster.world.after(POLL_US, null, () => {
      if (this.isOver) return;
      this.look();
      this.poll();
    });
  }

  private look(): void {
    const { world, truth } = this.cluster;
    const missing = this.missing();
    if (this.stableSinceUs === null) {
      if (missing === null && !this.hasProbed) {
        this.hasProbed = true;
        for (const client of this.clients) client.probe();
      } else if (missing === null) {
        this.stableSinceUs = world.nowUs;
        this.term = this.cluster.leader()?.truth.state?.term ?? 0;
      } else if (world.nowUs - this.beganUs > CONVERGE_US) {
        truth.violate('I22', 'cluster', `10 s after the last fault: ${missing}`);
        this.isOver = true;
      }
      return;
    }
    const term = Math.max(...this.members().map((host) => host.truth.state?.term ?? 0));
    if (term !== this.term) {
      truth.violate('I22', 'cluster', `the term went from ${this.term} to ${term} though nothing was wrong`);
      this.isOver = true;
    }
    if (world.nowUs - this.stableSinceUs >= STABLE_ELECTIONS * this.electionMaxMs * 1000) this.isOver = true;
  }

  /** Members in force whose disks are whole and who see each other. */
  members(): Host[] {
    return this.cluster.memberIds().flatMap((id) => {
      const host = this.cluster.hosts.get(id);
      return host === undefined || host.status === 'gone' || host.truth.isLost || this.away.has(id) ? [] : [host];
    });
  }

  /** What is not yet as it must be; null: all is. */
  private missing(): string | null {
    const members = this.members();
    const down = members.find((host) => host.node === null);
    if (down !== undefined) return `${down.id} does not run`;
    // A member whose disk is damaged without its knowledge may lead as well as any other.
    const ids = this.cluster.memberIds();
    const leaders = this.cluster.running().filter((host) => ids.includes(host.id) && host.truth.state?.role === 'leader');
    const leader = leaders[0];
    if (leader === undefined || leaders.length > 1) return `${leaders.length} leaders (${leaders.map((host) => host.id).join(', ')})`;
    if (this.away.has(leader.id)) return `${leader.id} leads, cut off from a quorum`;
    const state = leader.truth.state;
    if (state === null) return 'the leader has made no step';
    for (const { id, truth } of members) {
      const { state: other } = truth;
      if (other === null || other.term !== state.term || other.commit !== state.log.last || truth.applied !== state.log.last) {
        return `${id} is at term ${other?.term}, commit ${other?.commit}, applied ${truth.applied}; the leader ${leader.id} at term ${state.term}, last ${state.log.last}`;
      }
    }
    const busy = this.clients.filter((client) => client.isBusy).length;
    if (busy > 0) return `${busy} clients wait for an answer`;
    return this.isOperatorIdle() ? null : 'the operator waits for an answer';
  }
}
