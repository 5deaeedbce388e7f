import { quorumOf } from '../core/types.ts';
import type { LossReport } from '../model/pick-report.ts';
import type { OperatorFacts } from './facts.ts';
import { whichCluster } from './lineage.ts';
import type { PickOutcome } from './pick.ts';
import type { Survey } from './survey.ts';

/** What would make the answer better, the most useful first. */
export function adviceFor(outcome: Omit<PickOutcome, 'report'>, source: Survey | undefined, loss: LossReport, facts: OperatorFacts): string[] {
  if (!source) return adviceWithout(outcome);
  const advice: string[] = [];
  const nameless = outcome.surveys.filter(({ member }) => member.barred === null && member.serverId === null).map(({ member }) => member.label);
  if (nameless.length > 0) advice.push(...askForIds(nameless, source));
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

/** One sentence for all disks, then the ids to choose from, with the addresses by which an operator knows the machines. */
function askForIds(nameless: readonly string[], source: Survey): string[] {
  const infos = source.evidence.report.confState?.members ?? [];
  const voters = source.member.configurations.at(-1)?.voters ?? [];
  const [it, does] = nameless.length === 1 ? ['it', 'does'] : ['they', 'do'];
  const flags = nameless.map((label) => `--id ${label}=<server id>`).join(' ');
  const shown = voters.slice(0, 9).map((id) => {
    const info = infos.find((one) => one.id === id);
    const known = [info?.name === id ? '' : (info?.name ?? ''), info?.addresses[0] ?? ''].filter((one) => one !== '').join(' at ');
    return known === '' ? id : `${id} (${known})`;
  });
  const first = `Say which server each disk is: ${flags}. Until then ${it} ${does} not count for the proof`;
  return shown.length === 0 ? [first] : [first, `The server ids are ${shown.join(', ')}${voters.length > shown.length ? ` and ${voters.length - shown.length} more` : ''}`];
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
  // Before the cluster is known no disk says anything of another: not what is committed, and not what is missing.
  if (outcome.isMixed) return [whichCluster(outcome.clusters)];
  const advice = ["Read the dead members' disks too: any other disk of this cluster may qualify"];
  const { floor, floorConflict, order } = outcome.ranking;
  const gated = order.filter((one) => one.gated && one.disqualified !== null).map((one) => one.member.label);
  if (gated.length > 0 && !floorConflict) {
    const holder = floor.provenBy.join(', ');
    advice.push(`${holder} holds ${floor.index}, known committed, but cannot be the source. Repair it first; only if that is hopeless, leave it out and say --seen-commit ${floor.index}: the answer for ${gated.join(', ')} then says what is lost`);
  }
  return advice;
}
