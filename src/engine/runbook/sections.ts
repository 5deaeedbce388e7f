import { quorumOf } from '../core/types.ts';
import type { RecoveryPlan } from '../model/plan.ts';
import { mdBlock, mdCode, mdTable, mdText } from '../model/markdown-text.ts';

/** One thing to do: the command to type, what it must answer, and what to do when it does not. */
export interface RunbookStep {
  title: string;
  /** Why, or what to look at; Markdown. */
  text: string[];
  commands: string[];
  /** What a good run answers. */
  expect: string;
  /** What to do when it does not. */
  otherwise: string;
  /** A question that somebody answers on the line below, with name and time, before the next step. */
  gate: string | null;
}

const LINE = '____________________';

/** A step as Markdown, with the lines on which its outcome is recorded. */
export function stepLines(step: RunbookStep, n: number): string[] {
  return [
    `## ${n}. ${step.title}`,
    '',
    ...step.text.flatMap((one) => [one, '']),
    ...(step.commands.length === 0 ? [] : [...mdBlock(step.commands, 'sh'), '']),
    ...(step.expect === '' ? [] : [`- **Expect**: ${step.expect}`]),
    ...(step.otherwise === '' ? [] : [`- **If not**: ${step.otherwise}`]),
    ...(step.gate === null ? [`- Done at ${LINE} by ${LINE}`] : [`- [ ] **Gate: ${step.gate}** Do not go on before this is answered.`, `- Answer ${LINE} at ${LINE} by ${LINE}`]),
    '',
  ];
}

/** When the plan is the wrong thing to do. */
export function notToAct(plan: RecoveryPlan): string[] {
  const voters = plan.cluster.members.filter((one) => one.role === 'voter');
  const quorum = quorumOf(Math.max(1, voters.length));
  const names = voters.map((one) => mdText(one.name ?? one.id)).sort().join(', ');
  const majority = voters.length === 0 ? 'If a majority of the voters can run again' : `If ${quorum} of the ${voters.length} voters (${names}) can run again, with the disks they had`;
  const { loss, quorum: read } = plan.why;
  const disks = loss.verdict === 'none' || read.needed === 0 ? [] : [`- If one more disk can be read, even a dead machine's: read it first. ${read.surveyed} of ${read.voters} voters were read, ${read.needed} more would prove that nothing is missing. Plan again with it.`];
  return [
    '## When not to act',
    '',
    `- ${majority}: start them, and do nothing else. They elect a leader and lose nothing; this plan makes the others strangers for ever.`,
    '- If a leader answers somewhere, however slowly: there is a majority. Find the network fault.',
    ...disks,
    '- If somebody else is working on this cluster: one recovery at a time.',
    `- If anything wrote to ${plan.dataDir === null ? 'the data' : mdCode(plan.dataDir)} since the plan was made: the apply notices and refuses (exit 7). Plan again; do not force it.`,
    '',
  ];
}

/** What the exit codes of the commands above mean for whoever holds this page. */
export function exitTable(undo: string): string[] {
  return [
    '## When a command ends in something else than 0',
    '',
    ...mdTable(
      ['exit', 'means', 'do'],
      [
        ['2', 'wrong usage', 'read the message, correct the command'],
        ['3', 'checked, and something is wrong', 'keep traffic away; read which check failed'],
        ['4', 'refused by a safety rule, nothing was changed', 'do what the message says; lift a rule only when two people agree'],
        ['5', 'not confirmed, nothing was changed', 'start the step again'],
        ['6', 'not reachable in time', 'check that the server runs, then repeat the command'],
        ['7', 'the data is not as the plan saw it', 'make the plan again: it is refused for good reason'],
        ['8', 'partly done', `repeat the same command: it goes on where it was; or take it back: ${mdCode(undo)}`],
      ],
      [0],
    ),
    '',
  ];
}

/** Each file as the plan changes it. */
export function changeAppendix(plan: RecoveryPlan): string[] {
  if (plan.changes.length === 0) return [];
  const signs = { create: '+', replace: '~', remove: '-' } as const;
  return ['## What the plan changes', '', ...mdBlock(plan.changes.flatMap((one) => [`${signs[one.kind]} ${one.path}`, ...one.lines.map((line) => `    ${line}`)]), 'text'), ''];
}
