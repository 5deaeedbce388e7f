import { RefusedError } from '../errors.ts';
import { type Finding, finding } from '../model/finding.ts';
import type { OperatorFacts } from './facts.ts';
import { checkDead } from './plan/refusals.ts';
import type { Survey } from './survey.ts';

/** Rules of the findings about what the operator said: screens show them as such. */
export const FACT_RULES = ['dead-mismatch', 'id-not-used', 'id-unknown', 'voters-not-used'] as const;

/**
 * What the operator said and the disks do not take up. It counts as evidence, so what names no disk and no member, or says something else
 * than the data itself, is told: else he goes on believing that it counted.
 */
export function factFindings(kin: readonly Survey[], source: Survey | undefined, facts: OperatorFacts): Finding[] {
  return [...idFindings(kin, facts), ...votersFindings(kin, source, facts), ...deadFindings(kin, source, facts)];
}

function idFindings(kin: readonly Survey[], { ids }: OperatorFacts): Finding[] {
  const known = knownServers(kin);
  return Object.entries(ids ?? {}).flatMap(([label, id]): Finding[] => {
    const survey = kin.find((one) => one.member.label === label);
    if (survey === undefined) return [];
    const { memberId, name } = survey.evidence.report;
    const said = `--id ${label}=${id}`;
    if (memberId === id) return [];
    // Where the id is only in a file beside the store, the operator's word comes before it.
    if (memberId !== null && survey.member.serverId !== id) {
      return name === id ? [] : [finding('id-not-used', 'warn', `${said} is not used: the data of ${label} says that it is member ${memberId}`, { member: label, fix: `Leave it out; if ${label} should be ${id}, it is the wrong disk` })];
    }
    if (known.size === 0 || known.has(id)) return [];
    return [finding('id-unknown', 'warn', `${said}: no configuration that was read names a server ${id}`, { member: label, fix: `The server ids are ${[...known.keys()].join(', ')}` })];
  });
}

function votersFindings(kin: readonly Survey[], source: Survey | undefined, { voters }: OperatorFacts): Finding[] {
  const teller = source ?? kin.find((one) => one.member.configurations.length > 0);
  const newest = teller?.member.configurations.at(-1);
  if (voters === undefined || teller === undefined || newest === undefined || newest.voters.length === voters) return [];
  const { label } = teller.member;
  return [finding('voters-not-used', 'warn', `--voters ${voters} is not used: the configuration in ${label} names ${newest.voters.length}, and it counts only where none can be read`, { member: label, fix: 'Leave it out; if there were more, look for a disk with a newer configuration' })];
}

/** By the rule that `recover plan` refuses by, so that a pick says it first. */
function deadFindings(kin: readonly Survey[], source: Survey | undefined, { dead }: OperatorFacts): Finding[] {
  const words = dead ?? [];
  if (words.length === 0) return [];
  if (source === undefined) return strangersAmong(words, kin);
  const members = source.evidence.report.confState?.members ?? [];
  const only = members.length === 1 ? members[0]?.id : undefined;
  try {
    checkDead(words, kin, members, source.member.serverId ?? only ?? null);
    return [];
  } catch (error) {
    if (error instanceof RefusedError) return [finding('dead-mismatch', 'warn', `--dead ${words.join(',')}: ${error.message.replace(`${error.rule}: `, '')}`, { fix: error.hint })];
    throw error;
  }
}

/** Without a source nobody knows whose configuration is right: a name that is in none of them is wrong all the same. */
function strangersAmong(words: readonly string[], kin: readonly Survey[]): Finding[] {
  const known = knownServers(kin);
  const names = [...known.values()];
  const strangers = known.size === 0 ? [] : words.filter((one) => !known.has(one) && !names.includes(one));
  return strangers.length === 0 ? [] : [finding('dead-mismatch', 'warn', `--dead ${words.join(',')}: no configuration that was read names ${strangers.join(', ')}`, { fix: `Members: ${[...new Set(names)].sort().join(', ')}` })];
}

/** Server ids to names, over every configuration that was read. */
function knownServers(kin: readonly Survey[]): Map<string, string> {
  const known = new Map<string, string>();
  for (const { member, evidence } of kin) {
    for (const id of member.configurations.flatMap((one) => [...one.voters, ...(one.outgoing ?? [])])) known.set(id, id);
    for (const one of evidence.report.confState?.members ?? []) known.set(one.id, one.name ?? one.id);
  }
  return known;
}
