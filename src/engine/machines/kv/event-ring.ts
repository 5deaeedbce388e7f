import { encodeKvEvent, type KvEvent, type KvWatch } from '../../native/kv-query.ts';
import { startsWith } from '../../native/kv-record.ts';
import { CallError } from '../../ports/node-api.ts';

interface Held {
  readonly key: Uint8Array;
  readonly revision: number;
  readonly bytes: Uint8Array;
}

interface Watcher {
  readonly watch: KvWatch;
  readonly emit: (event: Uint8Array) => void;
}

/**
 * The newest changes, bounded by number and bytes, and who wants to hear of them. Everything above `floor` is held.
 * Kept in memory alone: after a restart the floor is the index the state was opened at.
 */
export class EventRing {
  private held: (Held | undefined)[] = [];
  private start = 0;
  private bytes = 0;
  private readonly watchers = new Set<Watcher>();

  constructor(
    private floor: number,
    private readonly maxEvents: number,
    private readonly maxBytes: number,
  ) {}

  push(event: Exclude<KvEvent, { kind: 'lost' }>): void {
    const held: Held = { key: event.key, revision: event.revision, bytes: encodeKvEvent(event) };
    this.held.push(held);
    this.bytes += held.bytes.length;
    while (this.held.length - this.start > this.maxEvents || this.bytes > this.maxBytes) this.dropOldest();
    const watchers = [...this.watchers]; // who starts to watch because of this event is told only later ones
    for (const watcher of watchers) this.tell(watcher, () => tell(watcher, held));
  }

  /** @throws {CallError} `compacted`, when changes at or after the asked revision are no longer held. */
  add(watch: KvWatch, emit: (event: Uint8Array) => void): () => void {
    const from = watch.fromRevision;
    if (from !== null && from <= this.floor) throw new CallError('failed', 'compacted', `changes up to revision ${this.floor} are no longer held, asked was ${from}`);
    const watcher = { watch, emit };
    if (from !== null) for (let at = this.start; at < this.held.length; at++) tell(watcher, this.held[at]);
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  }

  /** The state was replaced as a whole: every watch ends, told so. */
  reset(floor: number): void {
    const lost = encodeKvEvent({ kind: 'lost', revision: floor });
    const ended = [...this.watchers];
    this.watchers.clear();
    [this.held, this.start, this.bytes, this.floor] = [[], 0, 0, floor];
    for (const watcher of ended) this.tell(watcher, () => watcher.emit(lost));
  }

  /** A stream that breaks ends its own watch and nothing else. */
  private tell(watcher: Watcher, emit: () => void): void {
    try {
      emit();
    } catch {
      this.watchers.delete(watcher);
    }
  }

  private dropOldest(): void {
    const oldest = this.held[this.start];
    if (oldest === undefined) return;
    this.floor = oldest.revision;
    this.bytes -= oldest.bytes.length;
    this.held[this.start++] = undefined;
    // Moves what is left down only now and then, so that a drop costs little.
    if (this.start > this.maxEvents) [this.held, this.start] = [this.held.slice(this.start), 0];
  }
}

function tell(watcher: Watcher, held: Held | undefined): void {
  if (held === undefined || !startsWith(held.key, watcher.watch.prefix) || held.revision < (watcher.watch.fromRevision ?? 0)) return;
  watcher.emit(held.bytes);
}
