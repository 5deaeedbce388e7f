import { compactionIndex, USUAL_MARGIN } from '../core/compaction.ts';
import { bytesBetween, termAt } from '../core/log.ts';
import { configurationAt } from '../core/membership.ts';
import type { SnapshotPosition } from '../core/message.ts';
import type { LogIndex } from '../core/types.ts';
import { CallError } from '../ports/node-api.ts';
import type { SnapshotHead, SnapshotManifest } from '../ports/snapshot-files.ts';
import type { StateView } from '../ports/state-machine.ts';
import type { NamedSnapshot } from '../ports/storage.ts';
import type { NodeOptions, NodePorts } from './contract.ts';
import type { Driver } from './driver.ts';

/** Snapshots that stay named: the newest, and the one before it in case the newest cannot be read. */
const KEPT = 2;

/** The own snapshots: when to take one, which are named, and what the log may drop because of them. One job at a time. */
export class SnapshotKeeper {
  private named: readonly NamedSnapshot[];
  private taking: Promise<NamedSnapshot> | null = null;
  private trimming: Promise<void> | null = null;
  private sweeping: Promise<void> = Promise.resolve();

  constructor(
    private readonly ports: NodePorts,
    private readonly options: NodeOptions,
    private readonly driver: Driver,
    named: readonly NamedSnapshot[],
    /** Unnamed files are needed, or the machine is being replaced: nothing may be taken or cleaned up. */
    private readonly isBusy: () => boolean,
    /** Index of the oldest snapshot on its way to a peer; null: none is. */
    private readonly sendingIndex: () => LogIndex | null,
  ) {
    this.named = named;
  }

  get newest(): NamedSnapshot | null {
    return this.named[0] ?? null;
  }

  get all(): readonly NamedSnapshot[] {
    return this.named;
  }

  /** Starts a snapshot when enough was applied since the last one. */
  consider(appliedIndex: LogIndex): void {
    if (this.taking !== null || this.driver.isEnded || this.isBusy()) return;
    const since = this.newest?.index ?? 0;
    const isDue = appliedIndex - since >= this.options.snapshotEntries || bytesBetween(this.driver.state.log, since + 1, appliedIndex + 1) >= this.options.snapshotBytes;
    if (isDue) this.take().catch(() => undefined); // what goes wrong ends the member, or was said to whoever asked
  }

  /** Takes a snapshot unless one is being taken. @throws {CallError} When there is nothing to take or the member ends. */
  async take(): Promise<NamedSnapshot> {
    this.taking ??= this.takeOne().finally(() => void (this.taking = null));
    return await this.taking;
  }

  /** What an installed snapshot leaves named, from its write on. Without its suffix the log no longer reaches the older ones. */
  install(manifest: SnapshotManifest, keepsSuffix: boolean): { readonly snapshot: NamedSnapshot; readonly named: readonly NamedSnapshot[] } {
    const snapshot = nameOf(manifest);
    const older = keepsSuffix ? this.named.filter((one) => one.index < snapshot.index) : [];
    this.named = [snapshot, ...older].slice(0, KEPT);
    return { snapshot, named: this.named };
  }

  /** Removes files that are neither named nor on their way in; later, when one is being written. */
  async cleanUp(): Promise<void> {
    if (this.taking === null) await this.sweep();
  }

  /** Settles when no files are being removed: whoever makes new ones waits for it. */
  async swept(): Promise<void> {
    await this.sweeping;
  }

  /** Drops what both snapshots cover, but for the margin and what followers need. */
  async compact(): Promise<void> {
    this.trimming ??= this.trimOnce().finally(() => void (this.trimming = null));
    await this.trimming;
  }

  /** Settles when no job runs any more, however it ended. */
  async idle(): Promise<void> {
    await Promise.allSettled([this.taking, this.trimming]);
  }

  private async sweep(): Promise<void> {
    if (this.isBusy()) return;
    const removal = this.sweeping.then(() => this.ports.snapshots.keepOnly(this.named.map((one) => one.id)));
    this.sweeping = removal.catch(() => undefined); // whoever asked for it is told
    await removal;
  }

  private async takeOne(): Promise<NamedSnapshot> {
    try {
      await this.swept();
      if (this.isBusy()) throw new CallError('failed', 'overloaded', 'a snapshot is being received: take one afterwards');
      const view = await this.ports.machine.snapshot();
      const snapshot = await this.write(view).finally(() => view.release());
      return await this.name(snapshot);
    } catch (error) {
      if (!(error instanceof CallError)) this.driver.fail(error);
      throw error;
    }
  }

  private async write(view: StateView): Promise<NamedSnapshot> {
    const { newest } = this;
    if (view.index === 0) throw new CallError('failed', 'bad-request', 'nothing was applied yet: there is nothing to take a snapshot of');
    if (newest !== null && newest.index >= view.index) return newest;
    const head = this.headOf(view);
    return nameOf(await this.ports.snapshots.write(head, view.chunks()));
  }

  private headOf(view: StateView): SnapshotHead {
    const { state, identity } = this.driver;
    const term = termAt(state.log, view.index);
    const chainHash = this.ports.storage.chainHash(view.index);
    const configuration = configurationAt(state, view.index);
    if (term === null || chainHash === null || configuration === null) throw new RangeError(`the log does not hold index ${view.index}, which was applied`);
    const { clusterId, generation, machine } = identity;
    return { clusterId, generation, machine, index: view.index, term, chainHash, configuration, featureLevel: 0, stateHash: view.stateHash, takenAtMs: this.ports.clock.wallClockMs() };
  }

  /** The commit that makes it count; before it the file is an orphan that the next clean-up removes. */
  private async name(snapshot: NamedSnapshot): Promise<NamedSnapshot> {
    const { newest } = this;
    if (newest !== null && newest.index >= snapshot.index) return newest; // one from the leader came in between
    const named = [snapshot, ...this.named].slice(0, KEPT);
    await this.driver.commit({ hardState: null, truncateFrom: null, entries: [], install: null, snapshots: named });
    // Only now: what trims the log goes by the names on the disk. One installed meanwhile was named after this one, and goes further.
    if (this.newest === newest) this.named = named;
    this.driver.input({ kind: 'snapshot-taken', snapshot: positionOf(snapshot) });
    await this.sweep();
    await this.compact();
    return snapshot;
  }

  private async trimOnce(): Promise<void> {
    // With one snapshot only, the log itself is what is left should that one be unreadable.
    const older = this.named.length < KEPT ? undefined : this.named.at(-1);
    if (older === undefined || this.driver.isEnded) return;
    const margin = { entries: this.options.compactionMargin, bytes: USUAL_MARGIN.bytes };
    const { log } = this.driver.state;
    const sending = this.sendingIndex();
    // Who receives a snapshot needs the entries behind it next: without them it would have to begin anew, again and again.
    const isAwaited = sending !== null && bytesBetween(log, sending + 1, log.last + 1) <= margin.bytes;
    const firstIndex = Math.min(compactionIndex(this.driver.state, margin, older.index), isAwaited ? sending + 1 : Number.MAX_SAFE_INTEGER);
    if (firstIndex <= log.base.index + 1) return;
    // The core first: from here on it orders nothing that is about to go.
    this.driver.input({ kind: 'trimmed', firstIndex });
    try {
      await this.ports.storage.trim(firstIndex);
    } catch (error) {
      this.driver.fail(error);
      throw error;
    }
  }
}

export function nameOf(manifest: SnapshotManifest): NamedSnapshot {
  const { id, index, term, chainHash, configuration } = manifest;
  return { id, index, term, chainHash, configuration };
}

export function positionOf(snapshot: Pick<NamedSnapshot, 'index' | 'term' | 'configuration'>): SnapshotPosition {
  const { index, term, configuration } = snapshot;
  return { index, term, configuration: configuration.configuration, configurationIndex: configuration.index };
}
