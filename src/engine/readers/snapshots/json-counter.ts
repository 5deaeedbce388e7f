import type { JsonTrial } from './trial-restore.ts';
import type { Part, PartCounter, StateContent } from './state-content.ts';

const MAX_DEPTH = 512;
const MAX_PARTS = 1000;
const MAX_KEPT_BYTES = 256;
const SCALAR = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;
const VERSION_KEYS = ['version', 'format_version', 'formatVersion', 'Version'];

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];

type Expect = 'value' | 'first-value' | 'first-key' | 'key' | 'colon' | 'separator' | 'end';

/**
 * Counts the top-level parts of a JSON state as it streams by: an object's members, an array's elements, 1 for the rest.
 * Holds one key and one scalar, however large the state; checks the grammar on the way (RFC 8259).
 */
export class JsonCounter implements PartCounter {
  private readonly parts = new Map<string, Part>();
  private readonly scalars = new Map<string, string>();
  private readonly closers: number[] = [];
  private expect: Expect = 'value';
  private token: 'none' | 'string' | 'scalar' = 'none';
  private escaped = false;
  private text: number[] = [];
  /** Only keys and values of the top level are wanted; deeper strings are stepped over. */
  private keepsText = false;
  private part: Part | null = null;
  private partStart = 0;
  private offset = 0;
  private problem: StateContent['problem'] = null;
  private manyDocuments = false;

  constructor(private readonly trial: JsonTrial | null = null) {}

  write(chunk: Uint8Array): void {
    this.trial?.write(chunk);
    for (let at = 0; at < chunk.length && this.problem === null && !this.manyDocuments; at++) {
      const byte = chunk[at] as number;
      if (this.token === 'string') at = this.inString(chunk, at);
      else if (this.token === 'scalar' && !endsScalar(byte)) this.keep(byte);
      else {
        if (this.token === 'scalar') this.finishScalar(this.offset + at);
        if (this.problem === null && !isSpace(byte)) this.structure(byte, this.offset + at);
      }
    }
    this.offset += chunk.length;
  }

  end(): StateContent {
    if (this.token === 'scalar') this.finishScalar(this.offset);
    if (this.manyDocuments) return { kind: 'opaque', parts: [], lastIndex: null, formatVersion: null, problem: null };
    if (this.problem === null && this.expect !== 'end') {
      const where = this.part === null ? '' : ` in part ${JSON.stringify(this.part.type)}`;
      this.problem = { byteOffset: this.offset, message: `ends inside its JSON${where}` };
    }
    const version = VERSION_KEYS.map((key) => this.scalars.get(key)).find((value) => value !== undefined && value !== 'null');
    const content: StateContent = {
      kind: 'json',
      parts: [...this.parts.values()],
      lastIndex: counter(this.scalars.get('index')),
      formatVersion: version === undefined ? null : (counter(version) ?? version.replaceAll('"', '')),
      problem: this.problem,
    };
    return this.trial === null ? content : { ...content, trial: this.trial.end(content) };
  }

  private structure(byte: number, at: number): void {
    switch (this.expect) {
      case 'end':
        this.manyDocuments = true;
        return;
      case 'colon':
        if (byte !== COLON) return this.refuse(at, 'a colon is missing');
        this.expect = 'value';
        return this.beginPart(at + 1);
      case 'separator':
        if (byte !== COMMA) return this.close(byte, at);
        if (this.closers.length === 1) this.endPart(at);
        this.expect = this.closers.at(-1) === CLOSE_OBJECT ? 'key' : 'value';
        return;
      case 'first-key':
      case 'key':
        if (byte === CLOSE_OBJECT && this.expect === 'first-key') return this.close(byte, at);
        if (byte !== QUOTE) return this.refuse(at, 'a key is missing');
        return this.beginText('string');
      case 'first-value':
        if (byte === CLOSE_ARRAY) return this.close(byte, at);
        return this.value(byte, at);
      default:
        return this.value(byte, at);
    }
  }

  private value(byte: number, at: number): void {
    // A member of an object or an element of an array that is itself a top-level part.
    if (this.closers.length === 2 && this.part !== null) this.part.count++;
    if (byte === QUOTE) return this.beginText('string');
    if (byte !== OPEN_OBJECT && byte !== OPEN_ARRAY) {
      this.beginText('scalar');
      return this.keep(byte);
    }
    if (this.closers.length >= MAX_DEPTH) return this.refuse(at, `is nested more than ${MAX_DEPTH} deep`);
    if (this.closers.length === 1 && this.part !== null) this.part.count = 0;
    this.closers.push(byte === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY);
    this.expect = byte === OPEN_OBJECT ? 'first-key' : 'first-value';
  }

  private close(byte: number, at: number): void {
    if (byte !== this.closers.at(-1)) return this.refuse(at, 'a comma or bracket is missing');
    if (this.closers.length === 1) this.endPart(at);
    this.closers.pop();
    this.expect = this.closers.length === 0 ? 'end' : 'separator';
  }

  /** Takes the string's bytes from `at` on; returns the place of the last one taken. */
  private inString(chunk: Uint8Array, at: number): number {
    for (; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (this.escaped) this.escaped = false;
      else if (byte === BACKSLASH) this.escaped = true;
      else if (byte === QUOTE) {
        this.finishString();
        return at;
      } else if (byte < 0x20) {
        this.refuse(this.offset + at, 'a string holds a control character');
        return at;
      }
      if (this.keepsText) this.keep(byte);
    }
    return at;
  }

  private finishString(): void {
    this.token = 'none';
    const isKey = this.expect === 'key' || this.expect === 'first-key';
    if (!isKey) return this.afterValue(this.keepsText ? `"${this.textSoFar()}"` : '');
    this.expect = 'colon';
    if (this.closers.length === 1) this.part = { type: unescaped(this.textSoFar()), count: 1, bytes: 0 };
  }

  private finishScalar(at: number): void {
    this.token = 'none';
    const text = this.textSoFar();
    if (!SCALAR.test(text)) return this.refuse(at - text.length, 'holds a word that is no JSON value');
    this.afterValue(text);
  }

  private afterValue(text: string): void {
    if (this.closers.length === 1 && this.part !== null && this.scalars.size < MAX_PARTS) this.scalars.set(this.part.type, text);
    this.expect = this.closers.length === 0 ? 'end' : 'separator';
  }

  private beginPart(at: number): void {
    if (this.closers.length === 1) this.partStart = at;
  }

  private endPart(at: number): void {
    if (this.part === null) return;
    this.part.bytes = at - this.partStart;
    if (this.parts.size < MAX_PARTS) this.parts.set(this.part.type, this.part);
    this.part = null;
  }

  private beginText(token: 'string' | 'scalar'): void {
    this.token = token;
    this.escaped = false;
    this.keepsText = token === 'scalar' || this.closers.length <= 1;
    if (this.text.length > 0) this.text = [];
  }

  private keep(byte: number): void {
    if (this.text.length < MAX_KEPT_BYTES) this.text.push(byte);
  }

  private textSoFar(): string {
    return Buffer.from(this.text).toString('utf8');
  }

  private refuse(at: number, message: string): void {
    this.problem = { byteOffset: at, message: `is not valid JSON: ${message}` };
  }
}

/** A key as it was meant; one that was too long to keep whole stays as written. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text;
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function endsScalar(byte: number): boolean {
  return isSpace(byte) || byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY;
}

function counter(text: string | undefined): number | null {
  const value = text === undefined || text === 'null' ? NaN : Number(text);
  return Number.isSafeInteger(value) && value >= 0 ? value : null;
}
