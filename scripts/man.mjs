// Writes man/ from oclif.manifest.json: the root page and one page per command. `--check` only compares and exits 1 on a
// difference, so that a page can never say what a command does not do.
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';

const root = path.resolve(import.meta.dirname, '..');
const directory = path.join(root, 'man');
const pjson = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
const manifest = JSON.parse(fs.readFileSync(path.join(root, 'oclif.manifest.json'), 'utf8'));
const commands = Object.values(manifest.commands).filter((command) => !command.hidden);

const EXITS = [
  [0, 'Done, or the verdict is positive.'],
  [1, 'The tool itself failed unexpectedly.'],
  [2, 'Wrong usage.'],
  [3, 'Checked, and something is wrong: damage, a broken invariant, a bad snapshot.'],
  [4, 'Refused by a safety rule; its id is in the output.'],
  [5, 'Declined or interrupted before anything was changed.'],
  [6, 'Not reachable, or timed out.'],
  [7, 'The world differs from the plan.'],
  [8, 'Partly done; resumable.'],
  [9, 'No safe candidate, or the candidates conflict.'],
  [10, 'Ran, but an objective was missed.'],
  [11, 'Neither good nor bad: it cannot be verified.'],
];
const ENVIRONMENT = [
  ['RAFT_INSPECTOR_ENDPOINTS', 'Members of the running cluster to ask, host:port with commas, where --endpoint is not given.'],
  ['NO_COLOR', 'Any value but the empty one turns colours off.'],
  ['FORCE_COLOR', 'Colours even into a pipe; 0 turns them off.'],
  ['TERM', 'The value dumb turns colours off.'],
  ['COLUMNS', 'Width to lay tables out for, instead of the terminal\'s.'],
  ['LC_ALL, LC_CTYPE, LANG', 'Block characters are used only in a UTF-8 locale, on a terminal.'],
];

/** Text for troff: backslashes, dashes people will paste, and lines that would begin a request. */
function roff(text) {
  const escaped = text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq').replaceAll('^', '\\(ha').replaceAll('~', '\\(ti').replaceAll('`', '\\(ga');
  return escaped.replace(/^([.'])/gm, '\\&$1');
}

/** Prose: paragraphs apart, sentences on lines of their own. */
function prose(text, command) {
  const paragraphs = fill(text, command).trim().split(/\n\s*\n/);
  return paragraphs.map((one) => roff(one.replace(/\s*\n\s*/g, ' ').replace(/([.:;]) +(?=[A-Z])/g, '$1\n'))).join('\n.PP\n');
}

function fill(text, command) {
  return text.replaceAll(/<%=\s*config\.bin\s*%>/g, 'raft-inspector').replaceAll(/<%=\s*command\.id\s*%>/g, command ? command.id.replaceAll(':', ' ') : '');
}

function pageName(command) {
  return `raft-inspector-${command.id.replaceAll(':', '-')}`;
}

function title(name) {
  // The date of the text is the release's: a generated page must not change from day to day.
  return `.TH ${roff(name.toUpperCase())} 1 "" "raft\\-inspector ${pjson.version}" "User Commands"`;
}

function synopsis(command) {
  const args = Object.values(command.args ?? {}).filter((arg) => !arg.hidden);
  const words = args.map((arg) => {
    const many = command.strict === false ? ' .\\|.\\|.' : '';
    return arg.required ? `.I ${roff(arg.name)}${many}` : `.RI [ ${roff(arg.name)} ]${many}`;
  });
  return ['.SY raft\\-inspector', `.B ${roff(command.id.replaceAll(':', ' '))}`, '.RI [ flags ]', ...words, '.YS'];
}

function flagEntry(flag) {
  const value = flag.type === 'option' ? ` \\fI${roff((flag.helpValue ?? flag.options?.join('|') ?? `<${flag.name}>`).toString().replace(/^<|>$/g, ''))}\\fR` : '';
  const names = [flag.char ? `\\fB\\-${flag.char}\\fR` : '', `\\fB\\-\\-${roff(flag.name)}\\fR`].filter(Boolean).join(', ');
  const facts = [flag.summary ?? flag.description ?? ''].map((one) => one.replace(/\.?$/, one === '' ? '' : '.'));
  if (flag.options?.length > 0) facts.push(`One of ${flag.options.join(', ')}.`);
  if (flag.default !== undefined && typeof flag.default !== 'object' && flag.default !== false) facts.push(`Default ${flag.default}.`);
  if (flag.multiple) facts.push('May be repeated.');
  if (flag.required) facts.push('Required.');
  return ['.TP', `${names}${value}`, ...facts.filter(Boolean).map((one) => roff(fill(one)))];
}

function options(command) {
  const flags = Object.values(command.flags).filter((flag) => !flag.hidden);
  const own = flags.filter((flag) => flag.helpGroup !== 'GLOBAL');
  const global = flags.filter((flag) => flag.helpGroup === 'GLOBAL');
  const args = Object.values(command.args ?? {}).filter((arg) => arg.description);
  return [
    '.SH OPTIONS',
    ...args.flatMap((arg) => ['.TP', `.I ${roff(arg.name)}`, roff(fill(arg.description).replace(/\.?$/, '.'))]),
    ...own.flatMap(flagEntry),
    ...(global.length > 0 ? ['.SS Global', ...global.flatMap(flagEntry)] : []),
  ];
}

function examples(command) {
  const list = (command.examples ?? []).map((one) => (typeof one === 'string' ? { command: one } : one));
  if (list.length === 0) return [];
  return ['.SH EXAMPLES', ...list.flatMap((one) => [...(one.description ? ['.PP', prose(one.description, command)] : ['.PP']), '.EX', roff(fill(one.command, command).trim()), '.EE'])];
}

const common = [
  '.SH "EXIT STATUS"',
  ...EXITS.flatMap(([code, text]) => ['.TP', `.B ${code}`, roff(text)]),
  '.SH ENVIRONMENT',
  ...ENVIRONMENT.flatMap(([name, text]) => ['.TP', `.B ${roff(name)}`, roff(text)]),
  '.SH FILES',
  'Data directories that are looked at are opened read\\-only; nothing is created in or beside them.',
  'A file named with',
  '.B \\-\\-log\\-file',
  'is appended to.',
];

function seeAlso(command) {
  const topic = command.id.split(':')[0];
  const kin = commands.filter((other) => other.id !== command.id && other.id.split(':')[0] === topic && other.id.includes(':')).map(pageName);
  const names = ['raft-inspector', ...kin];
  return ['.SH "SEE ALSO"', ...names.map((name, at) => `.BR ${roff(name)} (1)${at < names.length - 1 ? ',' : ''}`)];
}

function commandPage(command) {
  const summary = fill(command.summary ?? command.description ?? '', command).split('\n')[0].replace(/\.$/, '');
  return [
    '.\\" Generated by scripts/man.mjs; do not edit.',
    title(pageName(command)),
    '.SH NAME',
    `${roff(pageName(command))} \\- ${roff(summary)}`,
    '.SH SYNOPSIS',
    ...synopsis(command),
    '.SH DESCRIPTION',
    prose(command.description && command.description !== command.summary ? command.description : `${summary}.`, command),
    ...options(command),
    ...common,
    ...examples(command),
    ...seeAlso(command),
    '',
  ].join('\n');
}

function rootPage() {
  return [
    '.\\" Generated by scripts/man.mjs; do not edit.',
    title('raft-inspector'),
    '.SH NAME',
    'raft\\-inspector \\- read, rescue and operate Raft clusters',
    '.SH SYNOPSIS',
    '.SY raft\\-inspector',
    '.I command',
    '.RI [ flags ]',
    '.RI [ place\\~ .\\|.\\|.]',
    '.YS',
    '.SY raft\\-inspector',
    '.I path',
    '.YS',
    '.SH DESCRIPTION',
    'Reads the data directories of etcd, Consul and other hashicorp/raft servers offline, says what is in them and what is damaged,',
    'and after the loss of the majority finds the member to continue from, and what that loses.',
    'Looking takes no lock and leaves every byte as it was.',
    'Running clusters of the embedded engine are shown and changed: members, leadership, keys, snapshots.',
    'A change is shown first and done only with',
    '.BR \\-\\-execute .',
    '.PP',
    'Data goes to standard output, progress and hints to standard error.',
    'A first word with a slash or a dot in it is a path, and means',
    '.BR "inspect member" .',
    '.SH COMMANDS',
    ...commands.flatMap((command) => ['.TP', `.BR ${roff(pageName(command))} (1)`, roff(fill(command.summary ?? '', command).split('\n')[0].replace(/\.?$/, '.'))]),
    '.SH OPTIONS',
    '.TP',
    '.B \\-\\-help\\fR, \\fB\\-h',
    'Help for the command or topic named.',
    '.TP',
    '.B \\-\\-version',
    'The version of the tool and of Node.',
    ...Object.values(commands[0]?.flags ?? {}).filter((flag) => flag.helpGroup === 'GLOBAL').flatMap(flagEntry),
    ...common,
    '.SH EXAMPLES',
    '.EX',
    ...commands.filter((command) => command.id.startsWith('inspect:') || command.id.startsWith('recover:')).slice(0, 6).flatMap((command) => {
      const first = command.examples?.[0];
      const text = typeof first === 'string' ? first : first?.command;
      return text ? [roff(fill(text, command).trim())] : [];
    }),
    '.EE',
    '.SH "SEE ALSO"',
    ...commands.map((command, at) => `.BR ${roff(pageName(command))} (1)${at < commands.length - 1 ? ',' : ''}`),
    '',
  ].join('\n');
}

const pages = new Map([['raft-inspector.1', rootPage()], ...commands.map((command) => [`${pageName(command)}.1`, commandPage(command)])]);
fs.mkdirSync(directory, { recursive: true });
const present = fs.readdirSync(directory).filter((file) => file.endsWith('.1'));
const stale = present.filter((file) => !pages.has(file));
const changed = [...pages].filter(([file, text]) => !present.includes(file) || fs.readFileSync(path.join(directory, file), 'utf8') !== text).map(([file]) => file);
if (process.argv.includes('--check')) {
  for (const file of [...stale, ...changed]) process.stderr.write(`man/${file} is not what scripts/man.mjs makes: npm run man\n`);
  process.exitCode = stale.length + changed.length > 0 ? 1 : 0;
} else {
  for (const file of stale) fs.rmSync(path.join(directory, file));
  for (const file of changed) fs.writeFileSync(path.join(directory, file), pages.get(file));
  process.stderr.write(`wrote ${changed.length}, removed ${stale.length} of ${pages.size} pages\n`);
}
