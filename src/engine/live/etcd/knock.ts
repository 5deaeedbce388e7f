import { toDecimalId } from './methods.ts';

/**
 * Asks the peer port of a member for the stream that a fellow member of this id would ask for. The server looks the id up before anything
 * else: a removed one is gone (410), an unknown one not found (404), one of another cluster fails the precondition (412).
 * @returns Whether it was turned away; null when nobody answered, or only TLS is spoken there.
 * @throws {RangeError} When an id is none.
 */
export async function isTurnedAway(peerUrl: string, from: string, to: string, clusterId: string, timeoutMs: number): Promise<boolean | null> {
  toDecimalId(from);
  if (!peerUrl.startsWith('http://')) return null;
  const stopped = new AbortController();
  const timer = setTimeout(() => stopped.abort(), timeoutMs);
  try {
    const response = await fetch(`${peerUrl}/raft/stream/msgapp/${from}`, { signal: stopped.signal, headers: { 'X-Server-From': from, 'X-Raft-To': to, 'X-Etcd-Cluster-Id': clusterId, 'X-Server-Version': '3.4.0', 'X-Min-Cluster-Version': '3.0.0' } });
    return [404, 410, 412].includes(response.status);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    stopped.abort(); // a stream that was granted has no end of its own
  }
}
