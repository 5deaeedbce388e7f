import type { Rng } from '../ports/clock.ts';

/**
 * Chance of a simulated run: the generator sfc32 (Chris Doty-Humphrey, PractRand), seeded by 64 bits and a path of labels.
 * `split` depends on the label and the own seed, never on how much was drawn: a component that draws more, or a new component,
 * does not shift the others.
 */
export class Prng implements Rng {
  private a: number;
  private b: number;
  private c: number;
  private d = 1;

  private constructor(
    private readonly high: number,
    private readonly low: number,
  ) {
    [this.a, this.b, this.c] = [high, low, high ^ low];
    for (let round = 0; round < 15; round += 1) this.nextU32();
  }

  /** From a seed in decimal or `0x` notation; more than 64 bits wrap. @throws {SyntaxError} When it is no number. */
  static fromSeed(seed: string): Prng {
    const bits = BigInt.asUintN(64, BigInt(seed));
    return new Prng(Number(bits >> 32n), Number(bits & 0xffffffffn));
  }

  split(label: string): Prng {
    let [high, low] = [this.high ^ 0x9e3779b9, this.low ^ 0x85ebca6b];
    for (let at = 0; at < label.length; at += 1) {
      high = Math.imul(high ^ label.charCodeAt(at), 0x01000193) ^ (low >>> 15);
      low = Math.imul(low ^ label.charCodeAt(at), 0x5bd1e995) ^ (high >>> 13);
    }
    return new Prng(high >>> 0, low >>> 0);
  }

  /** Uniform in [0, 2^32). */
  nextU32(): number {
    const sum = (this.a + this.b + this.d) | 0;
    this.d = (this.d + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum | 0;
    return sum >>> 0;
  }

  /** Uniform in [0, 1). */
  unit(): number {
    return this.nextU32() / 0x1_0000_0000;
  }

  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** A whole number in `[from, until)`. */
  between(from: number, until: number): number {
    return from + Math.floor(this.unit() * (until - from));
  }

  /** Spread evenly over the orders of magnitude of `[from, until)`; `from` above 0. */
  magnitude(from: number, until: number): number {
    return from * (until / from) ** this.unit();
  }

  exponential(mean: number): number {
    return -mean * Math.log(1 - this.unit());
  }

  pick<T>(from: readonly T[]): T {
    const one = from[this.between(0, from.length)];
    if (one === undefined) throw new RangeError('nothing to pick from');
    return one;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const rest = [...items];
    const result: T[] = [];
    while (rest.length > 0) result.push(...rest.splice(this.between(0, rest.length), 1));
    return result;
  }
}
