import type { LogIndex, Term } from '../../core/types.ts';
import type { Envelope } from '../../ports/transport.ts';
import type { DiskChange } from '../disk-truth.ts';
import type { GroundTruth, MemberTruth, StepEvent } from '../ground-truth.ts';
import type { Checker } from './checker.ts';

/** Bytes of a snapshot file that a crash right now would leave; null: none. */
export type SnapshotSize = (member: MemberTruth, snapshotId: string) => number | null;

/** I11 nothing claims more than the disk holds; I20 compaction and the naming of snapshots; I21 silence after a failed commit; I7 across restarts. */
export class DurabilityChecks implements Checker {
  constructor(
    private readonly truth: GroundTruth,
    private readonly sizeOf: SnapshotSize,
  ) {}

  sent(member: MemberTruth, { body }: Envelope): void {
    switch (body.kind) {
      case 'append-reply':
        if (body.result.kind === 'stored') this.checkStored(member, body.to, body.term, body.result.match);
        break;
      case 'vote-reply':
        if (body.phase === 'vote' && body.isGranted) this.checkVote(member, body.term, body.to);
        break;
      case 'vote':
        if (body.phase === 'vote') this.checkVote(member, body.term, member.id);
        break;
      case 'heartbeat-reply':
        this.checkReach(member, body.durableIndex, 'its durable index');
        break;
      case 'snapshot-reply':
        this.checkReach(member, body.index, 'a snapshot');
        break;
      default:
        return;
    }
    if (member.hasFailedCommit) this.truth.violate('I21', member, `sends ${body.kind} after a storage commit failed`);
  }

  stored(member: MemberTruth, change: DiskChange): void {
    const { hardState, log, snapshots } = member.disk;
    if (hardState.commit < change.hardStateBefore.commit) this.truth.violate('I7', member, `its stored commit index fell from ${change.hardStateBefore.commit} to ${hardState.commit}`);
    if (hardState.commit > log.last) this.truth.violate('I7', member, `its stored commit index ${hardState.commit} lies behind its stored log, which ends at ${log.last}`);
    if (hardState.commit > 0 && !this.truth.agrees(log, hardState.commit)) this.truth.violate('I8', member, `stores ${hardState.commit} as committed, which its log has with another content or nobody committed`);
    if (change.isBaseMoved && log.base < change.baseBefore) this.truth.violate('I20', member, `its stored log begins behind ${log.base}, before behind ${change.baseBefore}`);
    const oldest = snapshots.at(-1)?.index ?? 0;
    if (log.base > oldest) this.truth.violate('I20', member, `its log begins behind ${log.base}, the older of its ${snapshots.length} snapshots covers ${oldest}`);
    if (!change.isNamingChanged && !change.isBaseMoved) return;
    for (const snapshot of snapshots) {
      if ((this.sizeOf(member, snapshot.id) ?? 0) === 0) this.truth.violate('I20', member, `names the snapshot ${snapshot.id}, whose file would not survive a crash`);
    }
  }

  stepped({ member, before, input, after }: StepEvent): void {
    // The core believes what `written` tells it: that must never be more than the disk holds.
    if (input.kind === 'written' && after.disk.durable > before.disk.durable) this.checkReach(member, after.disk.durable, 'its durable index');
  }

  private checkReach(member: MemberTruth, index: LogIndex, what: string): void {
    const { log } = member.disk;
    if (index > log.last) this.truth.violate('I11', member, `claims ${what} up to ${index}, its disk holds up to ${log.last}`);
  }

  private checkStored(member: MemberTruth, leaderId: string, term: Term, match: LogIndex): void {
    const { disk } = member;
    this.checkReach(member, match, 'an acknowledged entry');
    if (disk.hardState.term < term) this.truth.violate('I11', member, `acknowledges entries in term ${term}, its disk is in term ${disk.hardState.term}`);
    const leader = this.truth.member(leaderId);
    if (leader.state?.role !== 'leader' || leader.state.term !== term) return;
    const [theirs, mine] = [leader.view.hash(match), disk.log.hash(match)];
    if (match > disk.log.base && match >= leader.view.base && theirs !== mine && theirs !== undefined && disk.hardState.term === term) {
      this.truth.violate('I11', member, `acknowledges ${match} to ${leaderId}, its disk holds another entry there`);
    }
  }

  /**
   * The vote is on the disk, or the disk is in a later term: then the vote went into one commit with what followed it, and the member
   * can never vote in that term again, which is all that a stored vote is for.
   */
  private checkVote(member: MemberTruth, term: Term, candidate: string): void {
    const stored = member.disk.votes.get(term);
    const isSafe = stored === candidate || (stored === undefined && member.disk.hardState.term > term);
    if (!isSafe) this.truth.violate('I11', member, `its vote for ${candidate} in term ${term} is not on its disk`);
  }
}
