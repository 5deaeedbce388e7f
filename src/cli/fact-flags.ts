import { Flags } from '@oclif/core';
import type { LogPosition } from '../engine/core/types.ts';
import { UsageError } from '../engine/errors.ts';
import type { OperatorFacts } from '../engine/recovery/facts.ts';
import { REPEATABLE } from './flags.ts';

const group = 'WHAT YOU KNOW';

/** What the operator knows and the disks do not; the same for every command that chooses a source. */
export const factFlags = {
  'allow-learner': Flags.boolean({ helpGroup: group, summary: 'Let a learner be the source' }),
  'cluster-id': Flags.string({ helpGroup: group, helpValue: '<id>', summary: 'Which cluster is meant, when disks of several were given' }),
  'seen-revision': Flags.integer({ helpGroup: group, helpValue: '<n>', min: 0, summary: 'A revision that a client or a metric saw' }),
  'seen-commit': Flags.integer({ helpGroup: group, helpValue: '<n>', min: 0, summary: 'A commit index that a metric saw' }),
  acked: Flags.string({ ...REPEATABLE, helpGroup: group, helpValue: '<term:index>', summary: 'A position a client was told is committed; may be repeated' }),
  restored: Flags.string({ ...REPEATABLE, helpGroup: group, helpValue: '<label>', summary: 'An old or restored copy: a source perhaps, never a proof' }),
  attest: Flags.string({ ...REPEATABLE, helpGroup: group, options: ['no-membership-change'], summary: 'Vouch for what the disks cannot show' }),
  id: Flags.string({ ...REPEATABLE, helpGroup: group, helpValue: '<label>=<server id>', summary: 'Which server a disk belongs to, where the store does not say' }),
  voters: Flags.integer({ helpGroup: group, helpValue: '<n>', min: 1, summary: 'How many voters there were, where no configuration can be read' }),
  dead: Flags.string({ helpGroup: group, helpValue: '<a,b>', summary: 'Members that are gone for good' }),
};

export interface FactFlagValues {
  'allow-learner'?: boolean;
  'cluster-id'?: string | undefined;
  'seen-revision'?: number | undefined;
  'seen-commit'?: number | undefined;
  acked?: string[] | undefined;
  restored?: string[] | undefined;
  attest?: string[] | undefined;
  id?: string[] | undefined;
  voters?: number | undefined;
  dead?: string | undefined;
}

/**
 * The flags as facts.
 * @throws {UsageError} On a malformed position or id, or a label that no place has.
 */
export function factsFrom(flags: FactFlagValues, labels: readonly string[]): OperatorFacts {
  const ids: Record<string, string> = {};
  for (const word of flags.id ?? []) {
    const at = word.indexOf('=');
    if (at < 1 || at === word.length - 1) throw new UsageError(`--id ${word} is not <label>=<server id>`, 'Write for example --id srv1=6b1c0f4e');
    ids[known(word.slice(0, at), '--id', labels)] = word.slice(at + 1);
  }
  const facts: OperatorFacts = {
    allowLearner: flags['allow-learner'] === true,
    acked: (flags.acked ?? []).map(positionFrom),
    restored: (flags.restored ?? []).map((label) => known(label, '--restored', labels)),
    noMembershipChange: (flags.attest ?? []).includes('no-membership-change'),
    ids,
    dead: (flags.dead ?? '').split(',').filter((name) => name !== ''),
  };
  if (flags['cluster-id'] !== undefined) facts.clusterId = flags['cluster-id'];
  if (flags['seen-revision'] !== undefined) facts.seenRevision = flags['seen-revision'];
  if (flags['seen-commit'] !== undefined) facts.seenCommit = flags['seen-commit'];
  if (flags.voters !== undefined) facts.voters = flags.voters;
  return facts;
}

function positionFrom(word: string): LogPosition {
  const [term, index] = /^\d+:\d+$/.test(word) ? word.split(':').map(Number) : [];
  if (Number.isSafeInteger(term) && Number.isSafeInteger(index)) return { term: term as number, index: index as number };
  throw new UsageError(`--acked ${word} is not <term>:<index>`, 'Write for example --acked 7:48211');
}

function known(label: string, flag: string, labels: readonly string[]): string {
  if (labels.includes(label)) return label;
  throw new UsageError(`${flag} ${label}: no place has that label`, `Labels here: ${labels.join(', ')}`);
}

/** The words that repeat these flags in a command to type. */
export function factWords(flags: FactFlagValues): string[] {
  const words: string[] = [];
  if (flags['allow-learner'] === true) words.push('--allow-learner');
  for (const name of ['cluster-id', 'seen-revision', 'seen-commit', 'voters', 'dead'] as const) {
    const value = flags[name];
    if (value !== undefined) words.push(`--${name}`, String(value));
  }
  for (const name of ['acked', 'restored', 'attest', 'id'] as const) for (const value of flags[name] ?? []) words.push(`--${name}`, value);
  return words;
}
