import { drillSchema } from './drill-file.ts';
import { PRESETS } from './presets.ts';
import { scenarioOf } from './scenarios/index.ts';

/** A drill file to begin with, every field explained. @throws {UsageError} For a scenario that does not exist. */
export function drillTemplate(name: string): string {
  const scenario = scenarioOf(name);
  const { load } = drillSchema.parse({ scenario: scenario.name, ...(scenario.load === undefined ? {} : { load: scenario.load }) });
  const limits = Object.entries(scenario.limits).map(([key, value]) => `  ${key}: ${value}`);
  const faults =
    scenario.name === 'faults'
      ? ['faults:', '  # A fault by name, at milliseconds after the load has settled; it ends by itself.', '  - preset: delay-200-50', '    atMs: 0', '    forMs: 10000', '  # Or in full: kind, target (leader, follower, followers, all, or a member), and what the kind needs.', '  - kind: kill', '    target: leader', '    atMs: 12000', '    forMs: 3000', `  # Names: ${PRESETS.map((one) => one.name).join(', ')}`]
      : [];
  const recovery = scenario.name.startsWith('quorum-loss') ? ['# The majority dies one by one (each loss is survived until the last), or at-once.', 'kill: one-by-one', '# Clients are let back in after-check (as soon as the rebuilt cluster is verified), or after-grow (at full strength).', 'reopen: after-check'] : [];
  const backup = scenario.takesBackup === true ? ['# A data directory or archive of your own to start from; it is copied and never touched.', '# backup: /backup/raft/n1'] : [];
  return [
    `# ${scenario.title}.`,
    `# Run it with: raft-inspector drill run <this file> --out results`,
    'version: 1',
    `scenario: ${scenario.name}`,
    '# What the report calls it.',
    `title: ${JSON.stringify(scenario.title)}`,
    '# Real processes of our own engine, started for the drill and ended with it.',
    'engine: native',
    `nodes: ${scenario.nodes}`,
    '# The same seed hits the same members. Left out: drawn.',
    '# seed: 4711',
    '# fast: elections within 150 to 300 ms; calm: ten times that.',
    `timing: ${scenario.timing}`,
    'load:',
    `  clients: ${load.clients}`,
    '  # Operations a second, all clients together; below 100 before the fault a run is void.',
    `  rate: ${load.rate}`,
    `  valueBytes: ${load.valueBytes}`,
    `  keys: ${load.keys}`,
    '  # Share of linearizable reads.',
    `  readPercent: ${load.readPercent}`,
    `  warmupMs: ${load.warmupMs}`,
    `  timeoutMs: ${load.timeoutMs}`,
    ...faults,
    ...recovery,
    ...backup,
    '# Commands of your own; another exit than 0 fails the drill. RAFT_INSPECTOR_LAB is the practice cluster.',
    'checks: []',
    '# A missed objective ends the run with exit 10. Times in milliseconds.',
    'objectives:',
    ...limits,
    '# For the report; none of it is judged.',
    'service: null',
    'environment: null',
    '# As your auditors call them; no compliance is claimed.',
    'controls: []',
    '# Action items. Those of the last run are carried over until they are closed here.',
    'followUps: []',
    '# - {id: DR-1, text: rehearse with the night shift, owner: null, openedAt: 2026-01-31, due: null, state: open}',
    '',
  ].join('\n');
}
