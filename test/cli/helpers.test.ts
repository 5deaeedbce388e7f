import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { escapeBytes, escapeControl, escapeLine } from '../../src/cli/escape.ts';
import { parseDuration, parseSize, showDuration, showSize } from '../../src/cli/measure.ts';
import { askedBy } from '../../src/cli/manner.ts';
import { createProgressDisplay } from '../../src/cli/progress.ts';
import { commandLine, quote } from '../../src/cli/quote.ts';
import { hashKey, jsonKey, showKey, showValue } from '../../src/cli/redact.ts';
import { columns, displayWidth, streamColumns } from '../../src/cli/render/table.ts';
import { createStyle, isUtf8Locale, wantsColour } from '../../src/cli/render/terminal-style.ts';
import { editDistance, resolveCommand } from '../../src/cli/resolve.ts';
import { UsageError } from '../../src/engine/errors.ts';

describe('measures', () => {
  const durations: [string, number][] = [['250ms', 250], ['5s', 5000], ['2m', 120_000], ['1h30m', 5_400_000], ['1.5s', 1500], ['7d', 604_800_000]];
  for (const [text, ms] of durations) it(`reads ${text}`, () => assert.equal(parseDuration(text), ms));
  for (const text of ['', '5', '5 s', 's', '-5s', '5x', '5sec', '1e3s']) it(`refuses the duration "${text}"`, () => assert.throws(() => parseDuration(text), UsageError));
  const sizes: [string, number][] = [['512', 512], ['512B', 512], ['64KiB', 65_536], ['1GB', 1e9], ['1.5MiB', 1_572_864]];
  for (const [text, bytes] of sizes) it(`reads ${text}`, () => assert.equal(parseSize(text), bytes));
  for (const text of ['', 'KiB', '-1', '1XB', '99999999999TB']) it(`refuses the size "${text}"`, () => assert.throws(() => parseSize(text), UsageError));
  it('shows sizes and durations', () => {
    assert.deepEqual([0, 999, 1500, 388_000].map(showSize), ['0 B', '999 B', '1.5 KB', '388 KB']);
    assert.deepEqual([12, 1900, 41_000, 130_000].map(showDuration), ['12 ms', '1.9 s', '41 s', '2 min 10 s']);
  });
});

describe('escaping', () => {
  it('spells out controls, line separators and direction overrides', () => {
    assert.equal(escapeControl('a\u0000\n\u001b]0;x\u0007\u009b\u202e\u2028z'), 'a\\x00\\n\\x1b]0;x\\x07\\x9b\\u202e\\u2028z');
    assert.equal(escapeControl('schlüssel/日本 ok'), 'schlüssel/日本 ok');
  });
  it('lets only our own colours through', () => {
    assert.equal(escapeLine('\u001b[31mbad\u001b[39m \u001b[5mblink', 'coloured'), '\u001b[31mbad\u001b[39m \\x1b[5mblink');
    assert.equal(escapeLine('\u001b[31mbad', 'plain'), '\\x1b[31mbad');
  });
  it('shows bytes that are no UTF-8 byte by byte', () => {
    assert.equal(escapeBytes(Buffer.from([0x61, 0xff, 0x00, 0x62])), 'a\\xff\\x00b');
    assert.equal(escapeBytes(Buffer.from('é\n')), 'é\\n');
  });
});

describe('quoting', () => {
  for (const word of ['plain', "it's", 'a b', '$(rm -rf x)', '', '*', 'tab\tnew\nline', '~user', '-x', 'ü', "mixed'\n"]) {
    it(`gives ${JSON.stringify(word)} back through a shell`, () => {
      assert.equal(execFileSync('bash', ['-c', `printf %s ${quote(word)}`], { encoding: 'utf8' }), word);
    });
  }
  it('keeps a place that begins with a dash from being read as flags', () => {
    assert.equal(commandLine('raft-inspector', 'inspect', 'log', '-dash', '-x y', '--tail', -20, '-o', '-out', '--', '-key'), "raft-inspector inspect log ./-dash './-x y' --tail -20 -o -out -- -key");
  });
  it('leaves out what is not there', () => assert.equal(commandLine('raft-inspector', undefined, 'x y', false, 3), "raft-inspector 'x y' 3"));
});

describe('redaction', () => {
  it('hides values unless asked, and keys under all', () => {
    const value = Buffer.from('secret');
    assert.equal(showValue(value, 'values'), undefined);
    assert.equal(showValue(value, 'all'), undefined);
    assert.equal(showValue(value, 'none'), 'secret');
    assert.equal(showKey('/a\n', 'values'), '/a\\n');
    assert.match(showKey('/a', 'all'), /^sha256:[0-9a-f]{16}$/);
    assert.equal(hashKey('/a'), hashKey('/a'));
    assert.notEqual(hashKey('/a'), hashKey('/b'));
    assert.equal(jsonKey(null, 'all'), null);
  });
});

describe('tables', () => {
  const rows = [{ name: 'n1', index: 7, vote: 'n3' }, { name: '日本', index: 1234, vote: null }];
  const spec = [
    { header: 'NAME', cell: (row: (typeof rows)[number]) => row.name },
    { header: 'INDEX', cell: (row: (typeof rows)[number]) => row.index },
    { header: 'VOTE', cell: (row: (typeof rows)[number]) => row.vote, drop: 1 },
  ];
  it('aligns numbers right, text left, and counts wide characters twice', () => {
    assert.deepEqual(columns(rows, spec), ['  NAME  INDEX  VOTE', '  n1        7  n3', '  日本   1234  -']);
    assert.equal(displayWidth('日本'), 4);
  });
  it('drops optional columns rather than wrap', () => assert.deepEqual(columns(rows, spec, { width: 15 }), ['  NAME  INDEX', '  n1        7', '  日本   1234']));
  it('streams without holding the list', () => {
    let made = 0;
    function* many(): Generator<(typeof rows)[number]> {
      for (;;) {
        made += 1;
        yield { name: `n${made}`, index: made, vote: 'x' };
      }
    }
    const lines = streamColumns(many(), spec, { sample: 10 });
    for (let at = 0; at < 20; at += 1) assert.equal(lines.next().done, false);
    assert.ok(made <= 21);
  });
});

describe('style', () => {
  it('decides on colour', () => {
    const on = { noColour: false, terminal: true };
    assert.equal(wantsColour({ TERM: 'xterm' }, on), true);
    assert.equal(wantsColour({ TERM: 'dumb' }, on), false);
    assert.equal(wantsColour({ NO_COLOR: '1', FORCE_COLOR: '1' }, on), false);
    assert.equal(wantsColour({ NO_COLOR: '' }, on), true);
    assert.equal(wantsColour({}, { noColour: false, terminal: false }), false);
    assert.equal(wantsColour({ FORCE_COLOR: '1' }, { noColour: false, terminal: false }), true);
    assert.equal(wantsColour({ FORCE_COLOR: '0' }, on), false);
    assert.equal(wantsColour({ FORCE_COLOR: '1' }, { noColour: true, terminal: true }), false);
  });
  it('uses block characters only in a UTF-8 locale', () => {
    assert.equal(isUtf8Locale({ LANG: 'en_US.UTF-8' }), true);
    assert.equal(isUtf8Locale({ LC_ALL: 'C', LANG: 'en_US.UTF-8' }), false);
  });
  it('paints nothing without colour', () => {
    assert.equal(createStyle({ colour: false, width: 80, unicode: false, terminal: false, verbose: false }).bad('x'), 'x');
  });
});

describe('command lines', () => {
  const ids = ['inspect:member', 'inspect:log', 'recover:pick', 'version'];
  const cases: [string[], unknown][] = [
    [[], { kind: 'root' }],
    [['inspect'], { kind: 'topic', topic: 'inspect' }],
    [['inspect', 'log', 'x', '--tail', '3'], { kind: 'command', id: 'inspect:log', argv: ['x', '--tail', '3'] }],
    [['--json', 'recover', 'pick', 'a'], { kind: 'command', id: 'recover:pick', argv: ['a', '--json'] }],
    [['--format', 'yaml', 'version'], { kind: 'command', id: 'version', argv: ['--format', 'yaml'] }],
    [['./n1', '--json'], { kind: 'command', id: 'inspect:member', argv: ['./n1', '--json'] }],
    [['srv.tgz'], { kind: 'command', id: 'inspect:member', argv: ['srv.tgz'] }],
    [['pick', 'a'], { kind: 'unknown', words: 'pick', suggestion: 'recover pick' }],
    [['recover', 'pikc'], { kind: 'unknown', words: 'recover pikc', suggestion: 'recover pick' }],
    [['inspekt', 'log'], { kind: 'unknown', words: 'inspekt', suggestion: 'inspect log' }],
    [['frobnicate'], { kind: 'unknown', words: 'frobnicate', suggestion: undefined }],
  ];
  for (const [words, expected] of cases) it(`reads "${words.join(' ')}"`, () => assert.deepEqual(resolveCommand(words, ids), expected));
  it('measures slips', () => assert.deepEqual([editDistance('pick', 'pick'), editDistance('pikc', 'pick'), editDistance('', 'ab')], [0, 2, 2]));
  it('reads how to talk from the raw words, and only before --', () => {
    assert.equal(askedBy(['--format=ndjson']).format, 'ndjson');
    assert.equal(askedBy(['--', '--json']).format, 'table');
  });
});

describe('progress', () => {
  function record(terminal: boolean): { at(ms: number): void; said: string[]; clear(): void } {
    let time = 0;
    const said: string[] = [];
    const display = createProgressDisplay({ terminal, now: () => time, write: (text) => said.push(text) });
    return { said, clear: () => display.clear(), at: (ms) => { time = ms; display.report(ms, 40_000, 'n1'); } };
  }
  it('waits a second on a terminal and cleans up after itself', () => {
    const bar = record(true);
    bar.at(900);
    assert.equal(bar.said.length, 0);
    bar.at(1000);
    bar.at(1100);
    assert.equal(bar.said.length, 1);
    bar.clear();
    assert.match(bar.said.join(''), /\r\u001b\[K$/);
  });
  it('says a line every ten seconds off it', () => {
    const log = record(false);
    for (let ms = 0; ms <= 30_000; ms += 500) log.at(ms);
    assert.equal(log.said.length, 3);
    assert.match(log.said[1] ?? '', /^ {3}50% .*n1, 20 s left\n$/);
  });
});
