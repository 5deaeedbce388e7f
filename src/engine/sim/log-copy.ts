import type { Configuration, PlacedConfiguration } from '../core/configuration.ts';
import type { Entry } from '../core/entry.ts';
import type { LogIndex, Term } from '../core/types.ts';
import { decodeConfiguration } from '../core/configuration.ts';
import { contentHash, mixHash } from './content-hash.ts';

/**
 * A member's log, kept outside of the member: terms, and for each entry a hash over it and all before it. Arrays are indexed by log
 * index; what compaction dropped stays known, for it was the same for everybody. `configurations`: every one in the log, oldest first.
 */
export class LogCopy {
  base = 0;
  last = 0;
  terms: number[] = [0];
  hashes: number[] = [0];
  configurations: PlacedConfiguration[] = [];

  clone(): LogCopy {
    const other = new LogCopy();
    [other.base, other.last, other.terms, other.hashes, other.configurations] = [this.base, this.last, [...this.terms], [...this.hashes], [...this.configurations]];
    return other;
  }

  /** Undefined beyond the end. */
  term(index: LogIndex): Term | undefined {
    return index > this.last ? undefined : this.terms[index];
  }

  hash(index: LogIndex): number | undefined {
    return index > this.last ? undefined : this.hashes[index];
  }

  get configuration(): PlacedConfiguration | undefined {
    return this.configurations.at(-1);
  }

  /** Adds an entry at its index, which must follow the last; gives its chain hash. */
  append(entry: Entry): number {
    const hash = mixHash(this.hashes[entry.index - 1] ?? 0, contentHash(entry));
    this.terms[entry.index] = entry.term;
    this.hashes[entry.index] = hash;
    this.last = entry.index;
    if (entry.kind === 'confChange') this.configurations.push({ index: entry.index, configuration: decodeConfiguration(entry.payload) });
    return hash;
  }

  /** Is this very entry here, behind the same ones? */
  isEntry(entry: Entry): boolean {
    return this.hashes[entry.index] === mixHash(this.hashes[entry.index - 1] ?? 0, contentHash(entry));
  }

  truncate(from: LogIndex): void {
    this.last = Math.min(this.last, from - 1);
    this.terms.length = Math.min(this.terms.length, this.last + 1);
    this.hashes.length = Math.min(this.hashes.length, this.last + 1);
    while ((this.configurations.at(-1)?.index ?? 0) > this.last) this.configurations.pop();
  }

  /** Begins anew behind a snapshot; `keepSuffix`: what follows it stays. */
  install(index: LogIndex, term: Term, hash: number, configuration: PlacedConfiguration, how: 'keep-suffix' | 'drop-all'): void {
    const newer = how === 'keep-suffix' ? this.configurations.filter((one) => one.index > index) : [];
    if (how === 'drop-all') {
      this.truncate(1);
      this.last = index;
    }
    this.base = index;
    this.terms[index] = term;
    this.hashes[index] = hash;
    this.configurations = [configuration, ...newer];
  }
}

export function votersOf(configuration: Configuration | undefined): string[] {
  return (configuration?.members ?? []).filter((member) => member.role === 'voter').map((member) => member.id);
}
