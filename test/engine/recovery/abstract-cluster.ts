import type { LogPosition } from '../../../src/engine/core/types.ts';
import type { TermRun } from '../../../src/engine/model/member-report.ts';
import type { ConfigurationView, SurveyedMember } from '../../../src/engine/recovery/surveyed-member.ts';

/** Small, fast, seeded (mulberry32). */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

export interface ModelRules {
  /** The 2015 erratum: no membership change before the leader committed in its own term. */
  erratum: boolean;
  /** Whether a configuration counts from its append on (hashicorp/raft) or from its commit on (etcd). */
  configurationCounts: 'at-append' | 'at-apply';
}

interface Entry {
  term: number;
  /** Voters as a bit mask when the entry is a configuration, else 0. */
  voters: number;
}

interface Node {
  term: number;
  votedIn: number;
  log: Entry[];
  /** Entries known to be on disk; a leader's tail may be behind. */
  durable: number;
  commit: number;
  leading: boolean;
  /** As leader: how many entries each other is known to hold. */
  match: number[];
}

/**
 * Raft without messages or clocks: each step is one atomic exchange between two nodes, or one node's own doing, in any order.
 * It keeps the truth: `committed` is every entry that ever was on the disks of a quorum in its leader's term.
 */
export class AbstractCluster {
  readonly committed: Entry[] = [];
  private readonly nodes: Node[];
  private readonly initialVoters: number;

  constructor(
    readonly size: number,
    voters: number,
    private readonly random: (below: number) => number,
    private readonly rules: ModelRules,
  ) {
    this.initialVoters = (1 << voters) - 1;
    this.nodes = Array.from({ length: size }, () => ({ term: 0, votedIn: 0, log: [], durable: 0, commit: 0, leading: false, match: [] }));
  }

  step(): void {
    const at = this.random(this.size);
    const node = this.nodes[at] as Node;
    const dice = this.random(20);
    if (!node.leading) {
      if (dice === 0) this.campaign(at);
      else if (dice === 1) node.durable = node.log.length;
      return;
    }
    if (dice < 9) this.replicate(at, this.random(this.size));
    else if (dice < 14) this.propose(at);
    else if (dice < 16) this.sync(at);
    else if (dice < 18) this.changeMembership(at);
    else if (dice === 18) node.leading = false;
    else this.campaign(this.random(this.size));
  }

  /** What a survey of the stopped disks shows; the unsynced tail is gone. */
  survey(at: number): SurveyedMember {
    const node = this.nodes[at] as Node;
    return surveyed(`s${at}`, node.log.slice(0, node.durable), Math.min(node.commit, node.durable), this.initialVoters);
  }

  /** The same disk as it was when its log had fewer entries. */
  rolledBack(at: number): SurveyedMember {
    const node = this.nodes[at] as Node;
    const kept = this.random(node.durable + 1);
    return surveyed(`s${at}`, node.log.slice(0, kept), Math.min(node.commit, kept), this.initialVoters);
  }

  /** Whether the member misses, or holds something else than, an entry that was committed. */
  lacksCommitted(at: number, kept: number): boolean {
    const { log } = this.nodes[at] as Node;
    if (kept < this.committed.length) return true;
    return this.committed.some((entry, i) => log[i] !== entry);
  }

  private votersOf(node: Node, length: number): number {
    const limit = this.rules.configurationCounts === 'at-append' ? length : Math.min(length, node.commit);
    for (let i = limit - 1; i >= 0; i--) if ((node.log[i] as Entry).voters !== 0) return (node.log[i] as Entry).voters;
    return this.initialVoters;
  }

  private campaign(at: number): void {
    const node = this.nodes[at] as Node;
    const voters = this.votersOf(node, node.log.length);
    if ((voters & (1 << at)) === 0) return;
    node.durable = node.log.length;
    node.term += 1;
    node.votedIn = node.term;
    node.leading = false;
    let votes = 1;
    for (let other = 0; other < this.size; other++) {
      if (other === at || this.random(3) === 0) continue;
      const voter = this.nodes[other] as Node;
      if (voter.term > node.term) continue;
      if (voter.term < node.term) voter.leading = false;
      voter.term = node.term;
      if (voter.votedIn === node.term || isNewer(voter.log, node.log)) continue;
      voter.votedIn = node.term;
      if ((voters & (1 << other)) !== 0) votes += 1;
    }
    if (votes * 2 <= bits(voters)) return;
    node.leading = true;
    node.match = Array.from({ length: this.size }, () => 0);
    node.log.push({ term: node.term, voters: 0 });
  }

  private propose(at: number): void {
    const node = this.nodes[at] as Node;
    if (node.log.length < 24) node.log.push({ term: node.term, voters: 0 });
  }

  private sync(at: number): void {
    const node = this.nodes[at] as Node;
    node.durable = node.log.length;
    this.advance(at);
  }

  private replicate(from: number, to: number): void {
    const leader = this.nodes[from] as Node;
    const follower = this.nodes[to] as Node;
    if (from === to || follower.term > leader.term) {
      if (follower.term > leader.term) leader.leading = false;
      return;
    }
    if (follower.term < leader.term) follower.leading = false;
    follower.term = leader.term;
    let same = 0;
    while (same < follower.log.length && same < leader.log.length && follower.log[same] === leader.log[same]) same += 1;
    const upTo = same + this.random(leader.log.length - same + 1);
    if (upTo > same) {
      follower.log.length = same;
      for (let i = same; i < upTo; i++) follower.log.push(leader.log[i] as Entry);
    }
    follower.durable = follower.log.length;
    follower.commit = Math.max(follower.commit, Math.min(leader.commit, upTo));
    leader.match[to] = Math.max(leader.match[to] as number, upTo);
    if (this.random(5) > 0) this.advance(from); // else the answer is lost, but the entries are on that disk
    else this.witness(from);
  }

  private advance(at: number): void {
    const node = this.nodes[at] as Node;
    node.commit = Math.max(node.commit, this.witness(at));
  }

  /** Records what became committed by this leader's counting, and returns how far. */
  private witness(at: number): number {
    const leader = this.nodes[at] as Node;
    let reached = leader.commit;
    for (let length = leader.log.length; length > leader.commit; length--) {
      if ((leader.log[length - 1] as Entry).term !== leader.term) break;
      const voters = this.votersOf(leader, leader.log.length);
      let held = 0;
      for (let other = 0; other < this.size; other++) {
        const has = other === at ? leader.durable : (leader.match[other] as number);
        if ((voters & (1 << other)) !== 0 && has >= length) held += 1;
      }
      if (held * 2 > bits(voters)) {
        reached = length;
        break;
      }
    }
    for (let i = this.committed.length; i < reached; i++) this.committed.push(leader.log[i] as Entry);
    return reached;
  }

  private changeMembership(at: number): void {
    const node = this.nodes[at] as Node;
    let newest = 0;
    for (let i = node.log.length; i > 0 && newest === 0; i--) if ((node.log[i - 1] as Entry).voters !== 0) newest = i;
    if (newest > node.commit) return;
    const ownTermCommitted = node.commit > 0 && (node.log[node.commit - 1] as Entry).term === node.term;
    if (this.rules.erratum && !ownTermCommitted) return;
    const voters = this.votersOf(node, node.log.length) ^ (1 << this.random(this.size));
    if (voters === 0 || (voters & (1 << at)) === 0 || node.log.length >= 24) return;
    node.log.push({ term: node.term, voters });
  }
}

function surveyed(label: string, log: readonly Entry[], floor: number, initialVoters: number): SurveyedMember {
  const configurations: ConfigurationView[] = [{ index: 0, voters: names(initialVoters) }];
  const runs: TermRun[] = [];
  log.forEach((entry, i) => {
    const run = runs.at(-1);
    if (run?.term === entry.term) run.last = i + 1;
    else runs.push({ term: entry.term, first: i + 1, last: i + 1 });
    if (entry.voters !== 0) configurations.push({ index: i + 1, voters: names(entry.voters) });
  });
  const last: LogPosition = { term: log.at(-1)?.term ?? 0, index: log.length };
  return {
    label,
    serverId: label,
    last,
    end: last,
    floor,
    appliedIndex: floor,
    runs,
    snapshot: null,
    configurations,
    standing: 'intact',
    role: 'voter',
    barred: null,
    findings: 0,
  };
}

const NAMES = Array.from({ length: 256 }, (_, mask) => [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => mask & (1 << bit)).map((bit) => `s${bit}`));

function names(mask: number): readonly string[] {
  return NAMES[mask] as string[];
}

function bits(mask: number): number {
  return names(mask).length;
}

/** Whether the voter's log is newer than the candidate's (Raft §5.4.1). */
function isNewer(voter: readonly Entry[], candidate: readonly Entry[]): boolean {
  const [own, asked] = [voter.at(-1)?.term ?? 0, candidate.at(-1)?.term ?? 0];
  return own > asked || (own === asked && voter.length > candidate.length);
}
