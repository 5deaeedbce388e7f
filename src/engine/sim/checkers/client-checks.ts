import type { LogIndex, Term } from '../../core/types.ts';
import type { Counters } from '../counters.ts';
import type { HistoryLevel } from '../history.ts';
import type { GroundTruth } from '../ground-truth.ts';
import type { ReferenceModel } from '../reference-model.ts';

/** What a client knew when it began to read. */
export interface ReadBegun {
  readonly id: string;
  readonly k: string;
  readonly level: HistoryLevel;
  readonly floor: LogIndex;
  readonly token: LogIndex;
}

/** I10 what was acknowledged is committed, once; I15 reads cover what was acknowledged before them; I16 sessions never go back. */
export class ClientChecks {
  /** Highest index any client was told of in a way that binds later answers. */
  floor: LogIndex = 0;
  private readonly acknowledged = new Map<string, LogIndex>();
  private readonly unknowns: string[] = [];
  private readonly failures = new Set<string>();

  constructor(
    private readonly truth: GroundTruth,
    private readonly model: ReferenceModel,
    private readonly counters: Counters,
  ) {}

  wrote(node: string, id: string, index: LogIndex, term: Term): void {
    const committed = this.truth.committed[index];
    if (committed === undefined || committed.term !== term || committed.opId !== id) this.truth.violate('I10', node, `acknowledged ${id} at ${term}/${index}, committed there is ${committed === undefined ? 'nothing' : `${committed.opId ?? 'another entry'} of term ${committed.term}`}`);
    this.acknowledged.set(id, index);
    this.floor = Math.max(this.floor, index);
  }

  read(node: string, begun: ReadBegun, index: LogIndex, value: string | null): void {
    const { id, k, level, floor, token } = begun;
    if (index > this.truth.commitIndex) this.truth.violate('I15', node, `answered ${id} with the state at ${index}, committed is up to ${this.truth.commitIndex}`);
    const expected = this.model.at(k, index);
    if (value !== expected) this.truth.violate('I15', node, `answered ${id} with a value of ${k} that it does not have at ${index}`);
    if (level === 'linearizable') {
      if (index < floor) this.truth.violate('I15', node, `answered ${id} with the state at ${index}, though ${floor} was acknowledged before it began`);
      this.floor = Math.max(this.floor, index);
    }
    if (level === 'follower' && index < token) this.truth.violate('I16', node, `answered ${id} with the state at ${index}, its session had seen ${token}`);
  }

  unknown(id: string): void {
    this.unknowns.push(id);
  }

  failed(id: string): void {
    this.failures.add(id);
  }

  /** At the end of a run: nothing acknowledged is missing, nothing failed was done, nothing was done twice. */
  finish(): void {
    for (const [id, index] of this.acknowledged) {
      if (this.truth.committed[index]?.opId !== id) this.truth.violate('I10', 'cluster', `${id} was acknowledged at ${index} and is no longer committed there`);
    }
    for (const [id, places] of this.truth.committedOperations) {
      if (places.length > 1) this.truth.violate('I10', 'cluster', `${id} took effect ${places.length} times, at ${places.join(', ')}`);
      if (this.failures.has(id)) this.truth.violate('I10', 'cluster', `${id} was reported as failed and took effect at ${places.join(', ')}`);
    }
    for (const id of this.unknowns) this.counters.hit(this.truth.committedOperations.has(id) ? 'unknown-later-done' : 'unknown-later-never-done');
  }
}
