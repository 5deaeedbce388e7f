import type { MemberList } from '../live/member-list.ts';
import type { RecoveryPlan } from '../model/plan.ts';

/** Settings that name the address by which the other members reach a newcomer. */
const ADDRESS = /^(?:listen:|advertise:|--initial-advertise-peer-urls)\s+(\S+)/;

/** The member that is added next on the way back to the planned size; null when all are there, or one of them is a learner still: one at a time. */
export function nextJoin(plan: RecoveryPlan, list: MemberList): { member: string; address: string } | null {
  if (list.members.some((one) => one.role === 'learner')) return null;
  for (const { member, settings } of plan.joins) {
    const address = settings.map((one) => ADDRESS.exec(one)?.[1]).find((one) => one !== undefined)?.split(',')[0];
    if (address === undefined) continue;
    const isThere = list.members.some((one) => one.id === member || one.name === member || one.addresses.includes(address));
    if (!isThere) return { member, address };
  }
  return null;
}
