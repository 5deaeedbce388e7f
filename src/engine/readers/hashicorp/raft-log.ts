import type { LogEntry } from '../../model/reading.ts';
import { goTimeToRfc3339 } from './go-time.ts';

/** One `raft.Log` as decoded from either store. Byte fields point into the buffer that was decoded. */
export interface RaftLog {
  index: number;
  term: number;
  /** `raft.LogType`, see `LOG_TYPE`. */
  type: number;
  data: Uint8Array;
  extensions: Uint8Array | null;
  /** The leader's clock as stored (go-time.ts), null where absent. */
  appendedAt: Uint8Array | null;
}

/** hashicorp/raft log.go, v1.7.3. Types 2 and 3 are those of raft protocol 1 and carry the complete new peer set. */
export const LOG_TYPE = { command: 0, noop: 1, addPeer: 2, removePeer: 3, barrier: 4, configuration: 5 } as const;

const KINDS = ['command', 'noop', 'confChange', 'confChange', 'barrier', 'confChange'] as const;

/** Entry kind of a log type; raft itself panics on a type above 5. */
export function kindOfType(type: number): string {
  return KINDS[type] ?? `unknown(${type})`;
}

/** What a reading hands out for a decoded log. `times` adds the leader's clock, which a counting pass has no use for. */
export function toLogEntry(log: RaftLog, file: string, byteOffset: number, times: boolean): LogEntry {
  const entry: LogEntry = {
    type: 'entry',
    index: log.index,
    term: log.term,
    kind: kindOfType(log.type),
    file,
    byteOffset,
    bytes: log.data.length,
    data: log.data,
  };
  if (log.extensions !== null && log.extensions.length > 0) entry.extensions = log.extensions;
  if (times && log.appendedAt !== null) {
    const at = goTimeToRfc3339(log.appendedAt);
    if (at !== null) entry.appendedAt = at;
  }
  return entry;
}
