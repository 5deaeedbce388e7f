import { CorruptDataError } from '../../errors.ts';

const BLOCK_BYTES = 512;
const MAX_EXTENSION_BYTES = 64 * 1024;

export interface TarEntry {
  name: string;
  size: number;
}

/** Takes the bytes of one entry as they come. */
export interface EntrySink {
  write(chunk: Buffer): void;
  end(): void;
}

/** What the walk tells of the archive as a whole. */
export interface TarEnd {
  /** Plain bytes behind the two zero blocks that end a tar. */
  trailingBytes: number;
}

/**
 * Walks a tar stream: POSIX ustar with the pax `size` and `path` records and base-256 sizes that Go's archive/tar writes for
 * files over 8 GiB (POSIX.1-2017 pax, "ustar Interchange Format"). Holds one header block and one chunk.
 *
 *     name 0..100 | size 124..136 octal | checksum 148..156 octal | type 156 | magic 257..263 | prefix 345..500
 *
 * @param open Says where an entry's bytes go; may refuse an entry by throwing.
 * @param position Bytes of the file used so far, to say where something is wrong.
 * @throws {CorruptDataError} On a broken header, a size that cannot be, or an early end.
 */
export async function readTar(
  chunks: AsyncIterable<Buffer>,
  file: string,
  position: () => number,
  open: (entry: TarEntry) => EntrySink,
): Promise<TarEnd> {
  const walk = new TarWalk(file, position, open);
  for await (const chunk of chunks) walk.write(chunk);
  return walk.end();
}

class TarWalk {
  private readonly header = Buffer.alloc(BLOCK_BYTES);
  private held = 0;
  private sink: EntrySink | null = null;
  private remaining = 0;
  private padding = 0;
  private zeroBlocks = 0;
  private trailingBytes = 0;
  private pax: { size?: number; path?: string } = {};

  constructor(
    private readonly file: string,
    private readonly position: () => number,
    private readonly open: (entry: TarEntry) => EntrySink,
  ) {}

  write(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.zeroBlocks === 2) {
        this.trailingBytes += chunk.length - at;
        return;
      }
      if (this.remaining > 0) at += this.body(chunk.subarray(at, at + this.remaining));
      else if (this.padding > 0) {
        const skipped = Math.min(this.padding, chunk.length - at);
        this.padding -= skipped;
        at += skipped;
      } else at += this.gather(chunk.subarray(at, at + BLOCK_BYTES - this.held));
    }
  }

  end(): TarEnd {
    if (this.remaining > 0) this.refuse(`the archive ends ${this.remaining} bytes before its present file does`);
    if (this.held > 0) this.refuse('the archive ends inside a header');
    return { trailingBytes: this.trailingBytes };
  }

  private body(bytes: Buffer): number {
    this.sink?.write(bytes);
    this.remaining -= bytes.length;
    if (this.remaining === 0) this.closeEntry();
    return bytes.length;
  }

  private gather(bytes: Buffer): number {
    bytes.copy(this.header, this.held);
    this.held += bytes.length;
    if (this.held === BLOCK_BYTES) {
      this.held = 0;
      this.block();
    }
    return bytes.length;
  }

  private block(): void {
    if (this.header.every((byte) => byte === 0)) {
      this.zeroBlocks++;
      return;
    }
    if (this.zeroBlocks > 0) this.refuse('a single zero block stands between files');
    if (!hasChecksum(this.header)) this.refuse('a tar header has a wrong checksum');
    const size = this.pax.size ?? this.number(124, 12);
    this.sink = this.sinkFor(String.fromCharCode(this.header[156] as number), size);
    this.remaining = size;
    this.padding = (BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES;
    if (size === 0) this.closeEntry();
  }

  private sinkFor(type: string, size: number): EntrySink {
    if (type === 'x' || type === 'g') return this.extension(type, size);
    const name = this.pax.path ?? this.name();
    this.pax = {};
    if (type !== '0' && type !== '\0') this.refuse(`holds ${JSON.stringify(name)}, which is not a plain file (type ${JSON.stringify(type)})`);
    return this.open({ name, size });
  }

  private extension(type: 'x' | 'g', size: number): EntrySink {
    if (size > MAX_EXTENSION_BYTES) this.refuse(`a pax header of ${size} bytes, limit ${MAX_EXTENSION_BYTES}`);
    const held: Buffer[] = [];
    return {
      write: (chunk) => void held.push(Buffer.from(chunk)),
      end: () => {
        if (type === 'x') this.pax = this.paxRecords(Buffer.concat(held).toString('utf8'));
      },
    };
  }

  /** Records are `<length> <key>=<value>\n`; only those that change what is read matter here. */
  private paxRecords(text: string): { size?: number; path?: string } {
    const size = /(?:^|\n)\d+ size=(\d{1,16})\n/.exec(text)?.[1];
    const path = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(text)?.[1];
    return { ...(size === undefined ? {} : { size: this.believable(Number(size)) }), ...(path === undefined ? {} : { path }) };
  }

  private closeEntry(): void {
    const sink = this.sink;
    this.sink = null;
    sink?.end();
  }

  private name(): string {
    const prefix = this.header.toString('latin1', 257, 262) === 'ustar' ? text(this.header.subarray(345, 500)) : '';
    const name = text(this.header.subarray(0, 100));
    return prefix === '' ? name : `${prefix}/${name}`;
  }

  private number(at: number, length: number): number {
    const field = this.header.subarray(at, at + length);
    if (((field[0] as number) & 0x80) !== 0) {
      let value = BigInt((field[0] as number) & 0x7f);
      for (const byte of field.subarray(1)) value = value * 256n + BigInt(byte);
      return this.believable(Number(value));
    }
    const octal = text(field).trim();
    if (!/^[0-7]*$/.test(octal)) this.refuse('a tar header has a broken size');
    return octal === '' ? 0 : this.believable(Number.parseInt(octal, 8));
  }

  private believable(size: number): number {
    if (!Number.isSafeInteger(size)) this.refuse('a tar header names an impossible size');
    return size;
  }

  private refuse(problem: string): never {
    throw new CorruptDataError(this.file, this.position(), problem);
  }
}

function hasChecksum(header: Buffer): boolean {
  const stored = Number.parseInt(text(header.subarray(148, 156)).trim(), 8);
  let sum = 0;
  for (let at = 0; at < BLOCK_BYTES; at++) sum += at >= 148 && at < 156 ? 0x20 : (header[at] as number);
  return sum === stored;
}

function text(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? field.length : end);
}
