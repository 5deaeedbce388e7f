import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CorruptDataError, RefusedError, UsageError } from '../../../../src/engine/errors.ts';
import type { RecoveryPlan } from '../../../../src/engine/model/plan.ts';
import { sealPlan } from '../../../../src/engine/model/plan.ts';
import { parsePlan, planText } from '../../../../src/engine/model/plan-schema.ts';
import { appendTranscript, casePlan, findCase, newPlanFile } from '../../../../src/engine/recovery/case-files.ts';
import { diffPlans } from '../../../../src/engine/recovery/plan/diff.ts';
import { dataDirectory, planOf } from './plan-builder.ts';

const LONE = { label: 'A', runs: [[7, 1, 900]] as [number, number, number][], commit: 890 };

describe('plan files', () => {
  let directory: string;
  let plan: RecoveryPlan;
  before(async () => {
    directory = dataDirectory();
    plan = await planOf({ directory, disks: [LONE] });
  });
  after(() => fs.rmSync(directory, { recursive: true }));

  it('begin with their format and hold one field a line', async () => {
    const lines = planText(plan).split('\n');
    assert.deepEqual(lines.slice(0, 3), ['{', '  "format": "raft-inspector/plan",', '  "version": 1,']);
    assert.equal(lines.length, Object.keys(plan).length + 3);
    assert.deepEqual(await parsePlan(planText(plan), 'p'), plan);
  });

  it('are refused when edited, wherever', async () => {
    const text = planText(plan);
    for (const [from, to] of [['"keepTo": 900', '"keepTo": 890'], ['"source": "A"', '"source": "B"'], [plan.files[0]?.sha256 ?? '', 'f'.repeat(64)], [plan.planId, '00000000-0000-4000-8000-000000000000']] as const) {
      assert.ok(text.includes(from), from);
      await assert.rejects(parsePlan(text.replace(from, to), 'p.json'), (error) => error instanceof RefusedError && error.rule === 'plan-edited', from);
    }
    // The order of fields and blanks say nothing.
    const shuffled = JSON.stringify(Object.fromEntries(Object.entries(plan).reverse()));
    assert.deepEqual(await parsePlan(shuffled, 'p.json'), plan);
  });

  it('are refused when they are no plan, with the byte where that is known', async () => {
    const corrupt = async (text: string, offset: number, words: RegExp): Promise<void> => {
      await assert.rejects(parsePlan(text, 'p.json'), (error) => error instanceof CorruptDataError && error.byteOffset === offset && words.test(error.message), text.slice(0, 40));
    };
    await corrupt('', 0, /ends early/);
    await corrupt(planText(plan).slice(0, 100), 100, /not whole JSON/);
    await corrupt('{"ä": ?}', 7, /is not JSON from here on/);
    for (const text of ['null', '[]', '1', '{}', '{"format":"raft-inspector/evidence","version":1}']) await corrupt(text, 0, /not a recovery plan/);
    await corrupt(JSON.stringify({ ...plan, extra: 1 }), 0, /not a whole plan of version 1.*extra/i);
    await corrupt(JSON.stringify({ ...plan, keepTo: -1 }), 0, /keepTo/);
    await corrupt(JSON.stringify({ ...plan, files: undefined }), 0, /files/);
    await corrupt(`{"format":"raft-inspector/plan","x":"${'a'.repeat(9 * 1024 * 1024)}"}`, 8 * 1024 * 1024, /longer than/);
  });

  it('are refused in words whatever is done to their bytes', async () => {
    const bytes = Buffer.from(planText(plan));
    // A small generator of its own: the same damage in every run.
    let state = 12_345;
    const below = (limit: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    };
    let refused = 0;
    for (let round = 0; round < 400; round += 1) {
      const damaged = Buffer.from(bytes);
      for (let one = below(4); one >= 0; one -= 1) damaged[below(damaged.length)] = below(256);
      const text = (round % 5 === 0 ? damaged.subarray(0, below(damaged.length)) : damaged).toString('utf8');
      try {
        // What is read has to be what was sealed: damage may only ever hit blanks.
        assert.deepEqual(await parsePlan(text, 'p.json'), plan);
      } catch (error) {
        assert.ok(error instanceof CorruptDataError || error instanceof RefusedError, `${String(error)} in round ${round}`);
        refused += 1;
      }
    }
    assert.ok(refused > 390, `${refused} of 400`);
  });

  it('of a newer version name the tool that wrote them', async () => {
    const newer = JSON.stringify({ ...plan, version: 2, tool: '9.1.0' });
    await assert.rejects(parsePlan(newer, 'p.json'), (error) => error instanceof RefusedError && error.rule === 'plan-newer' && /raft-inspector 9\.1\.0/.test(error.message) && /9\.1\.0 or newer/.test(error.hint));
  });

  it('are compared by what they decide', async () => {
    assert.deepEqual(diffPlans(plan, await planOf({ directory, disks: [LONE], request: { randomHex: () => 'f'.repeat(32), now: new Date('2026-01-02T05:00:00Z') } })).map((one) => one.field), ['parameters.chance']);
    const dropped = await planOf({ directory, disks: [LONE], request: { inDoubt: 'drop', targetMembers: 5 } });
    const differences = new Map(diffPlans(plan, dropped).map((one) => [one.field, one]));
    assert.deepEqual([differences.get('inDoubt'), differences.get('keepTo'), differences.get('targetMembers')?.b], [{ field: 'inDoubt', a: 'keep', b: 'drop' }, { field: 'keepTo', a: '900', b: '890' }, '5']);
    const { digest: _, ...body } = structuredClone(plan);
    body.files.push({ path: 'member/snap/more', bytes: 3, sha256: '0'.repeat(64) });
    assert.deepEqual(diffPlans(plan, sealPlan(body)), [{ field: 'files member/snap/more', a: null, b: `{"bytes":3,"sha256":"${'0'.repeat(64)}"}` }]);
  });
});

describe('case directories', () => {
  let work: string;
  beforeEach(() => {
    work = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-case-'));
  });
  afterEach(() => fs.rmSync(work, { recursive: true }));
  const put = (name: string, text = '{}'): string => {
    const file = path.join(work, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    return file;
  };

  it('give their only plan, and ask when there are several', () => {
    const one = path.join(work, 'case-1');
    assert.throws(() => casePlan(one), (error) => error instanceof UsageError && /is no case directory/.test(error.message));
    put('case-1/evidence/n1.json');
    assert.throws(() => casePlan(one), /holds no plan/);
    assert.equal(newPlanFile(one), path.join(one, 'plan.json'));
    put('case-1/plan.json');
    put('case-1/rehearsal.json', '{"planId": "x"}');
    assert.equal(casePlan(one), path.join(one, 'plan.json'));
    assert.equal(newPlanFile(one), path.join(one, 'plan-2.json'));
    put('case-1/mine.json', '{\n  "format": "raft-inspector/plan",\n');
    assert.throws(() => casePlan(one), /holds 2 plans: mine\.json, plan\.json/);
  });

  it('are found when there is only one with a plan', () => {
    assert.throws(() => findCase(undefined, work), /no \.\/case-\* directory here holds one/);
    assert.throws(() => findCase(path.join(work, 'none')), /is no case directory/);
    put('case-a/evidence/n1.json');
    put('case-b/plan.json');
    assert.equal(findCase(undefined, work), path.join(work, 'case-b'));
    put('case-a/plan.json');
    assert.throws(() => findCase(undefined, work), (error) => error instanceof UsageError && /several cases/.test(error.message) && /--case/.test(error.hint));
  });

  it('keep a transcript only where they are, and never fail for it', () => {
    const line = { at: '2026-01-02T03:04:05.000Z', command: 'raft-inspector recover show', exit: 0, durationMs: 12, by: 'root@cp-1' };
    appendTranscript(path.join(work, 'case-x'), line);
    assert.deepEqual(fs.readdirSync(work), []);
    put('case-x/plan.json');
    appendTranscript(path.join(work, 'case-x'), line);
    appendTranscript(path.join(work, 'case-x'), { ...line, exit: 4 });
    const lines = fs.readFileSync(path.join(work, 'case-x/transcript.ndjson'), 'utf8').split('\n');
    assert.deepEqual([JSON.parse(lines[0] ?? ''), (JSON.parse(lines[1] ?? '') as { exit: number }).exit, lines.length], [line, 4, 3]);
    fs.mkdirSync(path.join(work, 'case-y/transcript.ndjson'), { recursive: true });
    appendTranscript(path.join(work, 'case-y'), line);
  });
});
