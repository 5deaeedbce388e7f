import { BaseCommand } from '../cli/base-command.ts';
import type { Answer } from '../cli/answer.ts';

export interface VersionData {
  name: string;
  version: string;
  node: string;
  platform: string;
}

export default class Version extends BaseCommand<VersionData> {
  static override summary = 'Show the version of this tool and of Node';
  static override description = 'Nothing is read but the package itself.';
  static override examples = ['<%= config.bin %> version', '<%= config.bin %> version --json'];

  protected async execute(): Promise<Answer<VersionData>> {
    await this.parse(Version);
    const data = { name: this.config.name, version: this.config.version, node: process.versions.node, platform: `${process.platform}-${process.arch}` };
    return {
      data,
      findings: [],
      next: [],
      screen: (style) => [`${style.strong(data.name)} ${data.version}  node ${data.node}  ${data.platform}`],
    };
  }
}
