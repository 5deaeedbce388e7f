import { Command, type Interfaces } from '@oclif/core';
import { DeclinedError, EXIT, type ExitCode, exitName, UsageError } from '../engine/errors.ts';
import type { Answer } from './answer.ts';
import type { Run } from './envelope.ts';
import { toFailure } from './failure.ts';
import { type Format, globalFlags } from './flags.ts';
import { askedBy, mannerOf } from './manner.ts';
import { present, presentFailure } from './present.ts';
import { createProgressDisplay, type ProgressDisplay } from './progress.ts';
import type { Redaction } from './redact.ts';
import { RunLog } from './run-log.ts';

/** The global flags as parsed. */
export interface Globals {
  json: boolean;
  format: Format | undefined;
  quiet: boolean;
  verbose: boolean;
  yes: boolean;
  override: string[];
  'no-wait': boolean;
  timeout: number | undefined;
  redact: Redaction;
}

/**
 * The frame around every command: it alone turns answers and errors into screens, envelopes and exit codes. A subclass parses
 * its flags and asks the engine inside `execute`, and returns what is to be shown; it prints nothing itself.
 */
export abstract class BaseCommand<T> extends Command {
  static override baseFlags = globalFlags;

  /** Set by `parse`. */
  protected globals: Globals = { json: false, format: undefined, quiet: false, verbose: false, yes: false, override: [], 'no-wait': false, timeout: undefined, redact: 'values' };
  private display: ProgressDisplay | undefined;
  private runLog = RunLog.none();

  protected abstract execute(): Promise<Answer<T>>;

  override async run(): Promise<void> {
    const run: Run = { command: (this.id ?? '').replaceAll(':', ' '), version: this.config.version, startedAt: new Date() };
    const stop = this.answerInterrupts(run);
    try {
      const answer = await this.execute();
      this.display?.clear();
      this.end(await present(answer, run, mannerOf(askedBy(this.argv))), answer);
    } catch (error) {
      await this.fail(error, run);
    } finally {
      stop();
    }
  }

  /** Progress for slow reads; also where `--timeout` is noticed. */
  protected get progress(): ProgressDisplay['report'] {
    const { quiet, timeout } = this.globals;
    this.display ??= createProgressDisplay(timeout === undefined ? { quiet } : { quiet, timeoutMs: timeout });
    return this.display.report;
  }

  /** Shows the steps of a change as rows while they run; the answer is told of each. */
  protected showSteps(names: readonly string[]): ReturnType<ProgressDisplay['steps']> {
    void this.progress;
    return this.display?.steps(names) ?? (() => {});
  }

  /** Takes progress off the screen before something else is printed. */
  protected clearProgress(): void {
    this.display?.clear();
  }

  // The framework's own signature: its constraints are spelled with `any`.
  protected override async parse<F extends Interfaces.OutputFlags<any>, B extends Interfaces.OutputFlags<any>, A extends Interfaces.OutputArgs<any>>(
    options?: Interfaces.Input<F, B, A>,
    argv?: string[],
  ): Promise<Interfaces.ParserOutput<F, B, A>> {
    const parsed = await super.parse<F, B, A>(options, argv ?? this.argv);
    const flags = parsed.flags as unknown as Partial<Globals> & { 'log-file'?: string };
    this.globals = { ...this.globals, ...flags };
    if (flags.json && flags.format !== undefined && flags.format !== 'json') {
      throw new UsageError(`--json and --format ${flags.format} ask for two different things`, 'Give one of them');
    }
    if (flags['log-file'] !== undefined) {
      this.runLog = RunLog.open(flags['log-file']);
      this.runLog.add('info', 'started', { command: this.id, argv: this.argv });
    }
    return parsed;
  }

  /** Reached only by errors outside `run`, such as a hook's. */
  protected override async catch(error: Error): Promise<void> {
    await this.fail(error, { command: (this.id ?? '').replaceAll(':', ' '), version: this.config.version, startedAt: new Date() });
  }

  private async fail(error: unknown, run: Run): Promise<void> {
    this.display?.clear();
    const failure = toFailure(error, run.command);
    this.runLog.add('error', 'failed', { ...failure.body, stack: failure.stack });
    this.end(await presentFailure(failure, run, mannerOf(askedBy(this.argv))));
  }

  private end(exit: ExitCode, answer?: Answer<unknown>): void {
    for (const one of answer?.findings ?? []) this.runLog.add(one.severity, 'finding', { ...one });
    this.runLog.add('info', 'ended', { exit, name: exitName(exit) });
    process.exitCode = exit;
  }

  /** Ctrl-C before anything was changed ends in exit 5. Commands that write put their own answer in place. */
  protected answerInterrupts(run: Run): () => void {
    const onInterrupt = (): void => {
      this.display?.clear();
      const failure = toFailure(new DeclinedError('interrupted; nothing was changed', ''), run.command);
      void presentFailure(failure, run, mannerOf(askedBy(this.argv))).finally(() => process.exit(EXIT.declined));
    };
    process.on('SIGINT', onInterrupt);
    return () => process.off('SIGINT', onInterrupt);
  }
}
