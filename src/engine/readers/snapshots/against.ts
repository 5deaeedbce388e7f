import type { LogIndex, Term } from '../../core/types.ts';
import type { MemberReport } from '../../model/member-report.ts';
import type { SnapshotCheck, SnapshotFileReport } from '../../model/snapshot-file.ts';

/** Entries of the member past the snapshot: what its log holds and the snapshot does not. */
export function entriesPast(index: LogIndex | null, member: MemberReport): number | null {
  return index === null ? null : Math.max(0, member.lastEntry.index - index);
}

/**
 * Whether a snapshot fits a member's own data: the log (or a snapshot) has the same term at its index, no gap opens between it
 * and the log, and both know a server in common (Raft §7: a snapshot stands for the entries up to its last included one).
 */
export function checkAgainst(snapshot: SnapshotFileReport, member: MemberReport): SnapshotCheck {
  const { index, term } = snapshot;
  const name = 'against';
  if (index === null) return { name, ok: null, detail: `the snapshot names no index, so it cannot be held against ${member.label}` };
  const stranger = strangerTo(snapshot, member);
  if (stranger !== null) return { name, ok: false, detail: stranger };
  const known = termAt(member, index);
  if (known !== null && term !== null && known !== term) {
    return { name, ok: false, detail: `index ${index} has term ${known} in ${member.label}, term ${term} in the snapshot: another history` };
  }
  const { firstIndex, entries } = member.log;
  if (entries > 0 && index < firstIndex - 1) {
    return { name, ok: false, detail: `the log of ${member.label} begins at ${firstIndex}: entries ${index + 1}-${firstIndex - 1} would be missing` };
  }
  if (index > member.lastEntry.index) {
    return { name, ok: true, detail: `${index - member.lastEntry.index} entries ahead of ${member.label}, which would take it whole` };
  }
  const agreed = known === null || term === null ? 'index fits' : 'index and term fit';
  return { name, ok: true, detail: `${agreed}; ${member.label} holds ${entriesPast(index, member)} entries past it` };
}

function termAt(member: MemberReport, index: LogIndex): Term | null {
  const run = member.log.termRuns.find((one) => one.first <= index && index <= one.last);
  return run?.term ?? member.snapshots.find((one) => one.index === index && one.status !== 'bad')?.term ?? null;
}

function strangerTo(snapshot: SnapshotFileReport, member: MemberReport): string | null {
  const [own, other] = [snapshot.confState, member.confState];
  if (own === null || other === null || own.voters.length === 0 || other.voters.length === 0) return null;
  const known = new Set([...other.voters, ...other.learners]);
  if ([...own.voters, ...own.learners].some((id) => known.has(id))) return null;
  return `the snapshot and ${member.label} share no server: they belong to different clusters`;
}
