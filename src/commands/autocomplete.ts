import { Args } from '@oclif/core';
import type { Answer } from '../cli/answer.ts';
import { BaseCommand } from '../cli/base-command.ts';
import { completionScript, type Shell, SHELLS } from '../cli/completion/scripts.ts';
import { type ManifestCommand, vocabularyOf } from '../cli/completion/vocabulary.ts';

export interface CompletionData {
  shell: Shell;
  script: string;
}

export default class Autocomplete extends BaseCommand<CompletionData> {
  static override summary = 'Print a completion script for bash, zsh or fish';
  static override description = 'The script is static: completing a word never starts the tool. It knows commands, flags and the values of flags that have a fixed set.';
  static override examples = [
    'source <(<%= config.bin %> autocomplete bash)',
    '<%= config.bin %> autocomplete zsh > ~/.zfunc/_raft-inspector',
    '<%= config.bin %> autocomplete fish > ~/.config/fish/completions/raft-inspector.fish',
  ];
  static override args = { shell: Args.string({ description: 'bash, zsh or fish', options: [...SHELLS], required: true }) };

  protected async execute(): Promise<Answer<CompletionData>> {
    const { args } = await this.parse(Autocomplete);
    const shell = SHELLS.find((one) => one === args.shell) ?? 'bash';
    const lines = completionScript(shell, vocabularyOf(this.config.commands as unknown as ManifestCommand[]));
    return { data: { shell, script: `${lines.join('\n')}\n` }, findings: [], next: [], screen: () => lines };
  }
}
