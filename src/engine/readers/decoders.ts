import { spawnSync } from 'node:child_process';
import { UsageError } from '../errors.ts';
import type { MemberReport } from '../model/member-report.ts';
import type { DecodedEntry, EntryDecoder, LogEntry } from '../model/reading.ts';

const COMMAND_MS = 5000;
const MAX_ANSWER_BYTES = 64 * 1024;
const FIELD_CHARS = 4096;

/**
 * A decoder that is a program: one process an entry, started without a shell. It gets the entry's bytes on stdin and its
 * index, term and kind in RAFT_INDEX, RAFT_TERM and RAFT_KIND, and prints one line of JSON: `{op, key?, valueBytes?, detail?}`.
 * It has five seconds and 64 KB; what goes wrong makes the entry undecodable, with the reason.
 * @throws {UsageError} When the command is empty.
 */
export function commandDecoder(command: string): EntryDecoder {
  const [program, ...args] = command.trim().split(/\s+/);
  if (program === undefined || program === '') throw new UsageError('--decode needs a name or a command', 'Built in: etcd, consul, sider, kv');
  return (entry) => {
    const env = { ...process.env, RAFT_INDEX: String(entry.index), RAFT_TERM: String(entry.term), RAFT_KIND: entry.kind };
    const done = spawnSync(program, args, { input: entry.data, env, timeout: COMMAND_MS, maxBuffer: MAX_ANSWER_BYTES, stdio: ['pipe', 'pipe', 'ignore'], killSignal: 'SIGKILL' });
    if ((done.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') throw new UsageError(`--decode: there is no program ${program}`, 'Built in: etcd, consul, sider, kv');
    if (done.status !== 0) return undecoded(entry, done.error ? 'the decoder was stopped' : `the decoder ended with ${done.status}`);
    return answered(entry, done.stdout.toString('utf8'));
  };
}

function answered(entry: LogEntry, text: string): DecodedEntry {
  let raw: unknown;
  try {
    raw = JSON.parse(text.split('\n')[0] ?? '');
  } catch {
    return undecoded(entry, 'the decoder printed no JSON');
  }
  const { op, key, valueBytes, detail } = (raw ?? {}) as Record<string, unknown>;
  if (typeof op !== 'string') return undecoded(entry, 'the decoder named no op');
  return {
    op: op.slice(0, FIELD_CHARS),
    key: typeof key === 'string' ? key.slice(0, FIELD_CHARS) : null,
    valueBytes: typeof valueBytes === 'number' && Number.isSafeInteger(valueBytes) ? valueBytes : null,
    detail: typeof detail === 'string' ? detail.slice(0, FIELD_CHARS) : '',
  };
}

function undecoded(entry: LogEntry, detail: string): DecodedEntry {
  return { op: entry.kind, key: null, valueBytes: null, detail, undecodable: true };
}

/**
 * The decoder asked for by name or command, else the one that fits the member's store and software.
 * @throws {UsageError} When the name is neither built in nor a program.
 */
export async function decoderFor(report: Pick<MemberReport, 'store' | 'software' | 'machine'>, asked?: string): Promise<EntryDecoder> {
  const name = asked ?? (report.store === 'etcd' ? 'etcd' : report.store === 'native' ? (report.machine ?? 'kv') : (report.software?.name.toLowerCase() ?? ''));
  if (name === 'etcd') return (await import('./etcd/requests.ts')).decodeEtcdEntry;
  if (name === 'kv' || (report.store === 'native' && asked === undefined)) {
    const native = await import('./native/kv-commands.ts');
    return name === 'kv' ? native.decodeNativeEntry : native.decodeOtherEntry;
  }
  const commands = await import('./hashicorp/commands.ts');
  const known: Record<string, EntryDecoder> = {
    consul: commands.decodeConsulEntry,
    nomad: commands.decodeNomadEntry,
    sider: commands.decodeSiderEntry,
    vault: commands.decodeVaultEntry,
  };
  const builtIn = Object.hasOwn(known, name) ? known[name] : undefined;
  if (builtIn !== undefined) return builtIn;
  return asked === undefined ? commands.decodeRaftEntry : commandDecoder(asked);
}
