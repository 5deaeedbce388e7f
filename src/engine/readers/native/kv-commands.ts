import { decodeConfiguration, learnersOf, votersOf } from '../../core/configuration.ts';
import type { DecodedEntry, EntryDecoder } from '../../model/reading.ts';
import { decodeKvCommand } from '../../native/kv-command.ts';
import type { KvCommand } from '../../native/kv-command.ts';
import { recoveryOf, type RecoveryMark } from '../../native/recovery-record.ts';

/** Entries of our own log with commands of the kv state machine: operation, key and sizes; values only in `value`. */
export const decodeNativeEntry: EntryDecoder = ({ kind, data }) => {
  try {
    if (kind === 'noop') return plain('noop');
    return kind === 'confChange' ? decodeMembers(data) : decodeCommand(decodeKvCommand(data));
  } catch (error) {
    // The decoders' own error; anything else is a bug of ours.
    if (!(error instanceof RangeError)) throw error;
    return { ...plain(kind === 'confChange' ? 'configuration' : 'undecodable', error.message), undecodable: true };
  }
};

/** For state machines that this tool does not know: our own entries, and sizes of the rest. */
export const decodeOtherEntry: EntryDecoder = (entry) => (entry.kind === 'command' ? { ...plain('command'), valueBytes: entry.bytes } : decodeNativeEntry(entry));

function plain(op: string, detail = ''): DecodedEntry {
  return { op, key: null, valueBytes: null, detail };
}

function decodeMembers(data: Uint8Array): DecodedEntry {
  const configuration = decodeConfiguration(data);
  const learners = learnersOf(configuration);
  const recovery = recoveryOf(data);
  if (recovery !== null) return plain('recovery', describeRecovery(recovery, votersOf(configuration)));
  return plain('configuration', `voters ${votersOf(configuration).join(' ')}${learners.length > 0 ? `, learners ${learners.join(' ')}` : ''}`);
}

function describeRecovery({ from, to, source, floor, last, kept, verdict, proof, planId }: RecoveryMark, voters: readonly string[]): string {
  const cluster = from.clusterId === to.clusterId ? '' : `cluster ${from.clusterId} -> ${to.clusterId}, `;
  const dropped = last.index > kept.index ? `, ${last.index - kept.index} dropped behind it` : '';
  return `${cluster}generation ${from.generation} -> ${to.generation}, of ${source} at ${kept.term}/${kept.index}${dropped}, floor ${floor}, loss ${verdict} (${proof}), voters ${voters.join(' ')}, plan ${planId.slice(0, 6)}`;
}

function decodeCommand(command: KvCommand): DecodedEntry {
  const key = Buffer.from(command.key).toString('utf8');
  if (command.op === 'delete') return { op: 'delete', key, valueBytes: null, detail: '' };
  return { op: command.op, key, valueBytes: command.value.length, detail: command.op === 'cas' ? `if ${expectation(command.expected)}` : '', value: command.value };
}

/** The value that is compared with is a value too: only its size is told. */
function expectation(expected: Extract<KvCommand, { op: 'cas' }>['expected']): string {
  if (expected.kind === 'absent') return 'absent';
  return expected.kind === 'revision' ? `at revision ${expected.revision}` : `equal to ${expected.value.length} bytes`;
}
