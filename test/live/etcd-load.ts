import { decodeEtcdEntry } from '../../src/engine/readers/etcd/requests.ts';
import { etcdReader } from '../../src/engine/readers/etcd/reader.ts';
import { base64, type LoneEtcd } from '../helpers/etcd-server.ts';
import { pause } from '../helpers/pause.ts';


/** Puts of unique keys, several in flight on every endpoint, each remembered when it was acknowledged. */
export class Load {
  readonly acknowledged: string[] = [];
  private isOver = false;
  private readonly lanes: Promise<void>[];

  constructor(
    private readonly endpoints: readonly string[],
    private readonly prefix: string,
    lanesEach = 4,
  ) {
    this.lanes = endpoints.flatMap((_, at) => Array.from({ length: lanesEach }, (__, lane) => this.write(at, lane)));
  }

  /** Until so many are acknowledged. @throws {Error} When they are not within 20 s. */
  async reaches(count: number): Promise<void> {
    for (const deadline = Date.now() + 20_000; this.acknowledged.length < count; ) {
      if (Date.now() > deadline) throw new Error(`only ${this.acknowledged.length} of ${count} writes were acknowledged`);
      await pause(1);
    }
  }

  async end(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.lanes);
  }

  private async write(at: number, lane: number): Promise<void> {
    for (let i = 0; !this.isOver; i++) {
      const key = `${this.prefix}/${at}-${lane}/${i}`;
      try {
        const body = JSON.stringify({ key: base64(key), value: base64(valueOf(key)) });
        const response = await fetch(`${this.endpoints[at]}/v3/kv/put`, { method: 'POST', body, signal: AbortSignal.timeout(3000) });
        if (!response.ok) throw new Error(await response.text());
        await response.text();
        this.acknowledged.push(key);
      } catch {
        await pause(20); // dead or without a leader: never acknowledged, tried under another key
      }
    }
  }
}

export function valueOf(key: string): string {
  return `value of ${key}`;
}

/** Keys of all puts in the log of a member that is down. */
export function keysInLog(directory: string): Set<string> {
  const keys = new Set<string>();
  for (const record of etcdReader.read(directory, { depth: 'log' }).records()) {
    if (record.type !== 'entry' || record.kind !== 'command') continue;
    const { op, key } = decodeEtcdEntry(record);
    if (op === 'put' && key !== null) keys.add(key);
  }
  return keys;
}

/** Which of these keys the server does not have, or has with another value. */
export async function missingFrom(server: LoneEtcd, keys: readonly string[], prefix: string): Promise<string[]> {
  const end = `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)}`;
  const { kvs = [] } = await server.call('kv/range', { key: base64(prefix), range_end: base64(end) });
  const found = new Map((kvs as { key: string; value?: string }[]).map(({ key, value }) => [text(key), text(value ?? '')]));
  return keys.filter((key) => found.get(key) !== valueOf(key));
}

function text(encoded: string): string {
  return Buffer.from(encoded, 'base64').toString();
}
