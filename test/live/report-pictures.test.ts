import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { planText } from '../../src/engine/model/plan-schema.ts';
import type { ReportPage } from '../../src/engine/model/report-page.ts';
import { readCase } from '../../src/engine/recovery/report/case-record.ts';
import { pageOfRecovery } from '../../src/engine/recovery/report/page.ts';
import { renderHtml } from '../../src/engine/report/html.ts';
import { Chromium, chromiumMissing, type Look, pdfPages } from '../helpers/chromium.ts';
import { colours, readPng } from '../helpers/png-pixels.ts';
import { enlarged, hostilePage, samplePage } from '../helpers/report-samples.ts';
import { goodCase, writeCase } from '../helpers/sample-case.ts';
import { skipWithout } from '../helpers/skip-without.ts';

const DESK: Look = { scheme: 'light', media: 'screen', width: 1280, height: 1000 };
const MAX_PAGES = 5;
/** The page's ground, and the verdict's colour on it. */
const GROUND = { light: '#f6f6f3', dark: '#0e1116' } as const;
const INK = { good: { light: '#116b3c', dark: '#56c98d' }, bad: { light: '#b3211b', dark: '#ff8078' } } as const;

describe('report: as a browser shows it', function () {
  this.timeout(180_000);
  let work: string;
  let browser: Chromium;
  const files = new Map<string, string>();

  before(async function () {
    skipWithout(this, chromiumMissing());
    work = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-pictures-'));
    const kase = goodCase();
    const plan = writeCase(path.join(work, 'case'), kase);
    const recovery = pageOfRecovery(await readCase(path.join(work, 'case'), plan, kase.plan, planText(kase.plan), 'verification.json'), '0.1.0');
    const pages: Record<string, ReportPage> = { drill: samplePage('drill'), real: samplePage('drill-real'), fail: samplePage('drill-fail'), 'could-not-run': samplePage('drill-could-not-run'), recovery, hostile: hostilePage(samplePage('drill-fail')), huge: enlarged(samplePage('drill-fail')) };
    for (const [name, page] of Object.entries(pages)) {
      files.set(name, path.join(work, `${name}.html`));
      fs.writeFileSync(path.join(work, `${name}.html`), renderHtml(page));
    }
    browser = await Chromium.start();
  });

  after(async () => {
    await browser?.close();
    if (work !== undefined) fs.rmSync(work, { recursive: true, force: true });
  });

  const open = async (name: string, look: Look = DESK, fragment = ''): Promise<void> => {
    await browser.look(look);
    await browser.open(files.get(name) ?? '', fragment);
  };

  for (const name of ['drill', 'real', 'fail', 'could-not-run', 'recovery', 'hostile', 'huge']) {
    it(`${name}: fetches nothing, complains of nothing, runs nothing, and fits the window`, async () => {
      for (const width of [1280, 900, 390]) {
        await open(name, { ...DESK, width });
        assert.equal(browser.requests.length, 1, browser.requests.join('\n'));
        assert.deepEqual(browser.complaints, []);
        const { scripts, images, handlers, overflow } = await browser.evaluate<{ scripts: number; images: number; handlers: number; overflow: number }>(
          `({ scripts: document.scripts.length, images: document.images.length, handlers: [...document.querySelectorAll('*')].filter((one) => [...one.attributes].some((a) => a.name.startsWith('on') || a.name === 'style')).length, overflow: document.documentElement.scrollWidth - innerWidth })`,
        );
        assert.deepEqual({ scripts, images, handlers }, { scripts: 0, images: 0, handlers: 0 });
        assert.ok(overflow <= 0, `at ${width} it is ${overflow} pixels too wide`);
      }
    });

    it(`${name}: at most ${MAX_PAGES} pages of A4 and of Letter`, async () => {
      await open(name);
      for (const paper of ['a4', 'letter'] as const) {
        const pages = pdfPages(await browser.pdf(paper));
        assert.ok(pages >= 1 && pages <= MAX_PAGES, `${pages} pages of ${paper}`);
      }
    });
  }

  for (const scheme of ['light', 'dark'] as const) {
    for (const [name, tone] of [['drill', 'good'], ['fail', 'bad'], ['recovery', 'good']] as const) {
      it(`${name}, ${scheme}: the style sheet is in force, and the verdict stands out`, async () => {
        await open(name, { ...DESK, scheme });
        const seen = colours(readPng(await browser.screenshot()));
        const all = DESK.width * DESK.height;
        assert.ok((seen.get(GROUND[scheme]) ?? 0) > all / 4, `the ground is ${GROUND[scheme]}`);
        assert.ok((seen.get(INK[tone][scheme]) ?? 0) > 300, `the stamp is ${INK[tone][scheme]}`);
        assert.ok(seen.size > 200, `${seen.size} colours: text and pictures are there`);
      });
    }
  }

  it('on paper it is black on white, also from a dark screen', async () => {
    await open('drill', { ...DESK, scheme: 'dark', media: 'print' });
    const seen = colours(readPng(await browser.screenshot()));
    assert.ok((seen.get('#ffffff') ?? 0) > (DESK.width * DESK.height) / 2);
    assert.ok((seen.get('#000000') ?? 0) > 1000);
    assert.equal(seen.get(GROUND.dark), undefined);
    assert.equal(await browser.evaluate(`getComputedStyle(document.querySelector('.sticky')).display`), 'none');
  });

  it('on a telephone no figure is broken in its middle, and a command has room', async () => {
    await open('recovery', { ...DESK, width: 390 });
    const heights = await browser.evaluate<number[]>(`[...document.querySelectorAll('.measured')].map((one) => Math.round(one.getBoundingClientRect().height / parseFloat(getComputedStyle(one).lineHeight)))`);
    assert.deepEqual([...new Set(heights)], [1], 'each stands in one line');
    const wide = await browser.evaluate<number>(`Math.min(...[...document.querySelectorAll('.steps-table td:nth-child(4)')].map((one) => one.getBoundingClientRect().width))`);
    assert.ok(wide >= 220, `${wide} px`);
    const member = await browser.evaluate<number>(`document.querySelector('.lanes-table thead th').getBoundingClientRect().height`);
    assert.ok(member < 40, `the heading of the members is ${member} px high`);
  });

  it('a link leads to its step, and the verdict stays in sight', async () => {
    await open('fail', DESK, '#step-8');
    const { top, stuck } = await browser.evaluate<{ top: number; stuck: number }>(`({ top: document.getElementById('step-8').getBoundingClientRect().top, stuck: document.querySelector('.sticky').getBoundingClientRect().top })`);
    assert.ok(top > 40 && top < DESK.height, `the step is at ${top}, below the bar`);
    assert.equal(stuck, 0);
    assert.ok(await browser.evaluate<boolean>(`document.querySelector('.sticky b').textContent === 'FAIL'`));
  });

  it('what is read has contrast enough, in both schemes and on paper', async () => {
    for (const look of [DESK, { ...DESK, scheme: 'dark' as const }, { ...DESK, media: 'print' as const }]) {
      await open('fail', look);
      const weak = await browser.evaluate<string[]>(CONTRAST);
      assert.deepEqual(weak, [], `${look.scheme} ${look.media}`);
    }
  });
});

/** Texts whose colour has less than 4.5 to 1 on the ground behind them (WCAG 2.2, 1.4.3); SVG text lies on the figure's paper. */
const CONTRAST = `(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = (node) => { for (let one = node; one; one = one.parentElement) { const c = parse(getComputedStyle(one).backgroundColor); if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  const weak = [];
  for (const node of document.querySelectorAll('body *')) {
    if (![...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim() !== '')) continue;
    const style = getComputedStyle(node);
    const isSvg = node.namespaceURI.includes('svg');
    if (node.tagName === 'title' || node.closest('title') || node.classList.contains('n')) continue;
    const [a, b] = [light(parse(isSvg ? style.fill : style.color)), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) weak.push(node.tagName + '.' + (node.getAttribute('class') ?? '') + ' ' + ratio.toFixed(2) + ' ' + node.textContent.slice(0, 30));
  }
  return [...new Set(weak)].slice(0, 20);
})()`;
