import type { RaftState } from '../../core/state.ts';
import { lastPosition } from '../../core/log.ts';
import type { GroundTruth, MemberTruth, StepEvent } from '../ground-truth.ts';
import type { Checker } from './checker.ts';

/** I2 a leader only appends; I3 is in the truth's chain; I7 order and monotonicity; I9 no truncation of what is settled; I13 the active configuration. */
export class LogChecks implements Checker {
  /** Configurations that were compared in full already, by object. */
  private readonly compared = new WeakMap<object, object>();

  constructor(private readonly truth: GroundTruth) {}

  stepped({ member, before, after, ready }: StepEvent): void {
    const { write } = ready;
    if (write !== null) {
      if (before.role === 'leader' && after.role === 'leader' && before.term === after.term && (write.truncateFrom !== null || write.install !== null)) {
        this.truth.violate('I2', member, `the leader of term ${after.term} ${write.install === null ? `truncates from ${write.truncateFrom}` : 'replaces its log'}`);
      }
      if (write.truncateFrom !== null) this.checkTruncation(member, before, write.truncateFrom);
    }
    this.checkOrder(member, after);
    this.checkMonotony(member, before, after);
    this.checkOutline(member, after);
    this.checkConfiguration(member, after);
  }

  private checkTruncation(member: MemberTruth, before: RaftState, from: number): void {
    const settled = Math.max(before.commit, before.lastApplied, before.snapshot.index);
    if (from <= settled) this.truth.violate('I9', member, `truncates from ${from}: commit ${before.commit}, applied ${before.lastApplied}, snapshot ${before.snapshot.index}`);
  }

  private checkOrder(member: MemberTruth, { log, snapshot, lastApplied, commit }: RaftState): void {
    if (log.base.index > snapshot.index && snapshot.index > 0) this.truth.violate('I7', member, `its log begins behind ${log.base.index}, its snapshot is ${snapshot.index}`);
    if (snapshot.index > commit || lastApplied > commit || commit > log.last) {
      this.truth.violate('I7', member, `snapshot ${snapshot.index}, applied ${lastApplied}, commit ${commit}, last ${log.last} are out of order`);
    }
  }

  private checkMonotony(member: MemberTruth, before: RaftState, after: RaftState): void {
    if (after.term < before.term) this.truth.violate('I7', member, `term fell from ${before.term} to ${after.term}`);
    if (after.commit < before.commit) this.truth.violate('I7', member, `commit fell from ${before.commit} to ${after.commit}`);
    if (after.lastApplied < before.lastApplied) this.truth.violate('I7', member, `applied fell from ${before.lastApplied} to ${after.lastApplied}`);
    if (after.term === before.term && before.vote !== '' && after.vote !== before.vote) this.truth.violate('I1', member, `vote of term ${after.term} changed from ${before.vote} to ${after.vote}`);
  }

  /** What the core believes of its log is what was really appended and dropped. */
  private checkOutline(member: MemberTruth, { log }: RaftState): void {
    const last = lastPosition(log);
    if (last.index !== member.view.last || last.term !== (member.view.term(last.index) ?? 0)) {
      this.truth.violate('I13', member, `believes its log ends at ${last.term}/${last.index}, it ends at ${member.view.term(member.view.last)}/${member.view.last}`);
    }
  }

  private checkConfiguration(member: MemberTruth, after: RaftState): void {
    const [believed, real] = [after.configurations.at(-1), member.view.configuration];
    if (believed === undefined && real === undefined) return;
    if (believed === undefined || real === undefined || believed.index !== real.index) {
      this.truth.violate('I13', member, `uses the configuration of ${believed?.index ?? 'none'}, the newest in its log or snapshot is of ${real?.index ?? 'none'}`);
      return;
    }
    if (this.compared.get(believed) === real) return;
    this.compared.set(believed, real);
    if (JSON.stringify(believed.configuration.members) !== JSON.stringify(real.configuration.members)) {
      this.truth.violate('I13', member, `its configuration of ${believed.index} has other members than the entry says`);
    }
  }
}
