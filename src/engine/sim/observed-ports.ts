import type { LogIndex } from '../core/types.ts';
import type { SnapshotFiles, SnapshotHead, SnapshotManifest, SnapshotReader, SnapshotReceiver } from '../ports/snapshot-files.ts';
import type { Command, StateMachine, StateView } from '../ports/state-machine.ts';

/** What is told of a state machine: where it is, and with what digest. */
export interface MachineListener {
  opened(index: LogIndex): void;
  stateAt(index: LogIndex, stateHash: string): void;
  viewed(index: LogIndex, stateHash: string): void;
  restored(index: LogIndex, stateHash: string): void;
}

/** A state machine that tells what it did, and else does what the one inside does. */
export class ObservedMachine implements StateMachine {
  readonly name: string;

  constructor(
    private readonly inside: StateMachine,
    private readonly listener: MachineListener,
  ) {
    this.name = inside.name;
  }

  async open(): Promise<{ readonly appliedIndex: LogIndex }> {
    const opened = await this.inside.open();
    this.listener.opened(opened.appliedIndex);
    return opened;
  }

  async apply(commands: readonly Command[], upTo: LogIndex): Promise<readonly Uint8Array[]> {
    const results = await this.inside.apply(commands, upTo);
    this.listener.stateAt(this.inside.appliedIndex(), this.inside.stateHash());
    return results;
  }

  query(request: Uint8Array): Uint8Array {
    return this.inside.query(request);
  }

  watch(request: Uint8Array, emit: (event: Uint8Array) => void): () => void {
    return this.inside.watch(request, emit);
  }

  appliedIndex(): LogIndex {
    return this.inside.appliedIndex();
  }

  stateHash(): string {
    return this.inside.stateHash();
  }

  async snapshot(): Promise<StateView> {
    const view = await this.inside.snapshot();
    this.listener.viewed(view.index, view.stateHash);
    return view;
  }

  async restore(index: LogIndex, stateHash: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    await this.inside.restore(index, stateHash, chunks);
    this.listener.restored(this.inside.appliedIndex(), this.inside.stateHash());
  }

  async close(): Promise<void> {
    await this.inside.close();
  }
}

/** What is told of snapshot files. */
export interface FilesListener {
  writing(change: 1 | -1): void;
  receiving(): void;
}

/** Snapshot files that tell what is under way. */
export class ObservedFiles implements SnapshotFiles {
  constructor(
    private readonly inside: SnapshotFiles,
    private readonly listener: FilesListener,
  ) {}

  async write(head: SnapshotHead, content: AsyncIterable<Uint8Array>): Promise<SnapshotManifest> {
    this.listener.writing(1);
    try {
      return await this.inside.write(head, content);
    } finally {
      this.listener.writing(-1);
    }
  }

  async receive(manifest: SnapshotManifest): Promise<SnapshotReceiver> {
    const receiver = await this.inside.receive(manifest);
    this.listener.receiving();
    return receiver;
  }

  open(id: string): Promise<SnapshotReader> {
    return this.inside.open(id);
  }

  keepOnly(ids: readonly string[]): Promise<void> {
    return this.inside.keepOnly(ids);
  }

  raw(id: string, lineage: { readonly clusterId: string; readonly generation: number }): AsyncIterable<Uint8Array> {
    return this.inside.raw(id, lineage);
  }
}
