import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BIN, ensureBuilt, ROOT, runCli, runNode } from '../helpers/run-cli.ts';
import { programMissing, skipWithout } from '../helpers/skip-without.ts';

interface ManifestFlag {
  name: string;
  char?: string;
  type: string;
  options?: string[];
  multiple?: boolean;
  required?: boolean;
  hidden?: boolean;
}
interface FlagClass {
  multiple?: boolean;
  multipleNonGreedy?: boolean;
}
interface ManifestCommand {
  id: string;
  hidden?: boolean;
  summary?: string;
  description?: string;
  examples?: (string | { command: string })[];
  flags: Record<string, ManifestFlag>;
  args: Record<string, { required?: boolean }>;
}

const CONTRACT = path.join(ROOT, 'test/testdata/contract.json');

function manifest(): Record<string, ManifestCommand> {
  return JSON.parse(fs.readFileSync(path.join(ROOT, 'oclif.manifest.json'), 'utf8')).commands;
}

/** Command ids, arguments and flags: what scripts rely on. */
function contract(): unknown {
  const commands = manifest();
  const flagLine = (flag: ManifestFlag): string => [`--${flag.name}`, flag.char && `-${flag.char}`, flag.type === 'option' && `<${flag.options?.join('|') ?? 'value'}>`, flag.multiple && 'repeatable', flag.required && 'required'].filter(Boolean).join(' ');
  return Object.fromEntries(
    Object.keys(commands)
      .sort()
      .map((id) => {
        const command = commands[id];
        return [id.replaceAll(':', ' '), { args: Object.entries(command?.args ?? {}).map(([name, arg]) => (arg.required ? name : `[${name}]`)), flags: Object.values(command?.flags ?? {}).map(flagLine).sort() }];
      }),
  );
}

describe('the tool as shipped', function () {
  this.timeout(60_000);
  before(ensureBuilt);

  it('keeps its contract of commands and flags (npm run contract rewrites it; read the diff)', () => {
    const now = `${JSON.stringify(contract(), null, 2)}\n`;
    if (process.env['UPDATE_CONTRACT'] === '1') fs.writeFileSync(CONTRACT, now);
    assert.equal(now, fs.readFileSync(CONTRACT, 'utf8'));
  });

  it('has a summary, examples and the global flags on every command', () => {
    for (const command of Object.values(manifest())) {
      assert.ok(command.summary, `${command.id} has no summary`);
      assert.notEqual(command.summary, command.description, `${command.id}: summary and description must differ`);
      assert.ok((command.examples?.length ?? 0) > 0, `${command.id} has no examples`);
      for (const flag of ['json', 'format', 'no-color', 'quiet', 'verbose', 'yes', 'override', 'timeout', 'redact', 'log-file']) assert.ok(flag in command.flags, `${command.id} lacks --${flag}`);
    }
  });

  it('gives every repeatable flag one value a time, so it never eats a place', async () => {
    const files = fs.readdirSync(path.join(ROOT, 'src/commands'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    for (const file of files) {
      const { default: command } = (await import(path.join(ROOT, 'src/commands', file))) as { default: { flags?: Record<string, FlagClass>; baseFlags: Record<string, FlagClass> } };
      for (const [name, flag] of Object.entries({ ...command.baseFlags, ...command.flags })) {
        if (flag.multiple) assert.equal(flag.multipleNonGreedy, true, `${file} --${name}: spread REPEATABLE of cli/flags.ts`);
      }
    }
  });

  it('answers --version as the framework would', () => {
    const fast = runCli(['--version']);
    const slow = runCli(['--version', '--verbose']);
    assert.equal(fast.stdout, slow.stdout);
    assert.equal(JSON.parse(runCli(['version', '--json']).stdout).data.version, JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8')).version);
  });

  it('shows situations at the root, and only commands that exist', () => {
    const help = runCli([]);
    assert.equal(help.code, 0);
    assert.deepEqual([runCli(['--help']).stdout, runCli(['help']).stdout], [help.stdout, help.stdout]);
    assert.ok(help.stdout.split('\n').every((line) => line.length <= 100));
    const ids = Object.keys(manifest());
    for (const [topic, verb] of [['member', 'add'], ['drill', 'run'], ['lab', 'up'], ['upgrade', 'plan'], ['inspect', 'member']] as const) {
      assert.equal(help.stdout.includes(`${topic} ${verb}`), ids.includes(`${topic}:${verb}`), `${topic} ${verb}`);
    }
  });

  it('helps with every topic and every command, examples first', () => {
    const ids = Object.keys(manifest());
    for (const topic of new Set(ids.filter((id) => id.includes(':')).map((id) => id.split(':')[0] ?? ''))) {
      const help = runCli([topic, '--help']);
      assert.equal(help.code, 0);
      for (const id of ids.filter((one) => one.startsWith(`${topic}:`))) assert.ok(help.stdout.includes(id.replace(':', ' ')), id);
    }
    const help = runCli(['help', 'version']).stdout;
    assert.ok(help.indexOf('EXAMPLES') !== -1 && help.indexOf('EXAMPLES') < help.indexOf('USAGE'));
  });

  it('refuses unknown commands with a suggestion and never runs it', () => {
    const ran = runCli(['verson']);
    assert.equal(ran.code, 2);
    assert.equal(ran.stdout, '');
    assert.match(ran.stderr, /Did you mean: raft-inspector version/);
    const json = runCli(['verson', '--json']);
    assert.equal(json.code, 2);
    assert.deepEqual(JSON.parse(json.stdout).exit, { code: 2, name: 'usage' });
    assert.equal(runCli(['verson', '--help']).code, 2);
  });

  it('answers wrong flags with exit 2 and a short envelope', () => {
    for (const argv of [['version', '--nope'], ['version', '--format', 'xml'], ['version', '--timeout', '5'], ['version', 'extra'], ['autocomplete'], ['autocomplete', 'tcsh'], ['version', '--quiet', '--verbose']]) {
      const ran = runCli([...argv, '--json']);
      assert.equal(ran.code, 2, argv.join(' '));
      assert.equal(JSON.parse(ran.stdout).error.code, 'USAGE');
      assert.ok(ran.stdout.length < 1000);
      assert.doesNotMatch(ran.stderr, /^\s+at /m);
    }
  });

  it('prints help into a closed pipe without complaint', () => {
    const ran = spawnSync('bash', ['-c', `"${process.execPath}" "${BIN}" version --help | true; exit \${PIPESTATUS[0]}`], { encoding: 'utf8' });
    assert.equal(ran.stderr, '');
    assert.equal(ran.status, 0);
  });

  it('completes commands, flags and values in bash', () => {
    const script = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-completion-')), 'script');
    fs.writeFileSync(script, runCli(['autocomplete', 'bash']).stdout);
    const complete = (...words: string[]): string[] => {
      const program = `source ${script}; COMP_WORDS=(raft-inspector ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _raft_inspector; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return spawnSync('bash', ['-c', program], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean);
    };
    assert.ok(complete('ver').includes('version'));
    assert.ok(complete('version', '--lo').includes('--log-file'));
    assert.deepEqual(complete('version', '--redact', ''), ['none', 'values', 'all']);
    assert.deepEqual(complete('version', '--redact', '=', 'v'), ['values']);
    assert.deepEqual(complete('autocomplete', ''), ['bash', 'zsh', 'fish']);
    for (const shell of ['zsh', 'fish']) assert.match(runCli(['autocomplete', shell]).stdout, /redact/);
    fs.rmSync(path.dirname(script), { recursive: true });
  });

  it('has man pages that are what the generator makes', () => {
    const ran = runNode([path.join(ROOT, 'scripts/man.mjs'), '--check']);
    assert.equal(ran.stderr, '');
    assert.equal(ran.code, 0);
  });

  it('has man pages without a formatting complaint', function () {
    skipWithout(this, programMissing('groff', '--version'));
    for (const page of fs.readdirSync(path.join(ROOT, 'man'))) {
      const ran = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-z', path.join(ROOT, 'man', page)], { encoding: 'utf8' });
      assert.equal(ran.stderr, '', page);
    }
  });
});
