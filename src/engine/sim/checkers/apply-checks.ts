import type { Entry } from '../../core/entry.ts';
import type { LogIndex } from '../../core/types.ts';
import { decodeKvResult } from '../../native/kv-command.ts';
import { bytesHash, contentHash } from '../content-hash.ts';
import type { GroundTruth, MemberTruth, StepEvent } from '../ground-truth.ts';
import type { ModelResult, ReferenceModel } from '../reference-model.ts';
import type { Checker } from './checker.ts';

interface Applied {
  readonly content: number;
  readonly result: number | null;
}

/** I5 everybody applies the same entries in order with the same results, those the reference model gives; I19 snapshots hold the state of their index. */
export class ApplyChecks implements Checker {
  private readonly known: (Applied | undefined)[] = [];
  private readonly stateHashes = new Map<LogIndex, string>();
  /** Committed configurations by index, as text. */
  private readonly configurations: { readonly index: LogIndex; readonly members: string }[] = [];

  constructor(
    private readonly truth: GroundTruth,
    private readonly model: ReferenceModel,
  ) {}

  /** What an earlier run saw applied: for a run that goes on with its disks, and with a copy of its model. */
  inherit(other: ApplyChecks): void {
    for (const [index, applied] of other.known.entries()) this.known[index] = applied;
    for (const [index, hash] of other.stateHashes) this.stateHashes.set(index, hash);
    this.configurations.push(...other.configurations);
  }

  booted(member: MemberTruth): void {
    member.applied = 0;
  }

  /** Replaces the state machine's own word for where it starts: a stored state, or a restored snapshot. */
  startsAt(member: MemberTruth, index: LogIndex): void {
    member.applied = index;
  }

  applied(member: MemberTruth, entry: Entry, result: Uint8Array | null): void {
    if (entry.index !== member.applied + 1) this.truth.violate('I5', member, `applies ${entry.index} after ${member.applied}`);
    member.applied = entry.index;
    const committed = this.truth.committed[entry.index];
    if (committed === undefined || committed.term !== entry.term) this.truth.violate('I5', member, `applies ${entry.index} of term ${entry.term}, committed is ${committed === undefined ? 'nothing' : `one of term ${committed.term}`}`);
    const mine: Applied = { content: contentHash(entry), result: result === null ? null : bytesHash(result, 0) };
    const first = this.known[entry.index];
    if (first !== undefined) {
      if (first.content !== mine.content) this.truth.violate('I5', member, `applies another entry at ${entry.index} than a member before it`);
      if (first.result !== mine.result) this.truth.violate('I5', member, `gets another result at ${entry.index} than a member before it`);
      return;
    }
    this.known[entry.index] = mine;
    if (entry.kind === 'confChange') this.configurations.push({ index: entry.index, members: JSON.stringify(member.view.configurations.find((one) => one.index === entry.index)?.configuration.members) });
    if (entry.kind !== 'command') return;
    const expected = this.model.apply(entry.index, entry.payload);
    if (result === null || !isAsExpected(result, expected, entry.index)) this.truth.violate('I5', member, `the command at ${entry.index} gave another result than its meaning: ${expected.status} expected`);
  }

  stateAt(member: MemberTruth, index: LogIndex, stateHash: string): void {
    const known = this.stateHashes.get(index);
    if (known === undefined) this.stateHashes.set(index, stateHash);
    else if (known !== stateHash) this.truth.violate('I5', member, `its state at ${index} has the digest ${stateHash}, that of another member ${known}`);
  }

  /** A snapshot at `index` with this digest is taken, or replaces a member's state. */
  snapshotAt(member: MemberTruth, index: LogIndex, stateHash: string): void {
    if (index === 0) return; // nothing was applied yet: no snapshot comes of it
    const known = this.stateHashes.get(index);
    if (known === undefined) this.truth.violate('I19', member, `a snapshot at ${index} holds a state nobody was ever in`);
    else if (known !== stateHash) this.truth.violate('I19', member, `the snapshot at ${index} has the digest ${stateHash}, the state there ${known}`);
  }

  stepped({ member, input, ready }: StepEvent): void {
    const snapshot = input.kind === 'snapshot-taken' ? input.snapshot : ready.write?.install?.snapshot;
    if (snapshot === undefined) return;
    const { index, term, configuration, configurationIndex } = snapshot;
    const committed = this.truth.committed[index];
    if (committed === undefined || committed.term !== term) this.truth.violate('I19', member, `a snapshot of ${term}/${index}, committed there is ${committed === undefined ? 'nothing' : `term ${committed.term}`}`);
    const expected = this.configurations.findLast((one) => one.index <= index);
    if (expected !== undefined && (configurationIndex !== expected.index || JSON.stringify(configuration.members) !== expected.members)) {
      this.truth.violate('I19', member, `the snapshot at ${index} holds the configuration of ${configurationIndex}, in force there is that of ${expected.index}`);
    }
  }
}

function isAsExpected(bytes: Uint8Array, expected: ModelResult, index: LogIndex): boolean {
  const result = decodeKvResult(bytes);
  if (result.status !== expected.status) return false;
  if (result.status === 'ok') return result.existed === expected.existed && result.revision === index;
  if (result.status !== 'conflict') return false;
  if (result.found === null || expected.found === null) return result.found === expected.found;
  return Buffer.from(result.found.value).toString('latin1') === expected.found.value && result.found.revision === expected.found.revision;
}
