import fs from 'node:fs';
import { UnreadableError, UsageError } from '../engine/errors.ts';
import { isTerminal } from './output.ts';
import { escapeBytes } from './escape.ts';

/** Longest value a command line hands over, in bytes: the limit of the kv service. */
export const MAX_VALUE_BYTES = 1024 * 1024;

/**
 * A value as the command line gives it: as it stands, `-` for stdin, `@file` for a file's bytes.
 * @throws {UsageError} When it is too long, or stdin is a terminal. @throws {UnreadableError} When the file cannot be read.
 */
export function valueFrom(word: string, mode: 'styled' | 'literal'): Uint8Array {
  if (mode === 'styled' && word === '-') return readStdin();
  if (mode === 'styled' && word.startsWith('@')) return readValueFile(word.slice(1));
  return bounded(Buffer.from(word, 'utf8'), 'the value');
}

/** A value as JSON tells it: text where the bytes are UTF-8, else base64. */
export interface ShownValue {
  value: string | null;
  /** How `value` has to be read; null where there is none. */
  encoding: 'utf8' | 'base64' | null;
}

export function jsonValue(bytes: Uint8Array | null): ShownValue {
  if (bytes === null) return { value: null, encoding: null };
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  return Buffer.from(text, 'utf8').equals(buffer) ? { value: text, encoding: 'utf8' } : { value: buffer.toString('base64'), encoding: 'base64' };
}

/** A value on a screen: control characters spelled out. */
export function showValueBytes(bytes: Uint8Array): string {
  return escapeBytes(bytes);
}

function readStdin(): Uint8Array {
  if (isTerminal(0)) throw new UsageError('the value is to come from stdin, and stdin is a terminal', "Pipe it in: printf %s value | raft-inspector kv put key -");
  const held: Buffer[] = [];
  let bytes = 0;
  const chunk = Buffer.alloc(64 * 1024);
  for (;;) {
    const read = readSome(chunk);
    if (read === 0) return Buffer.concat(held);
    bytes += read;
    if (bytes > MAX_VALUE_BYTES) throw tooLong('stdin');
    held.push(Buffer.from(chunk.subarray(0, read)));
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));

function readSome(chunk: Buffer): number {
  for (;;) {
    try {
      return fs.readSync(0, chunk);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw new UsageError(`stdin cannot be read: ${code ?? String(error)}`, 'Pipe the value in, or name a file: @file', { cause: error });
      Atomics.wait(pause, 0, 0, 5);
    }
  }
}

function readValueFile(file: string): Uint8Array {
  let fd: number | undefined;
  try {
    fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    const stat = fs.fstatSync(fd);
    if (!stat.isFile()) throw new UnreadableError(file, 'is not a regular file', 'Name a file, or pipe the value in with -');
    if (stat.size > MAX_VALUE_BYTES) throw tooLong(file);
    return bounded(fs.readFileSync(fd), file);
  } catch (cause) {
    if (cause instanceof UsageError || cause instanceof UnreadableError) throw cause;
    throw new UnreadableError(file, `cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'})`, 'Check the path and its permissions', { cause });
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

function bounded(bytes: Uint8Array, what: string): Uint8Array {
  if (bytes.length > MAX_VALUE_BYTES) throw tooLong(what);
  return bytes;
}

function tooLong(what: string): UsageError {
  return new UsageError(`${what} is longer than ${MAX_VALUE_BYTES} bytes`, 'Values have at most 1 MiB: store it elsewhere, and its name here');
}
