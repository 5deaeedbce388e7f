/** Where a moment or a value lies in the picture, in its own units. */
export type Scale = (value: number) => number;

/** A linear scale; everything outside the domain is drawn at its edge. A domain without length lies in the middle. */
export function linear(from: number, to: number, low: number, high: number): Scale {
  if (!(to > from)) return () => (low + high) / 2;
  return (value) => {
    const part = Math.min(1, Math.max(0, (value - from) / (to - from)));
    return round(low + part * (high - low));
  };
}

/** Two decimals: the file stays small, and the eye sees no difference. */
export function round(value: number): number {
  return Math.round(value * 100) / 100;
}

const STEPS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 43_200_000, 86_400_000];

/** Round moments between two, at most `most` of them, always with zero when it lies between. */
export function niceMoments(fromMs: number, toMs: number, most: number): number[] {
  const span = Math.max(1, toMs - fromMs);
  const step = STEPS_MS.find((one) => span / one <= most) ?? Math.ceil(span / most / 86_400_000) * 86_400_000;
  const moments: number[] = [];
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs && moments.length <= most; at += step) moments.push(at === 0 ? 0 : at);
  return moments;
}

/** A round number at or above `value`, at most a third above it. */
export function niceCeiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((one) => one * power >= value) ?? 10) * power;
}
