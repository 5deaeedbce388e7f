import path from 'node:path';
import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { caseFlags, planArg } from '../../cli/case-flags.ts';
import { escapeControl } from '../../cli/escape.ts';
import { programOf } from '../../cli/lab-frame.ts';
import { overridesOf } from '../../cli/live-command.ts';
import { writeError } from '../../cli/output.ts';
import { commandLine } from '../../cli/quote.ts';
import { rehearseLines } from '../../cli/render/rehearse.ts';
import { EXIT } from '../../engine/errors.ts';
import { type Finding, finding } from '../../engine/model/finding.ts';
import type { RehearsalReport } from '../../engine/model/verify-report.ts';
import { APPLY_OVERRIDES } from '../../engine/recovery/apply/options.ts';
import { REHEARSAL_FILE } from '../../engine/recovery/apply/rehearsed.ts';
import { writeCaseFile } from '../../engine/rehearsal/case-result.ts';
import { rehearse } from '../../engine/rehearsal/rehearse.ts';

export default class RecoverRehearse extends CaseCommand<RehearsalReport> {
  static override summary = 'Try a whole plan on a copy: apply it, start the server, write, read back';
  static override description = `The source is only read. The copy is made in a directory of its own, started on loopback only, and thrown away.
Our own engine is started from this program, etcd from its own where there is one of the minor that the data is of: --binary, ETCD_BINARY, or PATH.
Exit 0 passed, 3 failed, 11 when nothing here can start the result (the offline checks of the apply passed then), 7 when the source is not what the plan was made for.
The result is kept in the case directory, with a copy of a plan that lies elsewhere; recover apply and recover verify look at it.`;
  static override examples = ['<%= config.bin %> recover rehearse', '<%= config.bin %> recover rehearse plan.json --scratch /mnt/big', '<%= config.bin %> recover rehearse 5c2e91 --binary /opt/etcd-3.5.16/etcd --json'];
  static override args = { plan: planArg };
  static override flags = {
    data: Flags.string({ helpValue: '<dir>', summary: 'Where the source lies on this machine, when not where the plan says' }),
    scratch: Flags.string({ helpValue: '<dir>', summary: 'Where the copy is made (default: the place for temporary files)' }),
    binary: Flags.string({ helpValue: '<file>', summary: "The server's own program (default: ETCD_BINARY, else etcd on PATH)" }),
    ...caseFlags,
  };

  protected async execute(): Promise<Answer<RehearsalReport>> {
    const { args, flags } = await this.parse(RecoverRehearse);
    const overrides = overridesOf(this.globals.override, APPLY_OVERRIDES);
    const { plan, caseDir, words } = await this.openPlan(args.plan, flags.case);
    const problem = await this.beginCase(flags.data);
    const report = await rehearse(plan, {
      program: programOf(this.config.root),
      dataDir: flags.data,
      scratch: flags.scratch === undefined ? undefined : path.resolve(flags.scratch),
      binary: flags.binary,
      overrides: [...overrides],
      verifyMs: this.globals.timeout,
      progress: this.progress,
    });
    const isKept = problem === null && writeCaseFile(caseDir, REHEARSAL_FILE, report);
    this.clearProgress();
    if (!isKept && !this.globals.quiet) writeError(`The result is not kept${problem === null ? `: ${escapeControl(caseDir)} cannot be written` : `: ${escapeControl(problem)}`}. Name a case directory with --case\n`);
    const findings: Finding[] = report.verdict === 'fail' ? [finding('rehearsal-failed', 'error', report.detail, { fix: 'Do not apply it: raft-inspector recover show, and look what the failed phase says' })] : [];
    return {
      data: report,
      findings,
      exits: report.verdict === 'unverifiable' ? [EXIT.unverifiable] : [],
      next: report.verdict === 'fail' ? [commandLine('raft-inspector', 'recover', 'show', ...words)] : [commandLine('raft-inspector', 'recover', 'apply', ...words, ...(flags.data === undefined ? [] : ['--data', flags.data]))],
      screen: (style) => rehearseLines(report, plan, style),
    };
  }
}
