import { mdBlock, mdCode, mdTable, mdText } from '../model/markdown-text.ts';
import { type RecoveryPlan, shortPlanId } from '../model/plan.ts';
import { changeAppendix, exitTable, notToAct, type RunbookStep, stepLines } from './sections.ts';

/** How commands name the plan and the cluster; each a piece of a command line, quoted already. */
export interface RunbookWords {
  /** The plan and its case: `plan.json`, or nothing where the default finds it. */
  plan: string;
  /** What `--confirm` takes. */
  confirm: string;
  /** How live commands reach the result: `--endpoint ...`; nothing where they find it; null: no live command speaks to such clusters. */
  connection: string | null;
  /** Quotes one word for a shell: names of members are data. */
  quote: (word: string) => string;
}

/** What `--confirm` takes of an id. */
const CONFIRM_CHARS = 8;

/**
 * A plan as a runbook in Markdown, for people at three in the morning: the order of the steps with exact commands, what each must answer, what
 * to do when it does not, gates with lines to record the answers on, fences before anything starts, and the way back.
 */
export function renderRunbook(plan: RecoveryPlan, words: RunbookWords): string {
  const steps = stepsOf(plan, words);
  const undo = undoCommand(plan, words);
  const lines = [
    ...head(plan),
    ...notToAct(plan),
    ...steps.flatMap((step, at) => stepLines(step, at + 1)),
    ...wayBack(plan, undo),
    ...exitTable(undo),
    ...changeAppendix(plan),
  ];
  return `${lines.join('\n').replaceAll(/\n{3,}/g, '\n\n').trimEnd()}\n`;
}

function head(plan: RecoveryPlan): string[] {
  const { loss } = plan.why;
  const facts = [
    ['Plan', `${shortPlanId(plan)}, made ${plan.createdAt}${plan.madeBy === undefined ? '' : ` by ${mdText(plan.madeBy)}`} with raft-inspector ${mdText(plan.tool)}`],
    ['Cluster', `${plan.cluster.clusterId === null ? 'the store has no cluster id' : mdCode(plan.cluster.clusterId)}, ${mdText(plan.product ?? plan.store)}, ${plan.cluster.members.map((one) => mdText(one.name ?? one.id)).sort().join(', ')}`],
    ['Source', `${mdText(plan.source)}${plan.dataDir === null ? ', from a copy' : `, ${mdCode(plan.dataDir)}`}`],
    ['Loss', `**${loss.verdict.toUpperCase()}** (${mdText(loss.proof.replaceAll('-', ' '))}): ${mdText(loss.statement)}`],
    ['In doubt', loss.inDoubt === null ? 'nothing' : `${loss.inDoubt.from === loss.inDoubt.to ? `entry ${loss.inDoubt.from}` : `entries ${loss.inDoubt.from} to ${loss.inDoubt.to}`}, decision: **${plan.inDoubt}**`],
    ['Digest', mdCode(plan.digest)],
  ];
  return [
    `# Runbook: make ${mdText(plan.source)} a cluster of one`,
    '',
    'One person types, another reads aloud and writes the times down. Go through it in order; a gate that is not answered stops everything.',
    '',
    ...mdTable(['', ''], facts),
    '',
    ...(plan.notes.length === 0 ? [] : ['Notes of the plan:', '', ...plan.notes.map((one) => `- ${mdText(one)}`), '']),
  ];
}

function command(verb: string, words: RunbookWords, ...flags: string[]): string {
  return ['raft-inspector recover', verb, words.plan, ...flags].filter((one) => one !== '').join(' ');
}

/** Without a plan undo only lists what can be taken back, so the id stands where the other commands need none. */
function undoCommand(plan: RecoveryPlan, words: RunbookWords): string {
  return command('undo', words.plan === '' || words.plan.startsWith('--') ? { ...words, plan: `${shortPlanId(plan)} ${words.plan}`.trim() } : words);
}

function stepsOf(plan: RecoveryPlan, words: RunbookWords): RunbookStep[] {
  return [...before(plan, words), ...change(plan, words), ...after(plan, words)];
}

/** Everything before the first byte is changed. */
function before(plan: RecoveryPlan, words: RunbookWords): RunbookStep[] {
  const dead = plan.dead.map(mdText).sort().join(', ');
  const fences = [...plan.fences].sort((a, b) => (a.member < b.member ? -1 : 1)).map((one) => `- **${mdText(one.member)}**${one.addresses.length === 0 ? '' : ` (${one.addresses.map(mdText).join(', ')})`}: ${mdText(one.action)}`);
  return [
    { title: 'The majority cannot return', text: [`${dead === '' ? 'The other members' : dead} will not come back with the data they had. Somebody who knows the machines says so.`], commands: [], expect: '', otherwise: '', gate: 'Is the majority gone for good? Who says so?' },
    {
      title: 'Stop write traffic',
      text: ['Take clients off: the load balancer, the applications, or a firewall on the client port. A write that reaches another copy of the data now is a write that is lost.'],
      commands: [],
      expect: 'no client is connected and none retries',
      otherwise: 'find who still writes; do not go on',
      gate: 'Is write traffic stopped? How was it checked?',
    },
    { title: 'Fence the others first', text: fences.length === 0 ? ['The plan names nothing to fence.'] : ['What comes back with old data forms a second cluster. Before anything is started:', fences.join('\n')], commands: [], expect: fences.length === 0 ? '' : 'each of them is off, and cannot start by itself (unit disabled, manifest moved, volume detached)', otherwise: 'do not go on: two clusters with one name are worse than none', gate: fences.length === 0 ? null : 'Is each of them fenced? By whom, how?' },
    { title: 'Stop the server of the source', text: ['Nothing may have the directory open: a unit that restarts it, a static pod, a backup job.'], commands: [], expect: 'the preview below says that nobody has the directory open', otherwise: 'the refusal names the process and how to stop it', gate: null },
    { title: 'Read the plan', text: ['Two people read it.'], commands: [command('show', words), command('lint', words)], expect: `\`PLAN ${shortPlanId(plan)}\` in the first line, no error from lint`, otherwise: 'make the plan again; a plan is never edited by hand', gate: `Do two people agree to ${mdText(lossWords(plan))}? Which two?` },
    { title: 'Rehearse on a copy', text: ['The whole plan, on copies: nothing of the data is touched.'], commands: [command('rehearse', words)], expect: 'PASSED, exit 0', otherwise: 'read which phase failed. Unverifiable (exit 11) means that no server was at hand to start the copy: decide whether that is enough', gate: null },
  ];
}

function lossWords(plan: RecoveryPlan): string {
  const { verdict, inDoubt } = plan.why.loss;
  const doubt = inDoubt === null ? '' : `, and to ${plan.inDoubt} what is in doubt`;
  return verdict === 'none' ? `this plan, by which nothing is lost${doubt}` : `a loss of ${verdict}${doubt}`;
}

/** The change itself. */
function change(plan: RecoveryPlan, words: RunbookWords): RunbookStep[] {
  const data = plan.dataDir === null ? ['--data <directory>'] : [];
  const confirm = ['--confirm', words.confirm];
  return [
    { title: 'Preview', text: plan.dataDir === null ? ['The plan was made from a copy: fill in where the data lies, here and below.'] : [], commands: [command('apply', words, ...data)], expect: 'PREVIEW, every check ok, exit 0', otherwise: 'see the table of exit codes; what is refused here would be refused below', gate: null },
    {
      title: 'Apply',
      text: ['A backup is made and verified first; the result is built beside the data, checked, and swapped in. It may be interrupted at any point.'],
      commands: [command('apply', words, ...data, '--execute', ...confirm)],
      expect: `\`APPLIED  plan ${shortPlanId(plan)}\`, exit 0`,
      otherwise: `exit 8: the same command again, it goes on where it was. \`${command('status', words)}\` says where it stands`,
      gate: 'Is it applied? At what time?',
    },
  ];
}

/** From the first start to open traffic. */
function after(plan: RecoveryPlan, words: RunbookWords): RunbookStep[] {
  const hints = startHints(plan);
  const checks = plan.checks.length === 0 ? ['--check ./your-own-check.sh'] : plan.checks.map((one) => `--check ${words.quote(one)}`);
  const { connection } = words;
  const own = `the tools of ${mdText(plan.product ?? 'the program')}`;
  const verify = connection === null ? [] : [command('verify', words, ...checks, connection)];
  const grow = plan.joins.map((one): RunbookStep => ({
    title: `Add ${mdText(one.member)}`,
    text: [`One at a time, with an empty directory: ${plan.store === 'native' ? 'start it first, then add it' : 'the first command announces it, then start it'}. Its settings:`, mdBlock(one.settings, 'text').join('\n')],
    commands: connection === null ? [] : joinCommands(plan, one.member, words, connection),
    expect: 'it is a voter, healthy and caught up',
    otherwise: 'leave the cluster as it is and find out why; never add the next one before',
    gate: null,
  }));
  return [
    { title: `Start ${mdText(plan.source)}`, text: [hints.length === 0 ? 'Start it as always.' : hints.map((one) => `- ${mdText(one)}`).join('\n')], commands: [], expect: 'it leads alone within seconds', otherwise: 'stop it, keep its log, and go to the way back', gate: null },
    { title: 'Verify', text: ['Your own check of the data belongs here: a script that exits 0 when the data is right.', ...(connection === null ? [`Nothing here speaks to a running cluster of this kind: look with ${own}.`] : [])], commands: verify, expect: connection === null ? `one leader, ${mdText(plan.source)} alone, a write accepted and read back` : 'VERIFIED, exit 0', otherwise: 'keep traffic away, stop the server, and go to the way back', gate: 'Is it verified, with a check of your own data? Who looked?' },
    ...grow,
    { title: 'Reopen traffic', text: ['Only when the cluster is healthy and the data is right.'], commands: connection === null ? [] : [...verify, `raft-inspector member list ${connection}`.trimEnd()], expect: `${connection === null ? `${own} show` : 'verify ends in 0;'} ${plan.targetMembers} voters, all healthy`, otherwise: 'traffic stays closed', gate: `${connection === null ? 'Is it healthy, by your own check as well' : 'Did verify end in 0'}? Who opens the traffic?` },
    { title: 'Write it down', text: ['A backup of the new cluster first; then the report, signed by two people. What was learned goes into this runbook and into a drill.'], commands: [command('report', words, '-o report.html')], expect: 'RECOVERED in the first line', otherwise: 'the report says what is missing', gate: null },
  ];
}

/** A learner first; once it runs and has caught up, a voter. The id confirms where the change leaves no margin. */
function joinCommands(plan: RecoveryPlan, member: string, words: RunbookWords, connection: string): string[] {
  const name = words.quote(member);
  const confirm = plan.outcome.clusterId === null ? '' : ` --confirm ${words.quote(plan.outcome.clusterId.slice(0, CONFIRM_CHARS))}`;
  return [`member add ${name} ${addressOf(plan, member, words)} --execute`, `member wait ${name}`, `member promote ${name} --execute${confirm}`].map((one) => `raft-inspector ${one} ${connection}`.trimEnd());
}

/** Where a member was reached before; a place to fill in for a new one. */
function addressOf(plan: RecoveryPlan, member: string, words: RunbookWords): string {
  const listens = plan.joins.find((one) => one.member === member)?.settings.flatMap((one) => /^listen: (\S+)$/.exec(one)?.[1] ?? [])[0];
  const known = plan.fences.find((one) => one.member === member)?.addresses[0] ?? listens;
  return known === undefined ? '<address>' : words.quote(known);
}

function startHints(plan: RecoveryPlan): string[] {
  const start = plan.steps.find((one) => one.kind === 'swap')?.after?.['start'];
  return Array.isArray(start) ? start.filter((one) => typeof one === 'string') : [];
}

function wayBack(plan: RecoveryPlan, undo: string): string[] {
  return ['## The way back', '', `At any point, until ${mdText(plan.rollback.until)}: stop the server, then`, '', ...mdBlock([undo, `${undo} --execute`], 'sh'), '', 'The original bytes come back, compared with the backup by their digests. What was there before the undo is kept beside them.', ''];
}
