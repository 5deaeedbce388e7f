import { decodeConfiguration } from '../../core/configuration.ts';
import type { Configuration } from '../../core/configuration.ts';
import type { LogIndex, LogPosition, Term } from '../../core/types.ts';
import { emptyLog } from '../../model/member-report.ts';
import type { DamageReport, LogReport } from '../../model/member-report.ts';
import type { LogDamage } from '../../model/reading.ts';
import { chainHex } from '../../native/chain-hash.ts';
import { expectedChain } from '../../native/entry-record.ts';
import type { ChainPosition } from '../../native/position-records.ts';
import type { WalkedEntry, WalkItem } from './log-walk.ts';

const MAX_KEPT = 1000;

/** A configuration and where it came from. */
export interface NativeConfiguration {
  readonly index: LogIndex;
  readonly term: Term;
  readonly source: 'log' | 'snapshot';
  readonly configuration: Configuration;
}

export interface LogProblem {
  readonly rule: 'chain-broken' | 'term-falls' | 'configuration-undecodable';
  readonly index: LogIndex;
  readonly byteOffset: number;
  readonly message: string;
}

/** What one pass over the log tells. */
export interface LogSurvey {
  /** The run that ends the log, up to the first damage behind the snapshot. */
  readonly log: LogReport;
  readonly first: LogPosition | null;
  /** Last entry that can be read, behind damage as well. */
  readonly last: ChainPosition | null;
  readonly damage: (DamageReport & { reason: string })[];
  readonly damagedPlaces: number;
  readonly problems: LogProblem[];
  readonly configurations: NativeConfiguration[];
  /** Chain hashes, lower-case hex, at the indexes that were asked for. */
  readonly chainAt: ReadonlyMap<LogIndex, string>;
}

export interface SurveyRules {
  readonly file: string;
  readonly base: ChainPosition | null;
  /** Index of the newest sound snapshot, 0 for none: what is lost at or below it is lost to nobody. */
  readonly snapshotIndex: LogIndex;
  readonly chainAt: readonly LogIndex[];
}

/** Reads the log once: counts, follows the chain of hashes, and notes every place that does not hold. */
export function surveyLog(items: Iterable<WalkItem>, rules: SurveyRules): LogSurvey {
  const pass = new SurveyPass(rules);
  for (const item of items) {
    if (item.type === 'entry') pass.entry(item);
    else pass.damage(item);
  }
  return pass.finish();
}

class SurveyPass {
  private run: LogReport | null = null;
  private isEnded = false;
  private isBroken = false;
  private chain: Uint8Array | null;
  private first: LogPosition | null = null;
  private last: { index: LogIndex; term: Term; chainHash: Uint8Array } | null = null;
  private readonly damages: (DamageReport & { reason: string })[] = [];
  private damagedPlaces = 0;
  private readonly problems: LogProblem[] = [];
  private readonly configurations: NativeConfiguration[] = [];
  private readonly wanted: ReadonlySet<LogIndex>;
  private readonly chainAt = new Map<LogIndex, string>();

  constructor(private readonly rules: SurveyRules) {
    this.chain = rules.base?.chainHash ?? null;
    this.wanted = new Set(rules.chainAt);
    if (rules.base !== null) this.keepChain(rules.base.index, rules.base.chainHash);
  }

  entry(item: WalkedEntry): void {
    const { entry, chainHash, byteOffset } = item;
    if (this.chain !== null && !expectedChain(entry, this.chain).equals(chainHash)) this.breakChain(item);
    if (this.last !== null && entry.term < this.last.term) this.problem('term-falls', item, `the term falls from ${this.last.term} to ${entry.term} at entry ${entry.index}`);
    this.chain = Uint8Array.from(chainHash);
    this.first ??= { term: entry.term, index: entry.index };
    this.last = { index: entry.index, term: entry.term, chainHash: this.chain };
    this.keepChain(entry.index, chainHash);
    if (this.isEnded) return;
    this.count(item);
    if (entry.kind === 'confChange') this.configuration(item, byteOffset);
  }

  damage({ file, byteOffset, fromIndex, toIndex, reason }: LogDamage): void {
    this.damagedPlaces++;
    this.chain = null;
    if (this.damages.length < MAX_KEPT) this.damages.push({ file, byteOffset, fromIndex, toIndex, tail: null, reason });
    this.isBroken = true;
    if (toIndex === null || toIndex > this.rules.snapshotIndex) this.isEnded = true;
  }

  finish(): LogSurvey {
    const log = this.run ?? emptyLog((this.rules.base?.index ?? this.rules.snapshotIndex) + 1);
    return {
      log,
      first: this.first,
      last: this.last,
      damage: this.damages,
      damagedPlaces: this.damagedPlaces,
      problems: this.problems,
      configurations: this.configurations,
      chainAt: this.chainAt,
    };
  }

  /** An entry that holds in itself and does not belong behind the one before it: one of the two is from another history. */
  private breakChain({ entry, byteOffset }: WalkedEntry): void {
    const message = `entry ${entry.index} does not continue the chain of hashes of entry ${entry.index - 1}: one of them is of another history`;
    this.problem('chain-broken', { entry, byteOffset }, message);
    this.damage({ type: 'damage', file: this.rules.file, byteOffset, fromIndex: entry.index, toIndex: null, reason: message });
  }

  private problem(rule: LogProblem['rule'], { entry, byteOffset }: Pick<WalkedEntry, 'entry' | 'byteOffset'>, message: string): void {
    if (this.problems.length < MAX_KEPT) this.problems.push({ rule, index: entry.index, byteOffset, message });
  }

  private keepChain(index: LogIndex, chainHash: Uint8Array): void {
    if (this.wanted.has(index)) this.chainAt.set(index, chainHex(chainHash));
  }

  private count({ entry }: WalkedEntry): void {
    if (this.run === null || this.isBroken) this.run = emptyLog(entry.index);
    this.isBroken = false;
    const { run } = this;
    run.lastIndex = entry.index;
    run.lastTerm = entry.term;
    run.entries++;
    run.bytes += entry.payload.length;
    run.byKind[entry.kind]++;
    const terms = run.termRuns.at(-1);
    if (terms?.term === entry.term) terms.last = entry.index;
    else run.termRuns.push({ term: entry.term, first: entry.index, last: entry.index });
  }

  private configuration(item: WalkedEntry, byteOffset: number): void {
    const { index, term, payload } = item.entry;
    try {
      const configuration = decodeConfiguration(Uint8Array.from(payload));
      if (this.configurations.length >= MAX_KEPT) this.configurations.splice(1, 1); // the oldest and the newest matter most
      this.configurations.push({ index, term, source: 'log', configuration });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.problem('configuration-undecodable', { entry: item.entry, byteOffset }, `the configuration entry ${index} does not decode: ${error.message}`);
    }
  }
}
