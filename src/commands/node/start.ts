import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { isTerminal } from '../../cli/output.ts';

export interface NodeStartReport {
  memberId: string;
  /** What ended it: a signal, or `failed`. */
  reason: string;
  ranMs: number;
}

export default class NodeStart extends BaseCommand<NodeStartReport> {
  static override summary = 'Run one member of a cluster, in the foreground, until SIGTERM or SIGINT';
  static override description = 'Writes one JSON object a line to stderr. SIGTERM and SIGINT hand leadership over and close everything (exit 0); a second one ends it at once. A failed disk or damaged data end it with exit 3, a refusal (directory-in-use, member-mismatch, not-initialised, fenced, address-in-use) with exit 4: it never repairs by itself.';
  static override examples = ['<%= config.bin %> <%= command.id %> --config n1.yaml', '<%= config.bin %> <%= command.id %> --config n1.yaml --ready-file /run/n1.ready'];
  static override flags = {
    config: Flags.string({ required: true, helpValue: '<file>', summary: 'Configuration of the member (YAML)' }),
    'ready-file': Flags.string({ helpValue: '<file>', summary: 'Written when the member serves, removed when it stops: for supervisors' }),
  };

  override async run(): Promise<void> {
    await super.run();
    // What a library may still hold open must not keep a stopped member alive.
    process.exit();
  }

  protected async execute(): Promise<Answer<NodeStartReport>> {
    const { flags } = await this.parse(NodeStart);
    const startedAt = Date.now();
    const [{ readNodeConfig }, { runMember }] = await Promise.all([import('../../engine/node/config.ts'), import('../../engine/node/run.ts')]);
    const end = await runMember(readNodeConfig(flags.config), {
      version: this.config.version,
      logTo: 2,
      readyFile: flags['ready-file'],
      attachLab: async (orphaned) => (await import('../../engine/lab/agent.ts')).LabAgent.attach(orphaned),
    });
    if (end.error !== null) {
      // A person at a terminal and a script that asked for JSON are told their way; elsewhere the log has said it, and stays JSON.
      if (this.globals.json || this.globals.format !== undefined || isTerminal(2)) throw end.error;
      process.exit(end.exit);
    }
    return {
      data: { memberId: end.memberId, reason: end.reason, ranMs: Date.now() - startedAt },
      findings: [],
      next: [],
      screen: () => [],
    };
  }

  /** The member answers signals itself. */
  protected override answerInterrupts(): () => void {
    return () => undefined;
  }
}
