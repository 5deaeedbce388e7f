/** JSON with exact integers: a number above 2^53 - 1 in size comes as a bigint. */
export type ExactJson = null | boolean | number | bigint | string | ExactJson[] | ExactJsonObject;
export interface ExactJsonObject {
  [key: string]: ExactJson;
}

const DEFAULT_MAX_DEPTH = 64;
const NUMBER = /^-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
/** No number of a sane writer is longer; a bound keeps BigInt from chewing on megabytes of digits. */
const MAX_NUMBER_CHARS = 400;
// eslint-disable-next-line no-control-regex
const NEEDS_UNESCAPING = /[\\\u0000-\u001f]/;

/** Thrown and caught in this file only. */
class Malformed extends Error {}

/**
 * Parses JSON without sending 64-bit ids through a double: etcd stores member ids as plain JSON numbers (`{"id":
 * 14499746355421339667}`), which `JSON.parse` would round. Objects have no prototype, so a key `__proto__` is only a key.
 * @returns Undefined when the text is not JSON, or nested deeper than `maxDepth`.
 */
export function parseExactJson(text: string, maxDepth = DEFAULT_MAX_DEPTH): ExactJson | undefined {
  const parser = new Parser(text);
  try {
    const value = parser.value(maxDepth);
    parser.end();
    return value;
  } catch (error) {
    if (error instanceof Malformed || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  value(depth: number): ExactJson {
    if (depth < 0) throw new Malformed('nested too deep');
    this.skipSpace();
    switch (this.text[this.at]) {
      case '{':
        return this.object(depth);
      case '[':
        return this.array(depth);
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      default:
        return this.number();
    }
  }

  end(): void {
    this.skipSpace();
    if (this.at !== this.text.length) throw new Malformed('text behind the value');
  }

  private object(depth: number): ExactJsonObject {
    const object = Object.create(null) as ExactJsonObject;
    this.at += 1;
    if (this.take('}')) return object;
    do {
      this.skipSpace();
      const key = this.string();
      if (!this.take(':')) throw new Malformed('no colon');
      object[key] = this.value(depth - 1);
    } while (this.take(','));
    if (!this.take('}')) throw new Malformed('object not closed');
    return object;
  }

  private array(depth: number): ExactJson[] {
    const array: ExactJson[] = [];
    this.at += 1;
    if (this.take(']')) return array;
    do array.push(this.value(depth - 1));
    while (this.take(','));
    if (!this.take(']')) throw new Malformed('array not closed');
    return array;
  }

  private string(): string {
    const { at, text } = this;
    if (text[at] !== '"') throw new Malformed('no string');
    let end = text.indexOf('"', at + 1);
    while (end > 0 && this.isEscaped(end)) end = text.indexOf('"', end + 1);
    if (end < 0) throw new Malformed('string not closed');
    this.at = end + 1;
    const raw = text.slice(at + 1, end);
    return NEEDS_UNESCAPING.test(raw) ? (JSON.parse(`"${raw}"`) as string) : raw;
  }

  /** Whether an odd number of backslashes stands before `at`. */
  private isEscaped(at: number): boolean {
    let first = at;
    while (this.text[first - 1] === '\\') first -= 1;
    return (at - first) % 2 === 1;
  }

  private number(): number | bigint {
    const from = this.at;
    while (isNumberChar(this.text.charCodeAt(this.at)) && this.at - from <= MAX_NUMBER_CHARS) this.at += 1;
    const found = NUMBER.exec(this.text.slice(from, this.at));
    if (!found || this.at - from > MAX_NUMBER_CHARS) throw new Malformed('no value');
    const value = Number(found[0]);
    const isWhole = found[1] === undefined && found[2] === undefined;
    return isWhole && !Number.isSafeInteger(value) ? BigInt(found[0]) : value;
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) throw new Malformed('no value');
    this.at += word.length;
    return value;
  }

  private take(mark: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== mark) return false;
    this.at += 1;
    return true;
  }

  private skipSpace(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.at += 1;
    }
  }
}

function isNumberChar(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x2b || code === 0x2e || code === 0x65 || code === 0x45;
}

const MAX_ID = 2n ** 64n - 1n;

/** A 64-bit id spelled as etcd's tools print it (lower-case hexadecimal, no padding); null when the value is none. */
export function hexId(value: ExactJson | undefined): string | null {
  if (typeof value !== 'number' && typeof value !== 'bigint') return null;
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return null;
  const id = BigInt(value);
  return id < 0n || id > MAX_ID ? null : id.toString(16);
}

/** The ids of an array (`voters`), null when it is no array of ids. A missing or null array is an empty one. */
export function hexIds(value: ExactJson | undefined): string[] | null {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return null;
  const ids = value.map(hexId);
  return ids.every((id) => id !== null) ? ids : null;
}

export function isJsonObject(value: ExactJson | undefined): value is ExactJsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The strings of an array, anything else left out. */
export function stringsOf(value: ExactJson | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
