import type { LogIndex, MemberId } from '../core/types.ts';
import type { MemberReport } from '../model/member-report.ts';
import type { ConfigurationChange } from '../model/reading.ts';

/** One place of a member's data that says who the members are. */
export interface StoredMembership {
  where: string;
  index: LogIndex;
  voters: MemberId[];
  learners: MemberId[];
  /** Whether it names the same voters and learners as the newest one. */
  agrees: boolean;
}

export interface MembershipView {
  label: string;
  confState: MemberReport['confState'];
  places: StoredMembership[];
  history: ConfigurationChange[];
}

export function membershipOf(report: MemberReport, configurations: readonly ConfigurationChange[]): MembershipView {
  const { confState } = report;
  const logged = configurations.filter((one) => one.source === 'log' && one.effective).at(-1);
  const raw = [
    ...(logged ? [{ where: 'log', index: logged.index, voters: logged.voters, learners: logged.learners }] : []),
    ...report.snapshots.flatMap((one) => (one.confState ? [{ where: one.file, index: one.index, ...one.confState }] : [])),
  ];
  const key = (one: { voters: MemberId[]; learners: MemberId[] }): string => JSON.stringify([[...one.voters].sort(), [...one.learners].sort()]);
  const places = raw.map((one) => ({ where: one.where, index: one.index, voters: one.voters, learners: one.learners, agrees: confState !== null && key(one) === key(confState) }));
  return { label: report.label, confState, places, history: [...configurations] };
}
