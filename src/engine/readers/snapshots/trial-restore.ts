import { decode } from '@msgpack/msgpack';
import type { Part, StateContent } from './state-content.ts';

/** More than one record or one JSON state may take; larger ones are counted, not decoded. */
export const MAX_TRIAL_BYTES = 64 << 20;

/** What a trial restore made of a state: `ok` null when it could not be tried. */
export interface TrialResult {
  ok: boolean | null;
  detail: string;
}

/** Decodes every record the way a restore would, and recounts; one record in memory at a time. */
export class RecordTrial {
  private count = 0;
  private highest = 0n;
  private problem: string | null = null;

  record(name: string, body: Uint8Array): void {
    if (this.problem !== null) return;
    try {
      const value = decode(body, { useBigInt64: true, maxStrLength: body.length, maxBinLength: body.length });
      this.count++;
      const index = (value as { ModifyIndex?: unknown } | null)?.ModifyIndex;
      if (typeof index === 'bigint' || (typeof index === 'number' && Number.isSafeInteger(index))) this.note(BigInt(index));
    } catch (error) {
      this.problem = `${name} record ${this.count + 1} cannot be decoded (${(error as Error).message})`;
    }
  }

  tooLarge(name: string, bytes: number): void {
    this.problem ??= `a ${name} record has ${bytes} bytes, more than a trial holds (${MAX_TRIAL_BYTES})`;
  }

  end(content: StateContent): TrialResult {
    if (this.problem !== null) return { ok: false, detail: this.problem };
    const counted = total(content.parts);
    if (content.problem !== null || counted !== this.count) return { ok: false, detail: `${this.count} records decoded, ${counted} counted` };
    if (content.lastIndex !== null && this.highest > BigInt(content.lastIndex)) {
      return { ok: false, detail: `a record was modified at index ${this.highest}, the state says it ends at ${content.lastIndex}` };
    }
    return { ok: true, detail: `${this.count} records decoded and recounted, none newer than index ${content.lastIndex ?? '-'}` };
  }

  private note(index: bigint): void {
    if (index > this.highest) this.highest = index;
  }
}

/** Parses the whole state and compares what it holds with what was counted as it streamed by. */
export class JsonTrial {
  private held: Uint8Array[] = [];
  private bytes = 0;

  write(chunk: Uint8Array): void {
    this.bytes += chunk.length;
    if (this.bytes > MAX_TRIAL_BYTES) this.held = [];
    else this.held.push(Uint8Array.from(chunk));
  }

  end(content: StateContent): TrialResult {
    if (this.bytes > MAX_TRIAL_BYTES) return { ok: null, detail: `the state has ${this.bytes} bytes, more than a trial holds; it was counted only` };
    let parts: Map<string, number>;
    try {
      parts = countedParts(JSON.parse(Buffer.concat(this.held).toString('utf8')));
    } catch (error) {
      return { ok: false, detail: `the state cannot be parsed (${(error as Error).message.slice(0, 120)})` };
    }
    const wrong = content.parts.find((part) => parts.get(part.type) !== part.count);
    if (wrong !== undefined || parts.size !== content.parts.length) {
      return { ok: false, detail: `part ${JSON.stringify(wrong?.type ?? '?')} counts differently when it is parsed: a key stands twice` };
    }
    return { ok: true, detail: `${parts.size} parts rebuilt: ${[...parts].map(([name, count]) => `${count} ${name}`).join(', ').slice(0, 300)}` };
  }
}

function countedParts(state: unknown): Map<string, number> {
  if (typeof state !== 'object' || state === null || Array.isArray(state)) return new Map();
  const sizeOf = (value: unknown) => (Array.isArray(value) ? value.length : typeof value === 'object' && value !== null ? Object.keys(value).length : 1);
  return new Map(Object.entries(state).map(([name, value]) => [name, sizeOf(value)]));
}

function total(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + part.count, 0);
}
