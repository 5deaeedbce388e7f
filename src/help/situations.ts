/** One line of the root help: a situation an operator is in, and what to type then. */
export interface Situation {
  title: string;
  /** Commands by id (`inspect:member`) and how they are written there. Those that do not exist are not shown. */
  commands: readonly { id: string; text: string }[];
}

const plain = (...ids: string[]): { id: string; text: string }[] => ids.map((id) => ({ id, text: id.replaceAll(':', ' ') }));

export const SITUATIONS: readonly Situation[] = [
  { title: 'Look at data', commands: [{ id: 'inspect:member', text: 'inspect member <dir>' }, ...plain('inspect:log', 'inspect:timeline', 'inspect:fsck')] },
  { title: 'Every day', commands: [{ id: 'member:list', text: 'member list --watch' }, ...plain('member:add', 'leader:stepdown', 'snapshot:verify')] },
  { title: 'Before an upgrade', commands: plain('upgrade:plan', 'upgrade:run', 'runbook:render') },
  { title: 'Every quarter', commands: [...plain('drill:run', 'drill:report'), { id: 'drill:history', text: 'drill history --due' }] },
  { title: 'Practise', commands: plain('lab:up', 'kv:put', 'lab:partition', 'bench:write') },
  { title: 'This machine', commands: plain('doctor', 'autocomplete', 'version') },
];

/** The path out of a lost majority, in order; each step and why it is taken. */
export const RECOVERY_PATH: readonly string[] = ['collect', 'pick', 'compare', 'plan', 'show', 'lint', 'diff', 'rehearse', 'apply', 'status', 'verify', 'report', 'undo', 'fence', 'bootstrap'];

/** Commands of other topics that are steps of the same path, each behind one of its own. */
export const TOPIC_BESIDE: Readonly<Record<string, readonly { id: string; after: string }[]>> = {
  recover: [
    { id: 'member:add', after: 'verify' },
    { id: 'snapshot:verify', after: 'verify' },
  ],
};

/** What of it the root help names: the steps that nobody leaves out. The rest is told by `recover --help`. */
export const ROOT_PATH: readonly string[] = ['collect', 'pick', 'plan', 'rehearse', 'apply', 'verify'];

/** The order in which a topic lists its commands; what is not named here follows by name. */
export const TOPIC_ORDER: Readonly<Record<string, readonly string[]>> = {
  recover: RECOVERY_PATH,
  inspect: ['member', 'log', 'membership', 'timeline', 'fsck', 'evidence', 'stores'],
  snapshot: ['list', 'inspect', 'verify', 'diff', 'save', 'restore'],
  member: ['list', 'add', 'wait', 'promote', 'remove', 'replace'],
  leader: ['show', 'stepdown'],
  kv: ['put', 'get', 'cas', 'delete', 'watch'],
  lab: ['up', 'status', 'start', 'kill', 'partition', 'heal', 'down'],
  node: ['init', 'start'],
  drill: ['init', 'run', 'report', 'history', 'compare'],
  runbook: ['render', 'run'],
};

export const TOPIC_INTRO: Readonly<Record<string, readonly string[]>> = {
  recover: [
    'Lost the majority: read every disk that is left, pick the member to continue from, make it a cluster of one, grow back.',
    'Stop the surviving members first. Only apply, undo, fence and bootstrap change data, and only with --execute; apply backs it up first.',
  ],
  inspect: ['Look at Raft data on disk. Read-only: it takes no lock, creates nothing beside the data, and never refuses to look.'],
  snapshot: ['Snapshots and backups: take them, see what they hold, and whether they can be trusted.'],
  member: ['Who is in a running cluster. Changes are shown first and need --execute; one at a time, and never below a majority.'],
  leader: ['Who leads a running cluster, and handing over.'],
  lab: ['A practice cluster of real member processes on this machine: start it, break it, heal it.'],
  node: ['One member of a cluster of the embedded engine.'],
  drill: ['Practise losing members on real processes: how long it took, and whether one acknowledged write was lost. Once a quarter.'],
  runbook: ['A plan as a document to follow by hand, with what has to hold before each step.'],
  kv: ['Keys and values of a running cluster of the embedded engine. Acts when called.'],
};

/** Ids in the order their topic reads best. */
export function inOrder(topic: string, ids: readonly string[]): string[] {
  const order = TOPIC_ORDER[topic] ?? [];
  const rank = (id: string): number => {
    const at = order.indexOf(id.slice(topic.length + 1));
    return at === -1 ? order.length : at;
  };
  return [...ids].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}
