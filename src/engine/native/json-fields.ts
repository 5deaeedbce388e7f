/** What is wrong with a JSON text of the native format. Caught at the decoder's edge and given on as a problem. */
export class FieldError extends Error {}

/** Strict reading of a JSON object: every field is asked for by name and kind, and nothing may be left over. */
export class Fields {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #what: string;
  readonly #left: Set<string>;

  constructor(value: unknown, what: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new FieldError(`${what} is no object`);
    this.#object = value as Record<string, unknown>;
    this.#what = what;
    this.#left = new Set(Object.keys(value));
  }

  text(name: string, limits: { maxBytes: number; pattern?: RegExp; mayBeEmpty?: boolean }): string {
    const value = this.#take(name);
    if (typeof value !== 'string' || (value === '' && limits.mayBeEmpty !== true)) throw new FieldError(`${this.#what}: ${name} is no text`);
    if (Buffer.byteLength(value) > limits.maxBytes) throw new FieldError(`${this.#what}: ${name} is longer than ${limits.maxBytes} bytes`);
    if (limits.pattern !== undefined && !limits.pattern.test(value)) throw new FieldError(`${this.#what}: ${name} has an impossible form`);
    return value;
  }

  counter(name: string): number {
    const value = this.#take(name);
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new FieldError(`${this.#what}: ${name} is no whole number from 0 to 2^53-1`);
    return value;
  }

  list(name: string, maxLength: number): readonly unknown[] {
    const value = this.#take(name);
    if (!Array.isArray(value)) throw new FieldError(`${this.#what}: ${name} is no list`);
    if (value.length > maxLength) throw new FieldError(`${this.#what}: ${name} has ${value.length} items, limit ${maxLength}`);
    return value as readonly unknown[];
  }

  fields(name: string): Fields {
    return new Fields(this.#take(name), `${this.#what}: ${name}`);
  }

  /** Whether the field is there, whatever it holds. */
  has(name: string): boolean {
    return Object.hasOwn(this.#object, name);
  }

  /** Whatever is there: its own decoder looks at it. */
  value(name: string): unknown {
    return this.#take(name);
  }

  constant<T extends string | number | null>(name: string, wanted: T): T {
    const value = this.#take(name);
    if (value !== wanted) throw new FieldError(`${this.#what}: ${name} is not ${String(wanted)}`);
    return wanted;
  }

  /** Call last: an unknown field means a newer writer, and what it says must not be dropped in silence. */
  end(): void {
    if (this.#left.size > 0) throw new FieldError(`${this.#what} has unknown fields: ${[...this.#left].slice(0, 5).join(', ')}`);
  }

  #take(name: string): unknown {
    if (!Object.hasOwn(this.#object, name)) throw new FieldError(`${this.#what} lacks ${name}`);
    this.#left.delete(name);
    return this.#object[name];
  }
}

/** @throws {FieldError} When the bytes are no UTF-8 JSON object. */
export function parseFields(bytes: Uint8Array, what: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new FieldError(`${what} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return new Fields(value, what);
}
