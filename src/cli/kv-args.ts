import { Args, Flags } from '@oclif/core';
import { UsageError } from '../engine/errors.ts';

const MAX_KEY_BYTES = 4096;

/** A key, as text. */
export const keyArg = Args.string({ required: true, description: 'The key' });

/** A value, or where it comes from. */
export const valueArg = Args.string({ required: true, description: 'The value; - takes it from stdin, @file from a file (--literal takes it as it stands)' });

export const literalFlag = Flags.boolean({ summary: 'Take values as they stand: - and @ mean nothing special' });

/** How long a call may take without `--timeout`, in milliseconds. */
export const KV_TIMEOUT_MS = 5000;

/** A key as bytes. @throws {UsageError} When it is empty or too long. */
export function keyBytes(key: string): Uint8Array {
  const bytes = Buffer.from(key, 'utf8');
  if (bytes.length >= 1 && bytes.length <= MAX_KEY_BYTES) return bytes;
  throw new UsageError(`a key has 1 to ${MAX_KEY_BYTES} bytes, this one has ${bytes.length}`, 'Choose another key');
}
