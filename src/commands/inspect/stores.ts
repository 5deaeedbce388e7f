import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { READERS } from '../../engine/readers/index.ts';

interface Stores {
  stores: { store: string; title: string; looksFor: string[] }[];
}

export default class InspectStores extends BaseCommand<Stores> {
  static override summary = 'What can be read, and what is looked for';
  static override description = 'Each store with the products and versions that write it, and the files by which it is known.';
  static override examples = ['<%= config.bin %> inspect stores'];

  protected async execute(): Promise<Answer<Stores>> {
    await this.parse(InspectStores);
    const stores = READERS.map(({ store, title, looksFor }) => ({ store, title, looksFor }));
    return {
      data: { stores },
      findings: [],
      next: [],
      *screen(style) {
        yield `${style.strong('STORES')}  ${stores.length} can be read`;
        for (const one of stores) {
          yield `  ${style.strong(one.store)}  ${one.title}`;
          for (const name of one.looksFor) yield `    ${name}`;
        }
      },
    };
  }
}
