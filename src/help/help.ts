import { CommandHelp, type Command, Help, type Interfaces } from '@oclif/core';
import { inOrder, ROOT_PATH, SITUATIONS, TOPIC_BESIDE, TOPIC_INTRO } from './situations.ts';

const TITLE_WIDTH = 20;
const CELL_WIDTH = 21;

/** Examples come first: they are what people read help for. */
class ExamplesFirst extends CommandHelp {
  /** The summary is printed above everything; the framework would repeat it here. */
  protected override description(): string | undefined {
    const { description, summary } = this.command;
    return description === undefined || description === summary ? undefined : this.wrap(this.render(description).trim());
  }

  protected override sections(): ReturnType<CommandHelp['sections']> {
    const sections = super.sections();
    const examples = sections.filter((one) => one.header === 'EXAMPLES');
    return [...examples, ...sections.filter((one) => one.header !== 'EXAMPLES')];
  }
}

/** Help that reads like a runbook: situations at the root, the path in order in a topic, and only commands that exist. */
export class RunbookHelp extends Help {
  protected override CommandHelpClass = ExamplesFirst;

  protected override async showRootHelp(): Promise<void> {
    for (const line of rootHelp(this.config.commandIDs)) this.log(line);
  }

  protected override async showTopicHelp(topic: Interfaces.Topic): Promise<void> {
    const summaries = new Map(this.config.commands.filter((one) => !one.hidden).map((one: Command.Loadable) => [one.id, one.summary ?? one.description ?? '']));
    for (const line of topicHelp(topic.name, summaries)) this.log(line);
  }
}

/** One screen: what is wrong, and what to type then. */
export function rootHelp(ids: readonly string[]): string[] {
  const verbs = ids.includes('drill:run') ? 'Read, rescue, operate and drill' : 'Read, rescue and operate';
  const lines = [`${verbs} Raft clusters. Looking never writes; changing needs --execute.`, ''];
  const steps = ROOT_PATH.filter((verb) => ids.includes(`recover:${verb}`));
  const ends = [...(steps.includes('apply') && ids.includes('member:add') ? [', grow'] : []), ...(ids.includes('recover:undo') ? ['; or undo'] : [])];
  if (steps.length > 0) lines.push(`  ${'Lost the majority'.padEnd(TITLE_WIDTH)}recover --help: ${steps.join(', ')}${ends.join('')}`);
  for (const situation of SITUATIONS) {
    const cells = situation.commands.filter((one) => ids.includes(one.id)).map((one) => one.text.padEnd(CELL_WIDTH));
    if (cells.length > 0) lines.push(`  ${situation.title.padEnd(TITLE_WIDTH)}${cells.join('')}`.trimEnd());
  }
  const topics = [...new Set(ids.filter((id) => id.includes(':')).map((id) => id.split(':')[0] ?? ''))].sort();
  lines.push('', `More: raft-inspector ${topics.join('|')} --help`);
  if (ids.includes('inspect:member')) lines.push('      raft-inspector <path> looks at one member');
  return lines;
}

/** A topic's commands in the order they are used, with their summaries. */
export function topicHelp(topic: string, summaries: ReadonlyMap<string, string>): string[] {
  const own = inOrder(
    topic,
    [...summaries.keys()].filter((id) => id.startsWith(`${topic}:`)),
  );
  const beside = (TOPIC_BESIDE[topic] ?? []).filter((one) => summaries.has(one.id));
  const ids = own.flatMap((id) => [id, ...beside.filter((one) => id === `${topic}:${one.after}`).map((one) => one.id)]);
  const names = ids.map((id) => `raft-inspector ${id.replaceAll(':', ' ')}`);
  const width = Math.max(0, ...names.map((name) => name.length)) + 2;
  const intro = TOPIC_INTRO[topic] ?? [];
  const numbered = topic === 'recover';
  return [
    ...intro,
    ...(intro.length > 0 ? [''] : []),
    ...ids.map((id, at) => `  ${numbered ? `${String(at + 1).padStart(2)}  ` : ''}${(names[at] ?? '').padEnd(width)}${(summaries.get(id) ?? '').split('\n')[0] ?? ''}`),
    '',
    `Flags and examples of each: raft-inspector ${topic} <command> --help`,
  ];
}
