import { decode } from '@msgpack/msgpack';
import { MsgpackSkipper } from './msgpack-skipper.ts';
import { recordTypeName } from './record-types.ts';
import { MAX_TRIAL_BYTES, type RecordTrial } from './trial-restore.ts';
import type { Part, PartCounter, StateContent } from './state-content.ts';

/** A header is a map of one or two fields; more than this is not one. */
const MAX_HEADER_BYTES = 1024;

/**
 * Counts the records of Consul's and Nomad's state.bin (consul agent/consul/fsm/snapshot.go, nomad nomad/fsm.go):
 *
 *     header: one msgpack map | type: 1 byte | body: one msgpack value | type | body | ... until the end
 *
 * A record's size is what was read since the one before it ended, so the first includes the header, as in
 * `consul snapshot inspect`.
 */
export class RecordCounter implements PartCounter {
  private readonly skipper = new MsgpackSkipper();
  private readonly byType = new Map<number, { count: number; bytes: number }>();
  private readonly header: number[] = [];
  private phase: 'header' | 'type' | 'body' = 'header';
  private type = 0;
  private offset = 0;
  private recordStart = 0;
  private problem: StateContent['problem'] = null;

  /** The present record, kept only for a trial restore. */
  private body: Uint8Array[] = [];

  constructor(
    private readonly product: 'consul' | 'nomad',
    private readonly trial: RecordTrial | null = null,
  ) {
    this.skipper.begin();
  }

  write(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && this.problem === null) {
      if (this.phase === 'type') {
        this.type = chunk[at++] as number;
        this.phase = 'body';
        this.skipper.begin();
        continue;
      }
      const next = this.skipper.take(chunk, at);
      if (next < 0) {
        this.problem = { byteOffset: this.recordStart, message: 'holds a byte that begins no msgpack value' };
        break;
      }
      if (this.phase === 'header') this.keepHeader(chunk.subarray(at, next));
      else if (this.trial !== null) this.keepBody(chunk.subarray(at, next));
      at = next;
      if (this.skipper.done) this.finish(this.offset + at);
    }
    this.offset += chunk.length;
  }

  end(): StateContent {
    if (this.problem === null && this.phase !== 'type') {
      const what = this.phase === 'header' ? 'its header' : `a ${recordTypeName(this.product, this.type)} record`;
      this.problem = { byteOffset: this.recordStart, message: `ends inside ${what}` };
    }
    const parts: Part[] = [...this.byType].map(([type, sum]) => ({ type: recordTypeName(this.product, type), ...sum }));
    parts.sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0) || a.type.localeCompare(b.type));
    const content: StateContent = { kind: this.product, parts, lastIndex: this.lastIndex(), formatVersion: null, problem: this.problem };
    return this.trial === null ? content : { ...content, trial: this.trial.end(content) };
  }

  private finish(end: number): void {
    if (this.phase === 'body') {
      const sum = this.byType.get(this.type) ?? { count: 0, bytes: 0 };
      sum.count++;
      sum.bytes += end - this.recordStart;
      this.byType.set(this.type, sum);
      if (this.trial !== null) this.tryRecord(this.trial, end - this.recordStart);
      this.recordStart = end;
    }
    this.phase = 'type';
  }

  private keepBody(bytes: Uint8Array): void {
    const total = this.offset - this.recordStart;
    if (total > MAX_TRIAL_BYTES) this.body = [];
    else this.body.push(Uint8Array.from(bytes));
  }

  private tryRecord(trial: RecordTrial, bytes: number): void {
    const name = recordTypeName(this.product, this.type);
    if (bytes > MAX_TRIAL_BYTES) trial.tooLarge(name, bytes);
    else trial.record(name, Buffer.concat(this.body));
    this.body = [];
  }

  private keepHeader(bytes: Uint8Array): void {
    if (this.header.length + bytes.length > MAX_HEADER_BYTES) {
      this.problem = { byteOffset: 0, message: `has a header of more than ${MAX_HEADER_BYTES} bytes` };
    } else this.header.push(...bytes);
  }

  private lastIndex(): number | null {
    try {
      const header = decode(Uint8Array.from(this.header), { useBigInt64: true }) as { LastIndex?: unknown };
      const index = Number(header.LastIndex);
      return Number.isSafeInteger(index) && index >= 0 ? index : null;
    } catch {
      return null; // a broken header is already a problem, told with its place
    }
  }
}
