import { type CommandWords, topicsOf } from './vocabulary.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The completion script of a shell, and how to load it as a comment on top. */
export function completionScript(shell: Shell, commands: readonly CommandWords[]): string[] {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](commands);
}

const single = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Branches shared by bash and zsh: what follows a flag with fixed values, the flags of a command, its first argument. */
function branches(commands: readonly CommandWords[], offer: (words: readonly string[]) => string, files: string): { values: string[]; flags: string[]; places: string[] } {
  const values: string[] = [];
  const flags: string[] = [];
  const places: string[] = [];
  for (const command of commands) {
    for (const flag of command.flags.filter((one) => one.takesValue)) {
      const patterns = flag.names.map((name) => single(`${command.name} ${name}`)).join('|');
      values.push(`    ${patterns}) ${flag.values.length > 0 ? offer(flag.values) : files}; return ;;`);
    }
    flags.push(`    ${single(command.name)}) ${offer([...command.flags.flatMap((flag) => flag.names), '--help'])} ;;`);
    if (command.values.length > 0) places.push(`    ${single(command.name)}) ${offer(command.values)} ;;`);
  }
  return { values, flags, places };
}

function wordBranches(commands: readonly CommandWords[], offer: (words: readonly string[]) => string): string[] {
  const topics = topicsOf(commands);
  const verbs = [...topics].filter(([, list]) => list.length > 0).map(([topic, list]) => `    ${single(topic)}) ${offer(list)} ;;`);
  return [`    '') ${offer([...topics.keys(), 'help', '--version'])}`, '      FILES ;;', ...verbs];
}

function bashScript(commands: readonly CommandWords[]): string[] {
  const offer = (words: readonly string[]): string => `COMPREPLY+=($(compgen -W ${single(words.join(' '))} -- "$cur"))`;
  const files = 'COMPREPLY+=($(compgen -f -- "$cur"))';
  const { values, flags, places } = branches(commands, offer, files);
  return [
    '# bash completion for raft-inspector. Load it with: source <(raft-inspector autocomplete bash)',
    '_raft_inspector() {',
    '  local IFS=$\' \\n\' cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} typed="" command="" word i',
    '  COMPREPLY=()',
    '  if [[ $cur == "=" ]]; then cur=""',
    '  elif [[ $prev == "=" ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    word=${COMP_WORDS[i]}',
    '    [[ $word == -* || $word == "=" ]] && continue',
    ...commandAndFlags(commands, values, flags),
    ...wordBranches(commands, offer).map((line) => line.replace('FILES', files)),
    ...places,
    `    *) ${files} ;;`,
    '  esac',
    '}',
    'complete -o filenames -F _raft_inspector raft-inspector',
  ];
}

/** What bash and zsh spell alike: finds the command in the words before the cursor, offers its flags, then begins the choice of words. */
function commandAndFlags(commands: readonly CommandWords[], values: readonly string[], flags: readonly string[]): string[] {
  return [
    '    case "${typed:+$typed }$word" in',
    `      ${names(commands)}) typed="\${typed:+$typed }$word"; command=$typed ;;`,
    '      *) break ;;',
    '    esac',
    '  done',
    '  case "$command $prev" in',
    ...values,
    '  esac',
    '  if [[ $cur == -* ]]; then',
    '    case "$command" in',
    ...flags.map((line) => `  ${line}`),
    '    esac',
    '    return',
    '  fi',
    '  case "$command" in',
  ];
}

/** Every word sequence that is a topic or a command, as a case pattern. */
function names(commands: readonly CommandWords[]): string {
  return [...new Set([...topicsOf(commands).keys(), ...commands.map((command) => command.name)])].map(single).join('|');
}

function zshScript(commands: readonly CommandWords[]): string[] {
  const offer = (words: readonly string[]): string => `compadd -- ${words.map(single).join(' ')}`;
  const { values, flags, places } = branches(commands, offer, '_files');
  return [
    '#compdef raft-inspector',
    '# zsh completion for raft-inspector. Load it with: source <(raft-inspector autocomplete zsh)',
    '_raft_inspector() {',
    '  local typed="" command="" word prev=${words[CURRENT-1]} cur=${words[CURRENT]} i',
    '  if [[ $cur == --*=* ]]; then prev=${cur%%=*}; compset -P "*="; cur=""; fi',
    '  for ((i = 2; i < CURRENT; i++)); do',
    '    word=${words[i]}',
    '    [[ $word == -* ]] && continue',
    ...commandAndFlags(commands, values, flags),
    ...wordBranches(commands, offer).map((line) => line.replace('FILES', '_files')),
    ...places,
    '    *) _files ;;',
    '  esac',
    '}',
    'if [ "$funcstack[1]" = "_raft_inspector" ]; then _raft_inspector "$@"; else compdef _raft_inspector raft-inspector; fi',
  ];
}

function fishScript(commands: readonly CommandWords[]): string[] {
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = [
    '# fish completion for raft-inspector. Load it with: raft-inspector autocomplete fish | source',
    'function __raft_inspector_at',
    '    set -l typed (commandline -opc | string match -v -- "-*")[2..-1]',
    '    test (count $typed) -ge (count $argv); or return 1',
    '    test (count $argv) -eq 0; and return 0',
    '    test "$typed[1..(count $argv)]" = "$argv"',
    'end',
    'function __raft_inspector_exactly',
    '    set -l typed (commandline -opc | string match -v -- "-*")[2..-1]',
    '    test "$typed" = "$argv"',
    'end',
  ];
  for (const [topic, verbs] of topicsOf(commands)) {
    const summary = commands.find((command) => command.name === topic)?.summary ?? '';
    lines.push(`complete -c raft-inspector -n '__raft_inspector_exactly' -a ${quoted(topic)}${summary === '' ? '' : ` -d ${quoted(summary)}`}`);
    for (const verb of verbs) {
      const below = commands.find((command) => command.name === `${topic} ${verb}`)?.summary ?? '';
      lines.push(`complete -c raft-inspector -f -n '__raft_inspector_exactly ${topic}' -a ${quoted(verb)} -d ${quoted(below)}`);
    }
  }
  for (const command of commands) {
    if (command.values.length > 0) lines.push(`complete -c raft-inspector -f -n '__raft_inspector_exactly ${command.name}' -a ${quoted(command.values.join(' '))}`);
    for (const flag of command.flags) {
      const spelled = flag.names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ');
      const value = flag.takesValue ? (flag.values.length > 0 ? ` -x -a ${quoted(flag.values.join(' '))}` : ' -r') : '';
      lines.push(`complete -c raft-inspector -n '__raft_inspector_at ${command.name}' ${spelled}${value} -d ${quoted(flag.summary)}`);
    }
  }
  return lines;
}
