import { RECORD } from '../../../readers/etcd/wal-frame.ts';
import { encodeConfChangeEntry, encodeHardState } from '../../../writers/etcd/raft-messages.ts';
import type { AppendParameters } from './parameters.ts';

/** The records that an append plan puts behind the log, in order. */
export function appendRecords({ term, vote, commit, changes }: Pick<AppendParameters, 'term' | 'vote' | 'commit' | 'changes'>): { type: number; data: Buffer }[] {
  const entries = changes.map(({ index, ...change }) => ({ type: RECORD.entry as number, data: encodeConfChangeEntry({ term, index }, change) }));
  return [...entries, { type: RECORD.state, data: encodeHardState({ term, vote, commit }) }];
}
