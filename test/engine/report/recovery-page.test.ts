import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { planText } from '../../../src/engine/model/plan-schema.ts';
import type { ReportPage } from '../../../src/engine/model/report-page.ts';
import { readCase } from '../../../src/engine/recovery/report/case-record.ts';
import { pageOfRecovery } from '../../../src/engine/recovery/report/page.ts';
import { renderHtml } from '../../../src/engine/report/html.ts';
import { goodCase, type SampleCase, samplePlan, writeCase } from '../../helpers/sample-case.ts';
import { treeFingerprint } from '../../helpers/tree-fingerprint.ts';

describe('report: the page of a recovery', () => {
  let directory: string;
  beforeEach(() => (directory = fs.mkdtempSync(path.join(os.tmpdir(), 'report-'))));
  afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

  async function page(one: SampleCase, disturb: (directory: string) => void = () => undefined): Promise<ReportPage> {
    const file = writeCase(directory, one);
    disturb(directory);
    return pageOfRecovery(await readCase(directory, file, one.plan, planText(one.plan), 'verification.json'), '0.1.0');
  }

  it('a recovery that was verified', async () => {
    const one = await page(goodCase());
    assert.deepEqual([one.verdict, one.id, one.failure], ['RECOVERED', '5c2e91', null]);
    assert.deepEqual(one.tiles.map(({ name, measured }) => `${name} ${measured}`), ['Recovered in 5 min 1 s', 'Data changed in 2.0 s', 'Loss unknown', 'May fail now none']);
    assert.deepEqual(one.statement, [
      'Of 3 voters n2 and n3 were given up, so no majority was left; n1 was the disk to go on with.',
      'n1 was made a cluster of one by plan 5c2e91 in 2.0 s, after a verified backup; the cluster id stays the same.',
      'Loss unknown (best effort): 1-554 is safe; what n2 and n3 agreed on beyond that cannot be known. The running result passed its checks, 1 of 2, 1 not made. The plan was rehearsed on a copy: pass.',
      'What the 2 voters that were not read had agreed on alone, from entry 556 on, is unknown. One entry was in doubt (555), and kept. One check could not be made. What applications make of the data is for their owners to say.',
      'One voter, none may fail: members are added one at a time, up to 3. n2 has to stay away with its old data. The way back: raft-inspector recover undo 5c2e91, until etcd has taken new writes.',
    ]);
    assert.deepEqual(one.timeline?.phases.map(({ name, fromMs, toMs }) => [name, fromMs, toMs]), [['survey and plan', 0, 60_000], ['review', 60_000, 240_000], ['apply', 240_000, 242_000], ['start and verify', 242_000, 300_800]]);
    assert.deepEqual(one.steps.map((step) => [step.n, step.atMs, step.by, step.exit]), [[1, 0, 'hand', 0], [2, 40_000, 'hand', 0], [3, 58_000, 'hand', 0], [4, 120_000, 'hand', 0], [5, 180_000, 'hand', 0], [6, 240_000, 'hand', 0], [7, 300_000, 'hand', 0]]);
    assert.ok(one.decision.includes('  Said      --seen-revision 513') && one.decision.includes('  Lifted    no rule'));
    assert.deepEqual(one.followUps.map((row) => row.id), ['fence-1', 'join-1']);
    assert.match(renderHtml(one), /<p class="stamp">RECOVERED<\/p>[\s\S]*What remains/);
  });

  it('digests are those of the files; of the two that grow, of their first bytes', async () => {
    const one = await page(goodCase());
    const sha256 = (name: string): string => crypto.createHash('sha256').update(fs.readFileSync(path.join(directory, name))).digest('hex');
    const bytes = (name: string): number => fs.statSync(path.join(directory, name)).size;
    assert.deepEqual(one.artefacts, [
      { name: 'evidence/n1.json', sha256: sha256('evidence/n1.json') },
      ...['journal.ndjson', 'plan.json', 'rehearsal.json', 'transcript.ndjson', 'verification.json'].map((name) => ({ name: name.endsWith('.ndjson') ? `${name}, first ${bytes(name)} bytes` : name, sha256: sha256(name) })),
    ]);
  });

  const { transcript, journal, rehearsal, verification, plan } = goodCase();
  const undo = [{ at: '2026-03-14T02:40:00.000Z', plan: plan.planId, event: 'undo', dataDir: '/var/lib/etcd' }, { at: '2026-03-14T02:40:02.000Z', plan: plan.planId, event: 'undone', dataDir: '/var/lib/etcd' }];
  const cases: { name: string; one: SampleCase; says: RegExp; step: number | null }[] = [
    { name: 'a plan alone', one: { plan }, says: /^The plan has not been applied\.$/, step: null },
    { name: 'applied and not verified', one: { plan, transcript: transcript.slice(0, 6), journal, rehearsal }, says: /^The plan was applied; the running result has not been verified\.$/, step: null },
    { name: 'begun and failed', one: { plan, transcript: [...transcript.slice(0, 5), { ...transcript[5], exit: 8 }], journal: [...journal.slice(0, 2), { at: '2026-03-14T02:24:01.000Z', plan: plan.planId, event: 'failed', step: 'build', detail: 'disk full' }] }, says: /^The plan was begun and is not finished: build failed, disk full\.$/, step: 6 },
    { name: 'a failed check', one: { plan, transcript, journal, verification: { ...verification, verdict: 'failed', checks: [{ name: 'voters', ok: false, detail: 'n1, n9' }] } }, says: /did not pass its checks: voters, n1, n9\.$/, step: null },
    { name: 'undone', one: { plan, transcript, journal: [...journal, ...undo], verification }, says: /^The recovery was undone/, step: null },
    { name: 'verified before it was applied once more', one: { plan, transcript, journal: journal.map((line) => ({ ...line, at: '2026-03-14T03:00:00.000Z' })), verification }, says: /older than the last apply/, step: null },
  ];
  for (const { name, one, says, step } of cases) {
    it(`not recovered: ${name}`, async () => {
      const report = await page(one);
      assert.equal(report.verdict, 'NOT RECOVERED');
      assert.match(report.failure?.text ?? '', says);
      assert.equal(report.failure?.step ?? null, step);
    });
  }

  it('after an undo there is nothing to verify, to fence or to take back', async () => {
    const one = await page({ plan, transcript, journal: [...journal, ...undo], rehearsal, verification });
    assert.deepEqual(one.statement.slice(1), [
      'Plan 5c2e91 was applied and taken back: the original files are in place again.',
      'The original files were compared with the backup by their digests when they came back. The plan was rehearsed on a copy: pass.',
      'What the recovered server accepted between apply and undo, if it ran, is not in these files: undo says where it keeps what it takes away.',
      'The cluster is without a majority, as it was before: start what can run again of n1, n2 and n3, or find more disks and plan anew with recover pick and recover plan. There is nothing to verify and nothing to take back.',
    ]);
    assert.deepEqual([one.followUps, one.checks.filter((line) => line.name.startsWith('verify'))], [[], []]);
    assert.deepEqual(one.tiles.slice(2).map((tile) => tile.measured), ['–', '–']);
  });

  it('the way back is the one that was handed over', async () => {
    const file = writeCase(directory, goodCase());
    const one = pageOfRecovery(await readCase(directory, file, plan, planText(plan), 'verification.json'), '0.1.0', "raft-inspector recover undo 5c2e91 --case 'my case'");
    assert.match(one.statement[4] ?? '', /The way back: raft-inspector recover undo 5c2e91 --case 'my case', until/);
  });

  it('applied again after an undo counts as applied', async () => {
    const later = [...journal, ...undo, ...journal.map((line) => ({ ...line, at: '2026-03-14T02:50:00.000Z' }))];
    const again = { at: '2026-03-14T02:51:00.000Z', command: 'raft-inspector recover verify', exit: 0, durationMs: 500, by: 'root@cp-1' };
    assert.equal((await page({ plan, transcript: [...transcript, again], journal: later, verification })).verdict, 'RECOVERED');
  });

  it('results of another plan, broken lines and links are left out, and that is said', async () => {
    const other = '00000000-1111-4222-8333-444455556666';
    const one = await page({ ...goodCase(), verification: { ...verification, planId: other }, journal: journal.map((line) => ({ ...line, plan: other })) }, (at) => {
      fs.appendFileSync(path.join(at, 'transcript.ndjson'), '{"at":"2026-03-14T02:26:00.000Z","comma\n[1]\nnull\n{"at":7}\n');
      fs.symlinkSync('/etc/passwd', path.join(at, 'evidence/link.json'));
    });
    assert.equal(one.failure?.text, 'The plan has not been applied.');
    assert.equal(one.steps.length, 7);
    const left = one.provenance.filter((row) => row.name === 'left out').map((row) => row.value);
    assert.ok(left.includes('transcript.ndjson: 1 line cannot be read, left out.'), left.join('\n'));
    assert.ok(left.includes('verification.json is of another plan, and left out.'));
    assert.ok(left.some((row) => row.includes('symbolic link')));
  });

  it('a case that could not be written to: the journal beside the data is believed', async () => {
    const dataDir = path.join(directory, 'data/etcd');
    const local = samplePlan({ dataDir });
    fs.mkdirSync(`${dataDir}.ri`, { recursive: true });
    fs.writeFileSync(`${dataDir}.ri/journal.ndjson`, goodCase(local).journal.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const one = await page({ plan: local });
    assert.equal(one.failure?.text, 'The plan was applied; the running result has not been verified.');
  });

  it('looking at the case later stretches nothing', async () => {
    const later = (command: string): object => ({ at: '2026-06-01T00:00:00.000Z', command: `raft-inspector ${command}`, exit: 0, durationMs: 500, by: 'root@cp-1' });
    const one = await page({ ...goodCase(), transcript: [...transcript, later('recover status'), later('recover report -o r.html')] });
    assert.equal(one.timeline?.toMs, 300_800);
    assert.deepEqual(one.timeline?.ticks.map((tick) => tick.n), [1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(one.steps.map((step) => step.command.split(' ')[2]).slice(6), ['verify', 'status'], 'the report itself is no step');
  });

  it('changes nothing in the case', async () => {
    const file = writeCase(directory, goodCase());
    const before = treeFingerprint(directory, 'bytes');
    await readCase(directory, file, samplePlan(), planText(samplePlan()), 'verification.json');
    assert.deepEqual(treeFingerprint(directory, 'bytes'), before);
  });
});
