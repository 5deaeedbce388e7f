import type { Input } from '../core/input.ts';
import type { Ready } from '../core/ready.ts';
import type { RaftState } from '../core/state.ts';
import type { NodeObserver } from '../runtime/contract.ts';
import type { Log } from './line-log.ts';

const QUIET_MS = 10_000;
const MAX_KINDS = 256;

/** Says in the log what a person would want to know of a member: roles, terms, leaders, configurations, snapshots, refused peers. */
export class MemberLog implements NodeObserver {
  /** Refusals since the last line about each, by rule and sender. */
  private readonly refusals = new Map<string, { count: number; saidAtMs: number }>();

  constructor(
    private readonly log: Log,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  stepped(before: RaftState, input: Input, after: RaftState, ready: Ready): void {
    if (before.role !== after.role) this.log.write('info', `now ${after.role}`, { role: after.role, was: before.role, term: after.term, lastIndex: after.log.last, commit: after.commit });
    else if (before.term !== after.term) this.log.write('info', 'term grew', { term: after.term, was: before.term });
    if (before.leader !== after.leader) this.log.write('info', after.leader === null ? 'no leader is known' : 'leader is known', { leader: after.leader, term: after.term });
    if (ready.configuration !== null) {
      const { members } = ready.configuration;
      this.log.write('info', 'configuration in force', { index: after.configurations.at(-1)?.index ?? 0, voters: members.filter((one) => one.role === 'voter').map((one) => one.id), learners: members.filter((one) => one.role === 'learner').map((one) => one.id) });
    }
    if (!before.isRemoved && after.isRemoved) this.log.write('warn', 'this member was removed from the cluster and campaigns no more', { term: after.term });
    if (input.kind === 'snapshot-taken') this.log.write('info', 'snapshot taken', { index: input.snapshot.index, term: input.snapshot.term });
    if (input.kind === 'trimmed') this.log.write('info', 'log compacted', { firstIndex: input.firstIndex });
    if (input.kind === 'snapshot-sent') this.log.write('info', 'snapshot sent', { to: input.to, index: input.index, outcome: input.outcome });
  }

  restored(index: number, stateHash: string): void {
    this.log.write('info', 'state replaced by a snapshot', { index, stateHash });
  }

  /** One line at once, then at most one every ten seconds for the same rule and sender: whoever sends garbage must not fill the disk. */
  refused(rule: string, from: string): void {
    // A port tells nothing and is another one each time.
    const who = from.replace(/:\d+$/, '');
    const key = `${rule} ${who}`;
    const now = this.nowMs();
    const known = this.refusals.get(key);
    if (known !== undefined && now - known.saidAtMs < QUIET_MS) {
      known.count += 1;
      return;
    }
    if (known === undefined && this.refusals.size >= MAX_KINDS) this.refusals.clear();
    this.refusals.set(key, { count: 0, saidAtMs: now });
    this.log.write('warn', 'refused', { rule, from, ...(known !== undefined && known.count > 0 ? { unsaid: known.count } : {}) });
  }
}
