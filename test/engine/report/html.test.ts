import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { renderHtml } from '../../../src/engine/report/html.ts';
import { enlarged, HOSTILE, hostilePage, samplePage } from '../../helpers/report-samples.ts';
import { readStrictly } from '../../helpers/strict-markup.ts';

const MAX_BYTES = 300_000;
const TAGS = new Set(['html', 'head', 'meta', 'title', 'style', 'body', 'header', 'main', 'nav', 'section', 'figure', 'div', 'span', 'p', 'b', 'small', 'a', 'h1', 'h2', 'h3', 'dl', 'dt', 'dd', 'ul', 'li', 'table', 'caption', 'thead', 'tbody', 'tr', 'th', 'td', 'pre', 'code', 'svg', 'g', 'rect', 'circle', 'path', 'line', 'text', 'tspan']);
const ATTRIBUTES = new Set(['lang', 'charset', 'http-equiv', 'content', 'name', 'class', 'id', 'href', 'scope', 'tabindex', 'role', 'aria-label', 'aria-hidden', 'viewBox', 'preserveAspectRatio', 'width', 'height', 'x', 'y', 'x1', 'y1', 'x2', 'y2', 'cx', 'cy', 'r', 'rx', 'd', 'dx', 'stroke-width', 'text-anchor']);

/** Holds for every report, whatever it is about. */
function assertInert(html: string): ReturnType<typeof readStrictly> {
  const read = readStrictly(html);
  for (const { name, attributes } of read.tags) {
    assert.ok(TAGS.has(name), `<${name}> has no place in a report`);
    for (const [attribute, value] of attributes) {
      assert.ok(ATTRIBUTES.has(attribute), `${attribute} on <${name}>`);
      if (attribute === 'href') assert.match(value, /^#[a-z0-9-]+$/, 'links stay within the page');
    }
  }
  assert.ok(Buffer.byteLength(html) < MAX_BYTES, `${Buffer.byteLength(html)} bytes`);
  // oxlint-disable-next-line no-control-regex -- none may be left
  assert.doesNotMatch(html, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]|\p{Cs}/u);
  return read;
}

function policyOf(read: ReturnType<typeof readStrictly>): string {
  return read.tags.find((one) => one.attributes.get('http-equiv') === 'Content-Security-Policy')?.attributes.get('content') ?? '';
}

describe('report: HTML', () => {
  for (const name of ['drill', 'drill-fail', 'drill-could-not-run', 'drill-real'] as const) {
    it(`${name}: one inert file, whose policy allows its own style sheet and nothing else`, () => {
      const html = renderHtml(samplePage(name));
      const policy = policyOf(assertInert(html));
      const css = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? '';
      const hash = crypto.createHash('sha256').update(css).digest('base64');
      assert.equal(policy.replaceAll('&#39;', "'"), `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`);
      assert.doesNotMatch(css, /url\(|@import|expression|<\//);
    });
  }

  it('every string may be hostile, and stays text', () => {
    const page = hostilePage(samplePage('drill-fail'));
    const read = assertInert(renderHtml(page));
    // Texts are clipped to their place: all begin alike.
    const shown = read.text.split('&lt;/title&gt;').length - 1;
    assert.ok(shown > 150, `${shown} places show the hostile text as text`);
  });

  it('an id cannot leave the footer of the style sheet', () => {
    const css = (id: string): string => /<style>([\s\S]*?)<\/style>/.exec(renderHtml({ ...samplePage('drill'), id }))?.[1] ?? '';
    const footer = /@bottom-left\{content:("(?:[^"\\]|\\[0-9a-f]+ )*");font/.exec(css(`x"};} body{display:none} </style>${HOSTILE}`))?.[1];
    assert.ok(footer !== undefined, 'the footer is one CSS string');
    assert.doesNotMatch(footer, /[{};<>]/);
    assert.match(css('2026-03-14-7f21'), /content:"drill 2026-03-14-7f21"/);
  });

  it('shows all parts, in the order of the screens', () => {
    const html = renderHtml(samplePage('drill'));
    const ids = [...html.matchAll(/<section id="([a-z-]+)"/g)].map((one) => one[1]);
    assert.deepEqual(ids, ['statement', 'timeline', 'objectives', 'decision', 'steps', 'checks', 'follow-ups', 'trend', 'provenance', 'sign-off']);
    for (const text of ['no service 3.8 s', 'no redundancy 27.0 s', '2nd member killed → first acknowledged write', '−0.6 s since the last run', 'run by', 'reviewed by (another person)', 'no compliance claimed', '14 of 14 passed', 'no owner', '88 days', 'carried over from the last drill', 'open in the last drill, not listed in this one']) {
      assert.ok(html.includes(text), text);
    }
    for (let step = 1; step <= 13; step += 1) assert.ok(html.includes(`id="step-${step}"`), `step ${step} has its link`);
  });

  it('every bar of the picture has its facts as a title, and the table has them again', () => {
    const page = samplePage('drill');
    const html = renderHtml(page);
    for (const lane of page.timeline?.lanes ?? []) {
      for (const span of lane.spans) assert.ok(html.includes(`<title>${lane.member}: ${span.state} from `), `${lane.member} ${span.state}`);
    }
    assert.ok(html.includes('<td>voter −9.0 s to −1.2 s, down −1.2 s to +3.9 s, learner +3.9 s to +14.5 s, voter +14.5 s to +32.0 s</td>'));
    assert.ok(html.includes('18204 writes acknowledged, 21 failed'));
  });

  it('a failure names what failed and links its step', () => {
    const html = renderHtml(samplePage('drill-fail'));
    assert.match(html, /<p class="failure">RTO 71 s, over its limit of 60 s: recover apply waited for free space\. <a href="#step-8">Step 8<\/a><\/p>/);
    assert.match(html, /<tr id="step-8" class="missed">/);
    assert.match(html, /12 of 14 passed, 1 not run/);
  });

  it('what could not be measured is said to be that, not to be zero', () => {
    const page = samplePage('drill-could-not-run');
    assert.deepEqual(page.tiles.map((one) => one.measured), ['–', '–', '–', '–']);
    assert.match(renderHtml(page), /<p class="limit">limit 60 s <b>not measured<\/b><\/p>/);
  });

  it('hue and hatch tell the states apart, and only used ones are in the legend', () => {
    const html = renderHtml(samplePage('drill'));
    for (const state of ['leader', 'voter', 'learner', 'down', 'rebuilding']) assert.ok(html.includes(`class="span s-${state}"`), state);
    for (const hatch of ['h-dots', 'h-upright h-learner', 'h-upright h-rebuilding', 'h-level', 'h-slant']) assert.ok(html.includes(`class="${hatch}"`), hatch);
    const legend = /<ul class="legend">(.*?)<\/ul>/s.exec(renderHtml(samplePage('drill-could-not-run')))?.[1] ?? '';
    assert.doesNotMatch(legend, /rebuilding|leader/);
  });

  it('stays small and says what it left out, however large the record', () => {
    const huge = enlarged(samplePage('drill-fail'));
    const html = renderHtml(huge);
    assertInert(html);
    assert.match(html, /\d+ of 3013 steps are left out here; the record \(JSON\) holds them all\./);
    assert.match(html, /of 5014 checks are left out/);
    assert.match(html, /of 3013 commands and faults are left out/);
    assert.match(html, /lines are left out/);
    assert.ok(html.includes('id="step-8"'), 'the step that failed is kept');
    assert.ok(html.includes('n3 with its old data was answered'), 'so is the check that failed');
  });
});
