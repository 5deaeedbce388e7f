// Damages copies of real members by chance and reads them: `campaign.ts <reader> <seed> <count>`. Each line of stdout is
// a JSON object: `round` before a read (so that a hang or a killed process names its input), `failure`, and `done` at the end.
import fs from 'node:fs';
import { InspectorError } from '../../src/engine/errors.ts';
import { Chance } from '../helpers/mutations.ts';
import type { MutableTree, Mutation } from '../helpers/mutations.ts';
import { SUBJECTS, changedEntries, newAlarms, prepareTree, scratchDirectory } from './subjects.ts';
import type { Outcome, Subject } from './subjects.ts';

/** A small member is read in milliseconds; a damaged one may take longer, but not this long. */
const SLOW_MS = 5000;

export interface Failure {
  case: string;
  round: number;
  mutation: Mutation;
  what: 'crash' | 'slow' | 'silent';
  detail: string;
}

interface Prepared {
  name: string;
  tree: MutableTree;
  sound: Outcome;
}

const isExpected = (error: unknown): boolean => error instanceof InspectorError;
const say = (line: object): void => void fs.writeSync(1, `${JSON.stringify(line)}\n`);

async function run(subject: Subject, seed: number, count: number): Promise<void> {
  const scratch = scratchDirectory();
  const chance = new Chance(seed);
  try {
    const prepared: Prepared[] = [];
    for (const one of subject.cases) {
      const tree = prepareTree(scratch, one);
      prepared.push({ name: `${one.name} ${String(one.member)}`, tree, sound: await subject.read(tree.root, isExpected) });
    }
    for (let round = 0; round < count; round += 1) await playRound(subject, chance.pick(prepared), chance, round);
    say({ done: count, maxRssMiB: Math.round(process.resourceUsage().maxRSS / 1024), openFiles: fs.readdirSync('/proc/self/fd').length });
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

async function playRound(subject: Subject, { name, tree, sound }: Prepared, chance: Chance, round: number): Promise<void> {
  const mutation = tree.mutate(chance);
  say({ round, case: name, mutation });
  const started = performance.now();
  try {
    const outcome = await subject.read(tree.root, isExpected);
    const silent = subject.checksummed(mutation) ? silentChange(sound, outcome, mutation) : null;
    if (silent !== null) say({ failure: { case: name, round, mutation, what: 'silent', detail: silent } satisfies Failure });
  } catch (error) {
    say({ failure: { case: name, round, mutation, what: 'crash', detail: (error as Error).stack ?? String(error) } satisfies Failure });
  }
  const took = performance.now() - started;
  if (took > SLOW_MS) say({ failure: { case: name, round, mutation, what: 'slow', detail: `${Math.round(took)} ms` } satisfies Failure });
  tree.restore(mutation);
}

/**
 * A changed answer without an alarm. Not held against a reader: another member's whole file, which is sound in itself,
 * and a log that ends earlier because its end is gone, when nothing behind it says that there was more.
 */
function silentChange(sound: Outcome, outcome: Outcome, mutation: Mutation): string | null {
  if (mutation.kind === 'swap' || newAlarms(sound, outcome).length > 0) return null;
  const changed = changedEntries(sound, outcome);
  if (changed.length > 0) return `entries ${changed.slice(0, 5).join(', ')} changed`;
  const ends = mutation.kind === 'truncate' || mutation.kind === 'zero-sector';
  return outcome.hardState === sound.hardState || ends ? null : `hard state ${sound.hardState} became ${outcome.hardState}`;
}

const [reader = '', seed = '1', count = '500'] = process.argv.slice(2);
const subject = SUBJECTS[reader];
if (subject === undefined) throw new RangeError(`no such reader: ${reader}; one of ${Object.keys(SUBJECTS).join(', ')}`);
await run(subject, Number(seed), Number(count));
