import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { durationFlag } from '../../cli/flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { drillHistoryScreen } from '../../cli/render/drill-history.ts';
import { findingLines } from '../../cli/render/findings.ts';
import { DUE_AFTER_DAYS, HISTORY_DIRECTORY, isAhead, readHistory, runsBefore, type ScenarioStanding, standingsOf } from '../../engine/drill/history.ts';
import { EXIT } from '../../engine/errors.ts';
import { finding } from '../../engine/model/finding.ts';
import type { DrillRecord } from '../../engine/model/drill-record.ts';

export interface DrillHistoryReport {
  standings: ScenarioStanding[];
  runs: Pick<DrillRecord, 'drillId' | 'scenario' | 'engine' | 'nodes' | 'verdict' | 'startedAt' | 'rtoMs' | 'rpo' | 'electionMs' | 'durationMs' | 'tool'>[];
  /** Scenarios whose last good run is too old; those that were asked for and never ran as well. */
  due: string[];
}

const DAY_MS = 86_400_000;

export default class DrillHistory extends BaseCommand<DrillHistoryReport> {
  static override summary = 'Past drills: when the next one is due, trends, and what became worse';
  static override description = `A drill is due when its last good run is older than --max-age (default ${DUE_AFTER_DAYS}d), or when it never passed. With --due the answer is exit 10 when one is, for a timer.
A time that is more than half above the median of the runs before is told as a regression, whatever the limit says.`;
  static override examples = ['<%= config.bin %> drill history', '<%= config.bin %> drill history --due --scenario quorum-loss-3 --max-age 30d'];
  static override flags = {
    history: Flags.string({ helpValue: '<dir>', default: `./${HISTORY_DIRECTORY}`, summary: 'Past runs, one file each' }),
    scenario: Flags.string({ helpValue: '<name>', summary: 'Only this one' }),
    due: Flags.boolean({ summary: 'Exit 10 when a drill is due' }),
    'max-age': durationFlag({ summary: `Age after which a drill is due (default ${DUE_AFTER_DAYS}d)` }),
  };

  protected async execute(): Promise<Answer<DrillHistoryReport>> {
    const { flags } = await this.parse(DrillHistory);
    const { records, findings } = readHistory(flags.history);
    const wanted = records.filter((one) => flags.scenario === undefined || one.scenario === flags.scenario);
    const now = new Date();
    for (const one of wanted.filter((run) => isAhead(run, now))) findings.push(finding('drill-from-the-future', 'warn', `${one.drillId} began at ${one.startedAt}, and that is yet to come: it puts off no drill`, { fix: 'Set the clock right, and run the drill again' }));
    const standings = standingsOf(wanted, now, flags['max-age'] ?? DUE_AFTER_DAYS * DAY_MS);
    const missing = standings.length > 0 ? [] : [flags.scenario ?? 'quorum-loss-3'];
    const due = [...new Set([...missing, ...standings.filter((one) => one.isDue).map((one) => one.scenario)])];
    // Said again in what is typed next: a run that is kept elsewhere would leave the drill due.
    const kept = flags.history === `./${HISTORY_DIRECTORY}` ? [] : ['--history', flags.history];
    for (const one of standings) for (const { measure, percent } of one.regressions) findings.push(finding('drill-regression', 'warn', `${one.scenario}: ${measure} of ${one.lastId} is ${percent} % above the median of the runs before`, { fix: compareCommand(one, wanted, kept) }));
    return {
      data: { standings, runs: wanted.map(({ drillId, scenario, engine, nodes, verdict, startedAt, rtoMs, rpo, electionMs, durationMs, tool }) => ({ drillId, scenario, engine, nodes, verdict, startedAt, rtoMs, rpo, electionMs, durationMs, tool })), due },
      findings,
      exits: flags.due && due.length > 0 ? [EXIT['objective-missed']] : [],
      next: due.slice(0, 3).map((name) => commandLine('raft-inspector', 'drill', 'run', name, ...kept)),
      *screen(style) {
        yield* drillHistoryScreen({ standings, runs: wanted, due, directory: flags.history }, style);
        // Regressions have a line of their own there.
        yield* findingLines(findings.filter((one) => one.rule !== 'drill-regression'), style);
      },
    };
  }
}

/** The run before against the last one: what it was like is seen next to what it became. */
function compareCommand({ lastId }: ScenarioStanding, records: readonly DrillRecord[], kept: readonly string[]): string {
  const last = records.find((one) => one.drillId === lastId);
  // A regression is one against runs before, so there is one.
  const earlier = last === undefined ? undefined : runsBefore(last, records).at(-1);
  return commandLine('raft-inspector', 'drill', 'compare', earlier?.drillId, lastId, ...kept);
}
