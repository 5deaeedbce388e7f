import { JsonCounter } from './json-counter.ts';
import { RecordCounter } from './record-counter.ts';
import { StorageEntryCounter } from './storage-entry-counter.ts';
import { JsonTrial, RecordTrial, type TrialResult } from './trial-restore.ts';

export interface Part {
  type: string;
  count: number;
  bytes: number | null;
}

/** What a state machine's snapshot holds, as far as its bytes tell. */
export interface StateContent {
  kind: 'consul' | 'nomad' | 'vault' | 'json' | 'opaque';
  parts: Part[];
  /** The index the content itself names, null where it names none. */
  lastIndex: number | null;
  /** A version inside the content (JSON); null when it has none. */
  formatVersion: number | string | null;
  /** Why it cannot be whole, at which byte of the state; null when it reads to its end. */
  problem: { byteOffset: number; message: string } | null;
  /** Only where a trial restore was asked for. */
  trial?: TrialResult;
}

/** `count` steps over the content; `restore` decodes all of it as well. */
export type ContentDepth = 'count' | 'restore';

/** Counts what goes by; holds no more than one field of it. */
export interface PartCounter {
  write(chunk: Uint8Array): void;
  end(): StateContent;
}

const OPAQUE: StateContent = { kind: 'opaque', parts: [], lastIndex: null, formatVersion: null, problem: null };
const CONSUL_HEADER = Buffer.from('\x81\xa9LastIndex', 'latin1');
const DECIDING_BYTES = 16;

/** Counts a state.bin by its own first bytes: Consul, Nomad, Vault, JSON; anything else is opaque. */
export class StateCounter implements PartCounter {
  private head = Buffer.alloc(0);
  private counter: PartCounter | null = null;

  constructor(private readonly depth: ContentDepth = 'count') {}

  write(chunk: Uint8Array): void {
    if (this.counter !== null) return this.counter.write(chunk);
    this.head = Buffer.concat([this.head, chunk]);
    if (this.head.length >= DECIDING_BYTES) this.decide();
  }

  end(): StateContent {
    if (this.head.length === 0) return { ...OPAQUE, problem: { byteOffset: 0, message: 'is empty' } };
    if (this.counter === null) this.decide();
    const content = this.counter?.end() ?? OPAQUE;
    // Nomad and Vault have no magic number: what does not fit to the end is some other program's state.
    const isGuess = content.kind === 'nomad' || content.kind === 'vault';
    return isGuess && content.problem !== null ? OPAQUE : content;
  }

  private decide(): void {
    this.counter = counterFor(this.head, this.depth);
    this.counter.write(this.head);
  }
}

function counterFor(head: Buffer, depth: ContentDepth): PartCounter {
  const restores = depth === 'restore';
  if (head.subarray(0, CONSUL_HEADER.length).equals(CONSUL_HEADER)) return new RecordCounter('consul', restores ? new RecordTrial() : null);
  if (head[0] === 0x80) return new RecordCounter('nomad', restores ? new RecordTrial() : null);
  if (head.toString('latin1').trimStart().startsWith('{')) return new JsonCounter(restores ? new JsonTrial() : null);
  return new StorageEntryCounter();
}
