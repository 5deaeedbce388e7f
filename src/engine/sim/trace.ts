/** A line of the trace: when, which member, what. */
export interface TraceLine {
  readonly atUs: number;
  readonly node: string;
  readonly text: string;
}

/**
 * A running digest of everything that happened, and (when wanted) the lines themselves. Two runs of one seed must end with equal
 * digests. Numbers and short words are mixed in as they come; no text is built unless lines are kept.
 */
export class Trace {
  readonly lines: TraceLine[] = [];
  private h1 = 0x811c9dc5;
  private h2 = 0x1b873593;
  private readonly words = new Map<string, number>();

  /** `keepLines`: how many of the last lines to keep; 0 for none. */
  constructor(private readonly keepLines: number) {}

  get isKeeping(): boolean {
    return this.keepLines > 0;
  }

  mix(value: number): void {
    this.h1 = Math.imul(this.h1 ^ value, 0x01000193);
    this.h2 = Math.imul(this.h2 ^ (this.h1 >>> 15) ^ value, 0x5bd1e995);
  }

  word(text: string): void {
    let code = this.words.get(text);
    if (code === undefined) {
      code = 0x811c9dc5;
      for (let at = 0; at < text.length; at += 1) code = Math.imul(code ^ text.charCodeAt(at), 0x01000193);
      if (this.words.size < 10_000) this.words.set(text, code);
    }
    this.mix(code);
  }

  /** `detail` is only asked for when lines are kept: it may be expensive. */
  note(atUs: number, node: string, kind: string, a: number, b: number, detail?: () => string): void {
    this.mix(atUs | 0);
    this.word(node);
    this.word(kind);
    this.mix(a);
    this.mix(b);
    if (this.keepLines === 0) return;
    this.lines.push({ atUs, node, text: `${kind} ${detail === undefined ? `${a} ${b}` : detail()}` });
    if (this.lines.length > this.keepLines * 2) this.lines.splice(0, this.lines.length - this.keepLines);
  }

  digest(): string {
    return (this.h1 >>> 0).toString(16).padStart(8, '0') + (this.h2 >>> 0).toString(16).padStart(8, '0');
  }
}
