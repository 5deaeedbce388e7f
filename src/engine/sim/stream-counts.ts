import type { SnapshotAck, SnapshotChunk } from '../ports/transport.ts';
import type { Counters } from './counters.ts';

interface Stream {
  readonly id: string;
  /** Term in which it last began. */
  term: number;
  isAnew: boolean;
  acked: number;
}

/** Tells streams of snapshots that went on where an earlier leadership had left them. */
export class StreamCounts {
  private readonly streams = new Map<string, Stream>();

  constructor(private readonly counters: Counters) {}

  /** A first chunk arrived at `node`. */
  begun(node: string, { snapshotId, term }: SnapshotChunk): void {
    const known = this.streams.get(node);
    if (known?.id !== snapshotId) this.streams.set(node, { id: snapshotId, term, isAnew: false, acked: 0 });
    else if (term > known.term) [known.term, known.isAnew] = [term, true];
  }

  answered(node: string, { snapshotId, offset, status }: SnapshotAck): void {
    const stream = this.streams.get(node);
    if (stream?.id !== snapshotId || status !== 'go-on') return;
    if (stream.isAnew && stream.acked > 0 && offset >= stream.acked) this.counters.hit('snapshot-resumed');
    stream.isAnew = false;
    stream.acked = offset;
  }
}
