export { decodeStateRecord, encodeStateRecord, STATE_DATABASE, STATE_KEY } from '../../native/kv-state-record.ts';
export type { StateRecord } from '../../native/kv-state-record.ts';
