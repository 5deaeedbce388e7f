import { quorumOf } from '../core/types.ts';
import type { LossReport } from '../model/pick-report.ts';
import type { OperatorFacts } from './facts.ts';
import type { PickOutcome } from './pick.ts';
import type { Survey } from './survey.ts';

/** What would make the answer better, the most useful first. */
export function adviceFor(outcome: Omit<PickOutcome, 'report'>, source: Survey | undefined, loss: LossReport, facts: OperatorFacts): string[] {
  if (!source) return adviceWithout(outcome);
  const advice: string[] = [];
  const nameless = outcome.surveys.filter(({ member }) => member.barred === null && member.serverId === null).map(({ member }) => member.label);
  for (const label of nameless) advice.push(`Say which server ${label} is: --id ${label}=<server id>; until then it does not count`);
  const readable = outcome.unread.filter((one) => !one.dead).map((one) => one.name);
  if (loss.verdict !== 'none' && nameless.length > 0) advice.push("Read the dead members' disks too, even those of machines that will not boot");
  else if (loss.verdict !== 'none' && readable.length > 0) {
    const needed = outcome.proof.weakest ? outcome.proof.weakest.quorum - outcome.proof.weakest.counted : 1;
    const count = needed <= 1 ? `one more, of ${orList(readable)}` : `${needed} more, of ${readable.join(', ')}`;
    advice.push(`Read the dead members' disks too, even those of machines that will not boot: ${count}, would prove what was committed`);
  }
  if (loss.verdict === 'unknown' && facts.seenCommit === undefined && facts.seenRevision === undefined && (facts.acked ?? []).length === 0) {
    const revision = source.evidence.report.store === 'etcd' ? '--seen-revision <n>, ' : '';
    advice.push(`Say what clients or monitoring saw last: ${revision}--seen-commit <n> or --acked <term:index>`);
  }
  if (outcome.proof.attestable && facts.noMembershipChange !== true) {
    advice.push('If you know that no membership change was started, say so: --attest no-membership-change');
  }
  for (const { member, whyNot } of outcome.surveys) {
    if (whyNot !== null && member.standing === 'missing' && member.barred === null && loss.verdict !== 'none') advice.push(`${member.label} does not count: ${whyNot}`);
  }
  const healthy = startable(outcome);
  const voters = source.member.configurations.at(-1)?.voters.length ?? 0;
  if (voters > 1 && healthy.length >= quorumOf(voters) && loss.verdict === 'none') {
    advice.push(`${healthy.join(', ')} are a majority of the ${voters} voters: if their machines can run, start them as they are and nothing has to be recovered`);
  }
  return advice;
}

/** `n2`, `n2 or n3`. */
function orList(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/** Voters of the newest configuration that are whole and can be started. */
function startable(outcome: Omit<PickOutcome, 'report'>): string[] {
  return outcome.ranking.order.filter(({ member }) => member.barred === null && member.role === 'voter' && member.standing === 'intact').map(({ member }) => member.label);
}

function adviceWithout(outcome: Omit<PickOutcome, 'report'>): string[] {
  const advice = ["Read the dead members' disks too: any other disk of this cluster may qualify"];
  const { floor, order } = outcome.ranking;
  const gated = order.filter((one) => one.gated).map((one) => one.member.label);
  if (gated.length > 0) {
    const holder = floor.provenBy.join(', ');
    advice.push(`${holder} holds ${floor.index}, known committed, but cannot be the source. Repair it first; only if that is hopeless, leave it out and say --seen-commit ${floor.index}: the answer for ${gated.join(', ')} then says what is lost`);
  }
  return advice;
}
