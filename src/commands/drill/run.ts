import path from 'node:path';
import { Args, Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import type { Run } from '../../cli/envelope.ts';
import { programOf, supervisorOf } from '../../cli/lab-frame.ts';
import { showDuration } from '../../cli/measure.ts';
import { writeError } from '../../cli/output.ts';
import { commandLine } from '../../cli/quote.ts';
import { drillScreen, regressionWords } from '../../cli/render/drill.ts';
import { findingLines } from '../../cli/render/findings.ts';
import { DeclinedError, UnreachableError } from '../../engine/errors.ts';
import { HISTORY_DIRECTORY, keepRecord, makeDirectory, readHistory, regressionsOf } from '../../engine/drill/history.ts';
import { exitOf } from '../../engine/drill/judge.ts';
import type { DrillRecord } from '../../engine/model/drill-record.ts';
import { finding } from '../../engine/model/finding.ts';

export default class DrillRun extends BaseCommand<DrillRecord> {
  static override summary = 'Break a practice cluster on purpose, get it back, and judge how it went';
  static override description = `Starts real member processes in a directory of its own, puts clients to work, does what the scenario says, and judges: acknowledged writes lost or doubled, time to recovery, election time, failures, and the checks of the drill.
Touches no other cluster. Ctrl-C ends everything that was started. Exit 0 passed, 3 a check failed, 10 an objective was missed, 11 it could not run.`;
  static override examples = ['<%= config.bin %> drill run quorum-loss-3 --out results', '<%= config.bin %> drill run drills/quorum-loss.yaml --out results --history drills/history', '<%= config.bin %> drill run partition-3-2 --seed 4711 --json'];
  static override args = { scenario: Args.string({ required: true, description: 'Name of a scenario or fault (drill init lists them), or a drill file' }) };
  static override flags = {
    out: Flags.string({ char: 'o', helpValue: '<dir>', summary: 'Write record, client history and report (HTML, Markdown, JUnit) there' }),
    history: Flags.string({ helpValue: '<dir>', default: `./${HISTORY_DIRECTORY}`, summary: 'Past runs, one file each; this run is added' }),
    seed: Flags.string({ helpValue: '<word>', summary: 'Hit the same members as another run did' }),
  };
  private readonly stop = new AbortController();

  protected async execute(): Promise<Answer<DrillRecord>> {
    const { args, flags } = await this.parse(DrillRun);
    const { openDrill } = await import('../../engine/drill/source.ts');
    const { runDrill } = await import('../../engine/drill/run.ts');
    const { prepareResults, writeResults } = await import('../../engine/drill/results.ts');
    const { InterruptedError } = await import('../../engine/drill/world.ts');
    const source = openDrill(args.scenario, flags.seed);
    const past = readHistory(flags.history);
    makeDirectory(flags.history, '--history');
    if (flags.out !== undefined) prepareResults(flags.out);
    const last = past.records.findLast((one) => one.scenario === source.file.scenario);
    const { timeout } = this.globals;
    let isLate = false;
    const giveUp = (): void => {
      isLate = true;
      this.stop.abort();
    };
    const timer = timeout === undefined ? undefined : setTimeout(giveUp, timeout);
    let record: DrillRecord;
    try {
      record = await runDrill(source, {
        tool: { program: programOf(this.config.root), supervisor: supervisorOf(this.config.root), version: this.config.version },
        signal: this.stop.signal,
        lastFollowUps: last?.followUps,
        onPhase: this.teller(),
        keep: (one, files) => (flags.out === undefined ? undefined : writeResults(flags.out, one, past.records, files.history)),
      });
    } catch (error) {
      if (error instanceof InterruptedError && isLate) throw new UnreachableError(`the drill was not done within ${showDuration(timeout ?? 0)}; everything that it had started was ended`, 'Allow more with --timeout');
      if (error instanceof InterruptedError) throw new DeclinedError('interrupted; everything that the drill had started was ended', '');
      throw error;
    } finally {
      clearTimeout(timer);
    }
    const kept = keepRecord(flags.history, record);
    const regressions = regressionsOf(record, past.records);
    return {
      data: record,
      findings: [...past.findings, ...regressions.map((one) => finding('drill-regression', 'warn', regressionWords(one), { fix: commandLine('raft-inspector', 'drill', 'history', ...(flags.history === `./${HISTORY_DIRECTORY}` ? [] : ['--history', flags.history])) }))],
      findingsDecide: false,
      exits: [exitOf(record)],
      next: [flags.out === undefined ? commandLine('raft-inspector', 'drill', 'report', kept, '--format', 'html', '-o', 'report.html') : commandLine('open', path.join(flags.out, 'report.html'))],
      *screen(style) {
        yield* drillScreen(record, past.records, style);
        yield* findingLines(past.findings, style);
      },
    };
  }

  /** The first Ctrl-C ends the practice cluster and then the run. */
  protected override answerInterrupts(_run: Run): () => void {
    const onInterrupt = (): void => this.stop.abort();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onInterrupt);
    return () => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, onInterrupt);
    };
  }

  /** Tells each phase as it begins, with the time since the start. */
  private teller(): (name: string) => void {
    const startedAt = performance.now();
    return (name) => {
      if (!this.globals.quiet) writeError(`  ${showDuration(performance.now() - startedAt).padStart(7)}  ${name}\n`);
    };
  }
}
