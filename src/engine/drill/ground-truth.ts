import { decodeKvCommand } from '../native/kv-command.ts';
import type { MemberReading } from '../model/reading.ts';
import type { PickReport } from '../model/pick-report.ts';
import { DRILL_PREFIX, marksOf, type Write } from './traffic.ts';

/** Which of the acknowledged writes a disk holds, by its log; what was trimmed from the log is in its snapshot. */
export interface Held {
  /** `key mark` of what it lacks. */
  readonly lacks: ReadonlySet<string>;
  /** Entries of those, lowest first. */
  readonly lackedAt: readonly number[];
}

/** Reads a log and looks for every acknowledged write in it. */
export function heldBy(reading: MemberReading, acknowledged: readonly Write[]): Held {
  const first = reading.report.log.firstIndex;
  const there = new Set<string>();
  for (const record of reading.records()) {
    if (record.type !== 'entry' || record.kind !== 'command') continue;
    const found = markIn(record.data);
    if (found !== null) there.add(found);
  }
  const lacked = acknowledged.filter((one) => one.revision >= first && !there.has(`${one.key} ${one.mark}`));
  return { lacks: new Set(lacked.map((one) => `${one.key} ${one.mark}`)), lackedAt: lacked.map((one) => one.revision).sort((a, b) => a - b) };
}

function markIn(bytes: Uint8Array): string | null {
  try {
    const command = decodeKvCommand(bytes);
    if (command.op !== 'append') return null;
    const key = Buffer.from(command.key).toString('utf8');
    const [mark] = marksOf(command.value);
    return key.startsWith(DRILL_PREFIX) && mark !== undefined ? `${key} ${mark}` : null;
  } catch (error) {
    if (error instanceof RangeError) return null; // no command of ours
    throw error;
  }
}

/** Whether what the pick said of the loss is true, now that every disk can be looked at. */
export function judgeVerdict(report: PickReport, held: Held): { readonly ok: boolean; readonly detail: string } {
  const { verdict, proof, safeTo, missing } = report.loss;
  const [lowest] = held.lackedAt;
  const truth = lowest === undefined ? 'nothing acknowledged is missing from its log' : `${held.lacks.size} acknowledged writes are missing from its log, from entry ${lowest}`;
  const said = `said loss ${verdict} (${proof}), safe to entry ${safeTo}; in truth ${truth}`;
  if (lowest === undefined) return { ok: verdict !== 'certain', detail: said };
  // Only `bounded` names an upper bound; `certain` names what is gone at least: more may have been acknowledged after monitoring looked last.
  const beyond = proof === 'bounded' ? (missing?.to ?? null) : null;
  const isBounded = beyond === null || held.lackedAt.every((one) => one <= beyond);
  return { ok: verdict !== 'none' && lowest > safeTo && isBounded, detail: said };
}
