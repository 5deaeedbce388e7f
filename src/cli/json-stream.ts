import { escapeJson } from './escape.ts';

/** JSON has no 64-bit integers: a safe one prints as a number, a larger one as a string, never rounded. */
function replacer(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set || isLazy(value)) return [...(value as Iterable<unknown>)];
  return value;
}

export function toJson(value: unknown, indent?: number): string {
  return escapeJson(JSON.stringify(value, replacer, indent) ?? 'null');
}

/** A list that is made while it is read: an iterable that is no array, map, set, text or bytes. */
export function isLazy(value: unknown): value is Iterable<unknown> {
  if (typeof value !== 'object' || value === null || !(Symbol.iterator in value)) return false;
  return !Array.isArray(value) && !(value instanceof Map) && !(value instanceof Set) && !ArrayBuffer.isView(value);
}

/** Whether an answer's data is, or directly holds, such a list; it then has to be written before its end is known. */
export function holdsLazy(data: unknown): boolean {
  if (isLazy(data)) return true;
  return typeof data === 'object' && data !== null && !Array.isArray(data) && Object.values(data).some(isLazy);
}

/**
 * The pieces of one indented JSON document, with lists up to the second level written element by element: memory stays flat
 * however long a log is. An error inside a list closes it and goes to `onError`, so that the document stays one.
 */
export function* jsonPieces(value: unknown, onError: (error: unknown) => void, depth = 0): Generator<string> {
  const inner = '  '.repeat(depth + 1);
  const outer = '  '.repeat(depth);
  if (isLazy(value)) {
    yield '[';
    let separator = '\n';
    try {
      for (const element of value) {
        yield `${separator}${inner}${nested(element, depth + 1)}`;
        separator = ',\n';
      }
    } catch (error) {
      onError(error);
    }
    yield separator === '\n' ? ']' : `\n${outer}]`;
  } else if (depth < 3 && typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).some((one) => isLazy(one) || holdsLazy(one))) {
    yield '{';
    let separator = '\n';
    for (const [key, field] of Object.entries(value)) {
      if (field === undefined) continue;
      yield `${separator}${inner}${JSON.stringify(key)}: `;
      yield* jsonPieces(field, onError, depth + 1);
      separator = ',\n';
    }
    yield `\n${outer}}`;
  } else {
    yield nested(value, depth);
  }
}

function nested(value: unknown, depth: number): string {
  return toJson(value, 2).replaceAll('\n', `\n${'  '.repeat(depth)}`);
}
