import { quorumOf } from '../../core/types.ts';
import type { PlannedMember } from '../../model/plan.ts';
import type { LossReport } from '../../model/pick-report.ts';
import { regionsOf } from './regions.ts';

/** What the notes are made of. */
export interface NoteFacts {
  readonly members: readonly PlannedMember[];
  readonly loss: LossReport;
  readonly inDoubt: 'keep' | 'drop';
  readonly keepTo: number;
  readonly lastIndex: number;
  /** False where the store keeps no commit index, so that only snapshots prove. */
  readonly keepsCommit: boolean;
  readonly targetMembers: number;
}

/** What a reviewer should know besides the plan's own lines: one sentence each, the most important first. */
export function planNotes(facts: NoteFacts): string[] {
  return [...decisionNotes(facts), ...sizeNotes(facts), ...regionNotes(facts)];
}

function decisionNotes({ loss, inDoubt, keepTo, lastIndex, keepsCommit }: NoteFacts): string[] {
  const notes: string[] = [];
  if (inDoubt === 'drop' && keepTo < lastIndex) {
    const [what, it] = lastIndex === keepTo + 1 ? [`Entry ${lastIndex} is`, 'it'] : [`Entries ${keepTo + 1}-${lastIndex} are`, 'they'];
    notes.push(`${what} dropped: a client may have been told that ${it} succeeded`);
    if (!keepsCommit) notes.push('The store keeps no commit index: most of what is dropped was surely committed, and dropping it is almost never right');
  }
  if (loss.verdict === 'certain') notes.push(`Committed data is lost and that was accepted: ${loss.statement}`);
  return notes;
}

/** `3 voters: quorum 2, 1 may fail`. */
export function marginWords(voters: number): string {
  const margin = voters - quorumOf(voters);
  return `${voters} ${voters === 1 ? 'voter' : 'voters'}: quorum ${quorumOf(voters)}, ${margin === 0 ? 'none' : margin} may fail`;
}

function sizeNotes({ members, targetMembers }: NoteFacts): string[] {
  const voters = members.filter((one) => one.role === 'voter').length;
  const notes: string[] = [];
  if (voters === 0) return notes;
  if (voters < 3) notes.push(`The cluster had ${marginWords(voters)}: 3 is the least that survives a failure`);
  else if (voters > 7) notes.push(`The cluster had ${marginWords(voters)}: more than 7 make every write slower and gain little`);
  else if (voters % 2 === 0) notes.push(`The cluster had ${marginWords(voters)}: an even number, and ${voters - 1} would survive as many failures`);
  if (voters >= 3 && targetMembers < voters) notes.push(`It grows back to ${targetMembers}, not to the ${voters} it had (--target-members)`);
  return notes;
}

function regionNotes({ members }: NoteFacts): string[] {
  const regions = regionsOf(members);
  if (regions === null) return [];
  const named = [...regions].map(([region, names]) => `${region}: ${names.join(', ')}`).join('; ');
  return [`Members lie in different regions, as their names or addresses tell (${named}): a cluster across regions is not what this plan is made for. Elections and writes wait for the slowest region`];
}
