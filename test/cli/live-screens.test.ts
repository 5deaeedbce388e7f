import assert from 'node:assert/strict';
import { changesBetween, WatchMemory } from '../../src/cli/member-watch.ts';
import { kvEventLine, kvGetLines } from '../../src/cli/render/kv.ts';
import { healthOf, memberListLines } from '../../src/cli/render/member-list.ts';
import { membershipChangeLines } from '../../src/cli/render/membership-change.ts';
import { prometheusLines } from '../../src/cli/render/prometheus.ts';
import { plainStyle } from '../../src/cli/render/terminal-style.ts';
import { jsonValue } from '../../src/cli/value-words.ts';
import { findingsOf } from '../../src/commands/member/list.ts';
import { planMembership } from '../../src/engine/live/membership-plan.ts';
import { down, listOf, member } from '../helpers/fake-live-cluster.ts';

const healthy = listOf([member('n1', { lastContactMs: 0 }), member('n2', { lag: 2, matchIndex: 98 }), member('n3'), member('n4', { role: 'learner', lag: 900, matchIndex: 0 })]);
const style = (width: number) => plainStyle({ width, terminal: true });

describe('the screen of member list', () => {
  it('says first how the cluster stands, then a row a member', () => {
    assert.deepEqual([...memberListLines(healthy, { kind: 'native' }, style(100))], [
      'HEALTHY  3 voters, quorum 2, 1 may fail       native  cluster 55c00990150d08f5  term 7  commit 100',
      '     NAME  ADDRESS         ROLE     VERSION  MATCH  LAG   SEEN',
      '  *  n1    127.0.0.1:7001  leader   0.1.0      100    0    now  ok',
      '     n2    127.0.0.1:7002  voter    0.1.0       98    2  12 ms  ok',
      '     n3    127.0.0.1:7003  voter    0.1.0      100    0  12 ms  ok',
      '     n4    127.0.0.1:7004  learner  0.1.0        0  900  12 ms  catching up',
    ]);
  });

  it('fits 80 columns by dropping addresses and versions, never by breaking a row', () => {
    const lines = [...memberListLines(listOf([member('n1', { addresses: ['a-rather-long-host-name.example.internal:7001'] }), member('n2'), down('n3')]), { kind: 'native' }, style(80))];
    assert.deepEqual(lines.filter((line) => line.length > 80), []);
    assert.ok(lines.some((line) => /n3 .*DOWN$/.test(line)));
    assert.equal(lines.at(-1), '  n3  its leader has not heard of it for 4.0 s');
  });

  it('has one word for each state, and the exit codes that go with it', () => {
    const rules = (list: typeof healthy): string[] => findingsOf(list).map((one) => `${one.severity} ${one.rule}`);
    assert.deepEqual([healthOf(healthy), rules(healthy)], ['HEALTHY', []]);
    const fragile = listOf([member('n1'), member('n2'), down('n3')]);
    assert.deepEqual([healthOf(fragile), rules(fragile)], ['FRAGILE', ['error member-down', 'warn no-margin']]);
    const alone = listOf([member('n1')]);
    assert.deepEqual([healthOf(alone), rules(alone)], ['FRAGILE', ['warn no-margin']]);
    const degraded = listOf([member('n1'), member('n2'), member('n3'), member('n4'), down('n5')]);
    assert.deepEqual([healthOf(degraded), rules(degraded)], ['DEGRADED', ['error member-down']]);
    const headless = listOf([member('n1'), down('n2'), down('n3')], { leader: null });
    assert.deepEqual([healthOf(headless), rules(headless)[0]], ['NO LEADER', 'error no-leader']);
  });

  it('tells a change that waits', () => {
    assert.ok([...memberListLines({ ...healthy, pendingChange: { index: 88 } }, { kind: 'native' }, style(100))].some((line) => line.includes('waits to be committed (entry 88)')));
  });

  it('remembers the lag, and what became different, between looks', () => {
    const memory = new WatchMemory();
    const lagging = (lag: number, rest = {}) => listOf([member('n1'), member('n2', { lag, ...rest })]);
    for (const [at, lag] of [200_000, 20_000, 2000, 200, 20, 5, 0].entries()) memory.add(lagging(lag), `10:00:0${at}`);
    memory.add(null, '10:00:08');
    memory.add(lagging(0, { healthy: false }), '10:00:09');
    assert.equal(memory.history.get('n2')?.trim(), '#*+=-:.xx');
    assert.deepEqual(memory.events, ['10:00:09  n2 is down']);
    const after = listOf([member('n2'), member('n3')], { term: 9 });
    assert.deepEqual(changesBetween(lagging(0), after), ['leader n1 -> n2, term 7 -> 9', 'n3 added as voter', 'n1 removed']);
  });
});

describe('member list --format prom', () => {
  const text = [...prometheusLines(listOf([member('n1', { name: 'a"b\\c\nd' }), down('n2', { matchIndex: null }), member('n3')]), 'native')];

  it('has a HELP and a TYPE line before the samples of each metric, and no sample for what is unknown', () => {
    const names = text.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2]);
    assert.equal(new Set(names).size, names.length);
    for (const line of text.filter((one) => !one.startsWith('#'))) {
      assert.match(line, /^raft_inspector_[a-z_]+\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*\} -?\d+(?:\.\d+)?$/);
      assert.ok(names.includes(line.split('{')[0]));
    }
    assert.equal(text.filter((line) => line.startsWith('raft_inspector_member_match_index{')).length, 2);
    assert.ok(text.some((line) => /^raft_inspector_member_up\{.*member="n2".*\} 0$/.test(line)));
    assert.ok(text.some((line) => line.includes(String.raw`name="a\"b\\c\nd"`)));
  });
});

describe('the screen of a membership change', () => {
  const three = listOf([member('n1'), member('n2'), member('n3')]);

  it('shows in a preview who comes and goes, and the majority before and after', () => {
    const plan = planMembership({ kind: 'remove', id: 'n3' }, three);
    const lines = [...membershipChangeLines({ plan, state: 'preview', kind: 'native', steps: null, failure: null, needsConfirm: true }, style(100))];
    assert.deepEqual(lines, [
      'PREVIEW  remove n3, nothing changed           native  cluster 55c00990150d08f5',
      '     n1  voter  127.0.0.1:7001  up',
      '     n2  voter  127.0.0.1:7002  up',
      '  -  n3  voter  127.0.0.1:7003  leaves',
      '  voters    3 -> 2    quorum 2    may fail 1 -> none',
      '  confirm   after remove n3 there are 2 voters with a quorum of 2: no further failure is tolerated.',
      '            It has to be confirmed with the id of the cluster',
    ]);
  });

  it('numbers the steps of a replacement, and says where it stopped', () => {
    const plan = planMembership({ kind: 'replace', old: 'n3', id: 'n4', name: 'n4', address: 'h:1' }, three);
    const steps = [
      { id: 'add-learner n4', status: 'done' as const, index: 101, durationMs: 12 },
      { id: 'wait n4', status: 'failed' as const, index: null, durationMs: 5000 },
      { id: 'promote n4', status: 'not-started' as const, index: null, durationMs: 0 },
      { id: 'remove n3', status: 'not-started' as const, index: null, durationMs: 0 },
    ];
    const text = [...membershipChangeLines({ plan, state: 'partial', kind: 'native', steps, failure: 'n4 does not answer', needsConfirm: false }, style(100))].join('\n');
    assert.match(text, /^PARTLY DONE {2}replace n3 by n4, resumable/);
    assert.match(text, /1 add-learner n4 {2}done {2}entry 101 {2}12 ms\n {2}2 wait n4 {2}FAIL\n {2}3 promote n4 {2}not started/);
    assert.match(text, /stopped {3}n4 does not answer/);
  });
});

describe('keys and values on a screen', () => {
  it('spells out control characters, and gives a pipe nothing but the value', () => {
    const read = { value: Buffer.from('a\u001b[2Jb\n'), revision: 8, level: 'linearizable', index: 9, leaderContactMs: null };
    assert.deepEqual([...kvGetLines(read, plainStyle())], ['a\\x1b[2Jb\\n']);
    assert.equal([...kvGetLines(read, style(80))].length, 2);
    assert.deepEqual([...kvGetLines({ ...read, value: null, revision: null }, plainStyle())], []);
    assert.equal(kvEventLine({ kind: 'put', key: Buffer.from('k\u202e'), value: Buffer.from('\u0007'), revision: 3 }, plainStyle()), '       3  put     k\\u202e = \\x07');
  });

  it('tells JSON whether a value is text or base64', () => {
    assert.deepEqual(jsonValue(Buffer.from('é\n')), { value: 'é\n', encoding: 'utf8' });
    assert.deepEqual(jsonValue(Buffer.from([0xff, 0])), { value: '/wA=', encoding: 'base64' });
    assert.deepEqual(jsonValue(null), { value: null, encoding: null });
  });
});
