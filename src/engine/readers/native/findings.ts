import { chainHex } from '../../native/chain-hash.ts';
import type { ChainPosition } from '../../native/position-records.ts';
import { finding } from '../../model/finding.ts';
import type { Finding } from '../../model/finding.ts';
import type { LogReading } from './log-reading.ts';
import { isUsable } from './snapshot-directory.ts';
import type { MemberSnapshot } from './snapshot-directory.ts';
import type { Stored, StoredRecords } from './stored-records.ts';

const MAX_PER_RULE = 20;
const OTHER_MEMBER = 'Take these entries from another member: recover compare shows who holds them';
const DO_NOT_START = 'Do not start this member: compare it with the others, and replace it under a new id where they are whole';
const COPY_FIRST = 'Copy the directory before anything else: the storage library may end the process on this file';

/** What is wrong with the environment `raft`, from the pages up to the records. Rules are those the engine's own start refuses with. */
export function logFindings(file: string, log: LogReading): Finding[] {
  return [...pageFindings(file, log), ...recordFindings(file, log.records), ...entryFindings(file, log), ...endFindings(file, log)];
}

function pageFindings(file: string, { badMetas, pageDamage, freeDamage, lostCommit, survey }: LogReading): Finding[] {
  const found = badMetas.map(({ byteOffset, problem }) => finding('meta-page-bad', 'error', `${problem}; the other one was read`, { file, byteOffset, fix: COPY_FIRST }));
  if (lostCommit !== null) {
    const { damage, tail } = lostCommit;
    const far = tail === null ? 'how far the log went with it is not known' : `the log went to ${tail.position.term}/${tail.position.index} with it`;
    found.push(finding('commit-lost', 'error', `the newest commit leads into damage (${damage.problem}); the one before it was read, ${far}`, { file, byteOffset: damage.byteOffset, fix: DO_NOT_START }));
  }
  if (pageDamage !== null && !survey.damage.some((one) => one.byteOffset === pageDamage.byteOffset)) {
    found.push(finding('page-bad', 'error', pageDamage.problem, { file, byteOffset: pageDamage.byteOffset, fix: COPY_FIRST }));
  }
  if (freeDamage !== null) {
    found.push(finding('free-list-bad', 'error', `the list of free pages: ${freeDamage.problem}; no content is lost by it`, { file, byteOffset: freeDamage.byteOffset, fix: COPY_FIRST }));
  }
  return found;
}

function recordFindings(file: string, records: StoredRecords): Finding[] {
  const all: readonly Stored<unknown>[] = [records.format, records.identity, records.hardState, records.incarnation, records.snapshots, records.base, records.tail, records.tailCopy, records.recoveries];
  return all.flatMap((one) => ('rule' in one ? [finding(one.rule, 'error', one.problem, { file, byteOffset: one.byteOffset, fix: one.rule === 'record-newer' ? 'Read it with a newer version of this tool' : DO_NOT_START })] : []));
}

function entryFindings(file: string, { survey }: LogReading): Finding[] {
  const isTold = new Set(survey.problems.map((one) => one.byteOffset));
  const untold = survey.damage.filter((one) => !isTold.has(one.byteOffset));
  const found = untold.slice(0, MAX_PER_RULE).map(({ fromIndex, toIndex, byteOffset, reason }) => {
    const which = fromIndex === null ? 'a part of the log' : toIndex === fromIndex ? `entry ${fromIndex}` : `entries ${fromIndex}..${toIndex ?? '?'}`;
    return finding('log-damage', 'error', `${which} cannot be read: ${reason}`, { file, byteOffset, fix: OTHER_MEMBER });
  });
  if (untold.length > found.length) found.push(finding('log-damage', 'error', `${untold.length - found.length} more damaged places`, { file, fix: OTHER_MEMBER }));
  for (const { rule, byteOffset, message } of survey.problems.slice(0, MAX_PER_RULE)) found.push(finding(rule, 'error', message, { file, byteOffset, fix: DO_NOT_START }));
  return found;
}

/** Where the log ends, as entries, both descriptors and hard state tell it. */
function endFindings(file: string, { records, survey, tail }: LogReading): Finding[] {
  const found: Finding[] = [];
  const { tail: first, tailCopy: second, hardState, base } = records;
  if (first.value !== null && second.value !== null && !isSame(first.value, second.value)) {
    found.push(finding('tail-differs', 'error', `one tail descriptor says ${show(first.value)}, its copy ${show(second.value)}`, { file, byteOffset: first.byteOffset, fix: DO_NOT_START }));
  }
  const end = survey.last ?? base.value;
  if (tail !== null && end !== null && survey.damage.length === 0 && !isSame(tail.position, end)) {
    found.push(finding('tail-differs', 'error', `the log ends at ${show(end)}, its tail descriptor says ${show(tail.position)}`, { file, byteOffset: tail.byteOffset, fix: DO_NOT_START }));
  }
  if (hardState.value === null || end === null || survey.damage.length > 0) return found;
  const { commit, term } = hardState.value;
  const where = { file, byteOffset: hardState.byteOffset, fix: DO_NOT_START };
  if (commit > end.index) found.push(finding('commit-beyond-log', 'error', `the hard state says ${commit} is committed, the log ends at ${end.index}: acknowledged entries are missing here`, where));
  if (term < end.term) found.push(finding('term-behind-log', 'error', `the hard state says term ${term}, the log ends in term ${end.term}`, where));
  const newest = records.snapshots.value?.[0];
  if (newest !== undefined && commit < newest.index) found.push(finding('commit-below-snapshot', 'error', `the hard state says ${commit} is committed, snapshot ${newest.id} covers more`, where));
  return found;
}

/** Whether snapshots and log belong together, and leave no gap. */
export function fitFindings(file: string, { records, survey, tail }: LogReading, snapshots: readonly MemberSnapshot[]): Finding[] {
  const found: Finding[] = [];
  const base = records.base.value?.index ?? 0;
  const names = records.snapshots.value;
  const where = { file, byteOffset: records.snapshots.byteOffset, fix: DO_NOT_START };
  const usable = snapshots.filter((one) => isUsable(one, names !== null));
  if (base > 0 && !usable.some((one) => one.position.index >= base)) {
    found.push(finding('snapshot-gap', 'error', `the log begins at entry ${base + 1}, and no sound snapshot covers what was before`, where));
  }
  for (const { id, index, chainHash } of names ?? []) {
    const known = survey.chainAt.get(index);
    const end = tail?.position.index ?? survey.last?.index ?? base;
    if (index < base) found.push(finding('snapshot-gap', 'error', `snapshot ${id} ends before the log begins, at entry ${base + 1}`, where));
    else if (index > end && survey.damage.length === 0) found.push(finding('snapshot-beyond-log', 'error', `snapshot ${id} covers more than the log, which ends at ${end}`, where));
    if (known !== undefined && known !== chainHash) found.push(finding('snapshot-differs', 'error', `snapshot ${id} was taken of another log: the chain hash at ${index} is ${known}, not ${chainHash}`, where));
  }
  return found;
}

function isSame(a: ChainPosition, b: ChainPosition): boolean {
  return a.index === b.index && a.term === b.term && Buffer.compare(a.chainHash, b.chainHash) === 0;
}

function show({ term, index, chainHash }: ChainPosition): string {
  return `${term}/${index}, chain ${chainHex(chainHash).slice(0, 8)}…`;
}
