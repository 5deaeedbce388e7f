import type { Entry } from '../../core/entry.ts';
import type { Envelope } from '../../ports/transport.ts';
import type { DiskChange } from '../disk-truth.ts';
import type { MemberTruth, StepEvent } from '../ground-truth.ts';

/** A group of invariants. Every hook is told what happened after it happened; none may change anything but its own notes. */
export interface Checker {
  /** A process begins; `member.view` is what its disk holds. */
  booted?(member: MemberTruth): void;
  stepped?(event: StepEvent): void;
  sent?(member: MemberTruth, envelope: Envelope): void;
  arriving?(member: MemberTruth, envelope: Envelope, isForeign: boolean): void;
  arrived?(member: MemberTruth): void;
  /** A commit of the store `raft` reached the disk. */
  stored?(member: MemberTruth, change: DiskChange): void;
  applied?(member: MemberTruth, entry: Entry, result: Uint8Array | null): void;
  /** The state machine is at `index`, with this digest. */
  stateAt?(member: MemberTruth, index: number, stateHash: string): void;
}
