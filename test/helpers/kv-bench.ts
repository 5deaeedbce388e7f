import assert from 'node:assert/strict';
import { KvMachine } from '../../src/engine/machines/kv/kv-machine.ts';
import { decodeKvResult, encodeKvCommand, type KvCommand, type KvResult } from '../../src/engine/native/kv-command.ts';
import { decodeKvAnswer, encodeKvQuery, type KvPair } from '../../src/engine/native/kv-query.ts';
import { MemoryKvStore } from './memory-kv-store.ts';

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Uint8Array): string => new TextDecoder().decode(value);
export const put = (key: string, value: string): KvCommand => ({ op: 'put', key: bytes(key), value: bytes(value) });

/** A machine with its store and the next index. */
export class Bench {
  machine: KvMachine;
  index = 0;

  constructor(
    public store = new MemoryKvStore(),
    private readonly options: ConstructorParameters<typeof KvMachine>[1] = {},
  ) {
    this.machine = new KvMachine(store, options);
  }

  async run(...commands: KvCommand[]): Promise<KvResult[]> {
    const list = commands.map((command) => ({ index: ++this.index, term: 1, wallClockMs: 0, payload: encodeKvCommand(command) }));
    return (await this.machine.apply(list, this.index)).map(decodeKvResult);
  }

  get(key: string): string | null {
    const answer = decodeKvAnswer(this.machine.query(encodeKvQuery({ kind: 'get', key: bytes(key) })));
    assert.equal(answer.kind, 'value');
    return answer.kind === 'value' && answer.found !== null ? `${text(answer.found.value)}@${answer.found.revision}` : null;
  }

  range(prefix: string, limit = 1000, continuation: Uint8Array | null = null): { pairs: readonly KvPair[]; continuation: Uint8Array | null } {
    const answer = decodeKvAnswer(this.machine.query(encodeKvQuery({ kind: 'range', prefix: bytes(prefix), limit, continuation })));
    assert.equal(answer.kind, 'range');
    return answer.kind === 'range' ? answer : { pairs: [], continuation: null };
  }

  /** A new process over what is stored. */
  async restart(): Promise<number> {
    this.store = this.store.reopen();
    this.machine = new KvMachine(this.store, this.options);
    const { appliedIndex } = await this.machine.open();
    return appliedIndex;
  }
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of chunks) parts.push(part);
  return Buffer.concat(parts);
}

export async function* pieces(content: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}
