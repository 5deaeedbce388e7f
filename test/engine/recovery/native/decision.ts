import type { MemberReading } from '../../../../src/engine/model/reading.ts';
import type { Decision } from '../../../../src/engine/recovery/targets/target.ts';

export const PLAN_ID = '5c2e9100-0000-4000-8000-000000000001';
export const NOW = new Date('2026-03-14T02:14:07.000Z');

/** What a pick over this one disk would decide: keep everything. */
export function decisionFor({ report }: MemberReading, over: Partial<Decision> = {}): Decision {
  return {
    inDoubt: 'keep',
    keepTo: report.lastEntry.index,
    floor: report.commitFloor,
    newClusterId: 'auto',
    bumpRevision: null,
    selfAddress: null,
    serverId: null,
    members: report.confState?.members.map(({ id, name, addresses, role }) => ({ id, name, addresses: [...addresses], role })) ?? [],
    targetMembers: 3,
    highestTerm: report.hardState.currentTerm,
    why: { verdict: 'unknown', proof: 'best-effort', statement: 'entries behind the floor are in doubt', facts: ['--dead n2,n3'] },
    clusterId: report.clusterId,
    planId: PLAN_ID,
    now: NOW,
    randomHex: (chars) => 'ab12'.repeat(chars).slice(0, chars),
    ...over,
  };
}
