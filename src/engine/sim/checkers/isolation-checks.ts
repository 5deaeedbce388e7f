import type { Envelope } from '../../ports/transport.ts';
import { bytesBetween } from '../../core/log.ts';
import type { GroundTruth, MemberTruth, StepEvent } from '../ground-truth.ts';
import type { Checker } from './checker.ts';

/** I17: what another lineage or addressee is meant for changes nothing. I24: what a member holds in memory stays within its limits. */
export class IsolationChecks implements Checker {
  private readonly foreign = new WeakSet<object>();
  private refusalsBefore: number | null = null;

  constructor(private readonly truth: GroundTruth) {}

  arriving(member: MemberTruth, envelope: Envelope, isForeign: boolean): void {
    if (isForeign) this.foreign.add(envelope.body);
    this.refusalsBefore = isForeign ? member.refusals : null;
  }

  arrived(member: MemberTruth): void {
    const before = this.refusalsBefore;
    this.refusalsBefore = null;
    if (before !== null && member.refusals !== before + 1) this.truth.violate('I17', member, 'took an envelope of another lineage or addressee without refusing it');
  }

  stepped({ member, before, input, after }: StepEvent): void {
    if (input.kind === 'message') {
      if (this.foreign.has(input.message)) this.truth.violate('I17', member, `its core was given a ${input.message.kind} of another lineage or addressee`);
      if (input.message.to !== member.id) this.truth.violate('I17', member, `its core was given a ${input.message.kind} for ${input.message.to}`);
    }
    const { settings, leading } = after;
    if (leading === null) return;
    for (const peer of leading.peers) {
      if (peer.inflight.length > settings.maxInflightMessages) this.truth.violate('I24', member, `${peer.inflight.length} messages are under way to ${peer.id}, limit ${settings.maxInflightMessages}`);
      if (peer.inflightBytes > settings.maxInflightBytes + settings.maxBytesPerMessage) this.truth.violate('I24', member, `${peer.inflightBytes} bytes are under way to ${peer.id}, limit ${settings.maxInflightBytes}`);
    }
    if (input.kind !== 'propose') return;
    // One call's proposals may pass the limit once, for the limit is asked before each.
    const [uncommitted, largest] = [bytesBetween(after.log, after.commit + 1, after.log.last + 1), Math.max(0, ...input.proposals.map((one) => one.payload.length))];
    const isGrown = bytesBetween(before.log, before.commit + 1, before.log.last + 1) < uncommitted;
    if (isGrown && uncommitted > settings.maxUncommittedBytes + largest) this.truth.violate('I24', member, `${uncommitted} bytes are uncommitted, limit ${settings.maxUncommittedBytes}`);
    const waiting = (leading.waitingReads?.length ?? 0) + leading.readRounds.reduce((sum, round) => sum + round.tickets.length, 0);
    if (waiting > settings.maxPendingReads) this.truth.violate('I24', member, `${waiting} reads wait, limit ${settings.maxPendingReads}`);
  }
}
