import { InspectorError, UnreadableError } from '../../errors.ts';
import { finding } from '../../model/finding.ts';
import type { Finding } from '../../model/finding.ts';
import type { StateReport } from '../../model/member-report.ts';
import { decodeRecord } from '../../native/kv-record.ts';
import { KvStateHash } from '../../native/kv-state-hash.ts';
import { decodeStateRecord, STATE_DATABASE, STATE_KEY } from '../../native/kv-state-record.ts';
import type { StateRecord } from '../../native/kv-state-record.ts';
import type { LmdbView } from '../../native/pages/lmdb-file.ts';
import { StorageDamagedError } from '../../ports/damage.ts';
import type { NativeDir } from './data-dir.ts';
import { readEnvironment } from './environment.ts';
import type { Environment } from './environment.ts';

/** What the state machine's environment holds. */
export interface MemberState {
  readonly appliedIndex: number | null;
  readonly state: StateReport | null;
  readonly mtimeMs: number;
  readonly findings: readonly Finding[];
  readonly isDamaged: boolean;
}

const NO_STATE: MemberState = { appliedIndex: null, state: null, mtimeMs: 0, findings: [], isDamaged: false };
const FIX = 'The log and the snapshots are not touched by it: with them whole, move state/ away and the next start builds it anew';

/**
 * The kv state: counted and hashed in `full` depth, else only how far it is. It is no source of anything: what is wrong here is a
 * warning, since snapshot and log build it anew.
 */
export function readState(directory: NativeDir, machine: string | null, depth: 'log' | 'full'): MemberState {
  if (directory.state === null || (machine !== null && machine !== 'kv')) return NO_STATE;
  try {
    return readEnvironment(directory.root, directory.state, (environment) => stateOf(environment, depth));
  } catch (error) {
    if (!(error instanceof InspectorError)) throw error;
    const problem = error instanceof UnreadableError ? error.problem : error.message;
    return problem === 'no such file' ? NO_STATE : { ...NO_STATE, ...damagedState([{ file: directory.state, byteOffset: null, problem }]) };
  }
}

interface Problem {
  readonly file: string;
  readonly byteOffset: number | null;
  readonly problem: string;
}

function damagedState(problems: readonly Problem[]): Pick<MemberState, 'findings' | 'isDamaged'> {
  const findings = problems.slice(0, 20).map(({ file, byteOffset, problem }) => finding('state-damaged', 'warn', `the state machine's store: ${problem}`, { file, byteOffset, fix: FIX }));
  return { findings, isDamaged: problems.length > 0 };
}

function stateOf(environment: Environment, depth: 'log' | 'full'): MemberState {
  const { source, name: file, view, forsaken, damage, badMetas } = environment;
  const problems: Problem[] = [...badMetas, ...[damage, environment.freeDamage, forsaken?.damage ?? null].filter((one) => one !== null)].map(({ byteOffset, problem }) => ({ file, byteOffset, problem }));
  const record = view === null ? null : stateRecord(view, file, problems);
  const content = view === null || record === null || depth === 'log' ? { keys: null, revision: null } : contentOf(view, record, file, problems);
  const state = record && { revision: content.revision, keys: content.keys, hash: record.stateHash, bytes: source.size };
  return { appliedIndex: record?.appliedIndex ?? null, state, mtimeMs: source.mtimeMs, ...damagedState(problems) };
}

function stateRecord(view: LmdbView, file: string, problems: Problem[]): StateRecord | null {
  const found = view.get(STATE_DATABASE, Buffer.from(STATE_KEY));
  // Nothing was ever applied here, or a restore has not ended.
  if (found === undefined) return null;
  try {
    if ('value' in found) return decodeStateRecord(found.value);
    problems.push({ file, byteOffset: found.byteOffset, problem: found.problem });
  } catch (error) {
    if (!(error instanceof StorageDamagedError || error instanceof RangeError)) throw error;
    problems.push({ file, byteOffset: 'value' in found ? found.byteOffset : null, problem: error.message });
  }
  return null;
}

function contentOf(view: LmdbView, record: StateRecord, file: string, problems: Problem[]): { keys: number | null; revision: number | null } {
  const hash = KvStateHash.empty();
  let [keys, revision, bad] = [0, 0, 0];
  for (const item of view.items(record.database)) {
    if (item.kind === 'lost') {
      bad++;
      continue; // told by the check of the pages
    }
    try {
      const pair = decodeRecord(record.database, item.key, item.value);
      hash.add(pair.key, pair.value, pair.revision);
      keys++;
      revision = Math.max(revision, pair.revision);
    } catch (error) {
      if (!(error instanceof StorageDamagedError)) throw error;
      bad++;
      problems.push({ file, byteOffset: item.byteOffset, problem: error.message });
    }
  }
  if (bad === 0 && hash.toString() !== record.stateHash) {
    problems.push({ file, byteOffset: null, problem: `its ${keys} keys have the digest ${hash.toString().slice(0, 16)}…, the record of what was applied says ${record.stateHash.slice(0, 16)}…` });
  }
  return bad === 0 ? { keys, revision } : { keys: null, revision: null };
}
