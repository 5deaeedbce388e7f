import crypto from 'node:crypto';
import { escapeBytes, escapeControl } from './escape.ts';

/** `values` hides values and shows keys, kinds and sizes; `all` hashes keys too; `none` shows everything. */
export type Redaction = 'none' | 'values' | 'all';

export const REDACTIONS: readonly Redaction[] = ['none', 'values', 'all'];

/** A key's stand-in: the same key gives the same hash, so logs stay comparable between members. */
export function hashKey(key: string): string {
  return `sha256:${crypto.createHash('sha256').update(key, 'utf8').digest('hex').slice(0, 16)}`;
}

/** A key for a screen: escaped, or hashed under `all`. */
export function showKey(key: string, redaction: Redaction): string {
  return redaction === 'all' ? hashKey(key) : escapeControl(key);
}

/** A key for JSON, where the encoder escapes: as it is, or hashed under `all`. */
export function jsonKey(key: string | null, redaction: Redaction): string | null {
  return key === null || redaction !== 'all' ? key : hashKey(key);
}

/** A value for a screen; undefined where it must stay hidden. */
export function showValue(value: Uint8Array | undefined, redaction: Redaction): string | undefined {
  return value === undefined || redaction !== 'none' ? undefined : escapeBytes(value);
}
