/** The parts of the manifest that completion needs. */
export interface ManifestCommand {
  id: string;
  hidden?: boolean;
  summary?: string | undefined;
  args?: Record<string, { options?: readonly string[] | undefined }>;
  flags: Record<string, { name: string; char?: string | undefined; type: 'boolean' | 'option'; hidden?: boolean; summary?: string | undefined; options?: readonly string[] | undefined }>;
}

export interface FlagWords {
  /** With dashes: `--format`, `-o`. */
  names: string[];
  summary: string;
  takesValue: boolean;
  values: readonly string[];
}

export interface CommandWords {
  /** As typed: `inspect member`. */
  name: string;
  summary: string;
  flags: FlagWords[];
  /** Values of the first argument, where they are a fixed set; else files are completed. */
  values: readonly string[];
}

/** What can be typed, read once from the manifest: completion scripts are static and never start the tool. */
export function vocabularyOf(commands: readonly ManifestCommand[]): CommandWords[] {
  return commands
    .filter((command) => !command.hidden)
    .map((command) => ({
      name: command.id.replaceAll(':', ' '),
      summary: firstLine(command.summary),
      flags: Object.values(command.flags)
        .filter((flag) => !flag.hidden)
        .map((flag) => ({
          names: [`--${flag.name}`, ...(flag.char === undefined ? [] : [`-${flag.char}`])],
          summary: firstLine(flag.summary),
          takesValue: flag.type === 'option',
          values: flag.options ?? [],
        }))
        .sort((a, b) => ((a.names[0] ?? '') < (b.names[0] ?? '') ? -1 : 1)),
      values: Object.values(command.args ?? {})[0]?.options ?? [],
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** First words and, for topics, the verbs below them. */
export function topicsOf(commands: readonly CommandWords[]): Map<string, string[]> {
  const topics = new Map<string, string[]>();
  for (const { name } of commands) {
    const [first = '', second] = name.split(' ');
    const verbs = topics.get(first) ?? [];
    if (second !== undefined) verbs.push(second);
    topics.set(first, verbs);
  }
  return topics;
}

function firstLine(text: string | undefined): string {
  return (text ?? '').split('\n')[0]?.replace(/<%.*?%>/g, '') ?? '';
}
