import { UsageError } from '../engine/errors.ts';

export { showDuration, showSize } from '../engine/model/measure-words.ts';

const DURATION_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

/** Milliseconds of `250ms`, `5s`, `2m`, `1h30m`, `7d`. A bare number is refused: the unit is what gets mistaken. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/gy)];
  const whole = parts.map((part) => part[0]).join('');
  const total = parts.reduce((sum, part) => sum + Number(part[1]) * (DURATION_MS[part[2] ?? ''] ?? Number.NaN), 0);
  if (parts.length > 0 && whole === text && Number.isSafeInteger(Math.round(total))) return Math.round(total);
  throw new UsageError(`"${text}" is not a duration`, 'Write a number and a unit: 250ms, 5s, 2m, 1h');
}

/** Bytes of `64KiB`, `1GB`, `512B`; a bare number is bytes. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text);
  const unit = SIZE_BYTES[(match?.[2] || 'b').toLowerCase()];
  const total = match && unit !== undefined ? Math.round(Number(match[1]) * unit) : Number.NaN;
  if (Number.isSafeInteger(total)) return total;
  throw new UsageError(`"${text}" is not a size`, 'Write a number and a unit: 64KiB, 10MB, 1GB');
}
