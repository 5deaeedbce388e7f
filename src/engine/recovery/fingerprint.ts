import crypto from 'node:crypto';
import type { LogIndex } from '../core/types.ts';
import { BLOCK_ENTRIES, TAIL_ENTRIES } from '../model/evidence.ts';
import type { ConfigurationDigest, LogBlock, LogFingerprint } from '../model/evidence.ts';
import type { TermRun } from '../model/member-report.ts';
import type { LogEntry } from '../model/reading.ts';

const DIGEST_WIDTH = 16;
const TAIL_WIDTH = 12;

/** Digest of one entry: index, term, kind, extensions and data; everything that must be equal on all members. */
export function entryDigest(entry: LogEntry): string {
  const hash = crypto.createHash('sha256');
  feed(hash, entry);
  return hash.digest('hex').slice(0, DIGEST_WIDTH);
}

function feed(hash: crypto.Hash, entry: LogEntry): void {
  hash.update(`${entry.index} ${entry.term} ${entry.kind} ${entry.data.length} ${entry.extensions?.length ?? 0}\n`);
  hash.update(entry.data);
  if (entry.extensions !== undefined) hash.update(entry.extensions);
}

/** Builds a log's fingerprint while its entries stream by; holds one block, the runs and the digests. */
export class FingerprintBuilder {
  private readonly runs: TermRun[] = [];
  private readonly blocks: LogBlock[] = [];
  private readonly configurations: ConfigurationDigest[] = [];
  private readonly tailFrom: LogIndex;
  private tailFirst: LogIndex | null = null;
  private tailDigests: string[] = [];
  private open: { block: number; first: LogIndex; last: LogIndex; entries: number; hash: crypto.Hash } | null = null;

  /** @param lastIndex Where the log is expected to end; decides which entries get a digest of their own. */
  constructor(lastIndex: LogIndex) {
    this.tailFrom = lastIndex - TAIL_ENTRIES + 1;
  }

  add(entry: LogEntry): void {
    const run = this.runs.at(-1);
    if (run?.term === entry.term && run.last + 1 === entry.index) run.last = entry.index;
    else this.runs.push({ term: entry.term, first: entry.index, last: entry.index });
    if (entry.index >= this.tailFrom) this.addTail(entry);
    if (entry.kind === 'confChange') {
      this.configurations.push({ index: entry.index, term: entry.term, digest: entryDigest(entry) });
    }
    this.addToBlock(entry);
  }

  finish(): LogFingerprint {
    this.closeBlock();
    const tail = this.tailFirst === null ? null : { first: this.tailFirst, width: TAIL_WIDTH, digests: this.tailDigests.join('') };
    return { runs: this.runs, blocks: this.blocks, configurations: this.configurations, tail };
  }

  private addToBlock(entry: LogEntry): void {
    const block = Math.floor(entry.index / BLOCK_ENTRIES);
    if (this.open?.block !== block) {
      this.closeBlock();
      this.open = { block, first: entry.index, last: entry.index, entries: 0, hash: crypto.createHash('sha256') };
    }
    const open = this.open as NonNullable<typeof this.open>;
    open.last = entry.index;
    open.entries += 1;
    if (entry.kind !== 'confChange') feed(open.hash, entry);
  }

  private addTail(entry: LogEntry): void {
    const next = this.tailFirst === null ? entry.index : this.tailFirst + this.tailDigests.length;
    // A hole (damage) begins the tail anew behind it; entries that come twice keep their first digest.
    if (this.tailFirst === null || entry.index > next) [this.tailFirst, this.tailDigests] = [entry.index, []];
    else if (entry.index < next) return;
    if (this.tailDigests.length === TAIL_ENTRIES) return;
    this.tailDigests.push(entryDigest(entry).slice(0, TAIL_WIDTH));
  }

  private closeBlock(): void {
    if (!this.open) return;
    const { block, first, last, entries, hash } = this.open;
    const digest = hash.digest('hex').slice(0, DIGEST_WIDTH);
    this.blocks.push(entries === BLOCK_ENTRIES ? { block, digest } : { block, digest, first, last, entries });
    this.open = null;
  }
}
