import assert from 'node:assert/strict';
import { mdBlock, mdCode, mdText } from '../../../src/engine/model/markdown-text.ts';
import { renderMarkdown } from '../../../src/engine/report/markdown.ts';
import { HOSTILE, hostilePage, samplePage } from '../../helpers/report-samples.ts';

/** Cells of a table row: pipes that are not escaped part them. */
function cells(row: string): string[] {
  return row.split(/(?<!\\)\|/).slice(1, -1);
}

/** Lines outside fenced blocks; checks on the way that each fence is closed by its own. */
function outsideBlocks(text: string): string[] {
  const lines: string[] = [];
  let fence: string | null = null;
  for (const line of text.split('\n')) {
    if (fence === null) {
      const opened = /^(`{3,})\w*$/.exec(line)?.[1];
      if (opened === undefined) lines.push(line);
      else fence = opened;
    } else if (line === fence) fence = null;
  }
  assert.equal(fence, null, 'a block was never closed');
  return lines;
}

describe('report: Markdown', () => {
  it('holds everything the record holds, in order', () => {
    const text = renderMarkdown(samplePage('drill'));
    assert.deepEqual([...text.matchAll(/^#+ (.*)$/gm)].map((one) => one[1]), ['PASS: quorum-loss-3', 'Timeline', 'Objectives', 'Decision', 'Steps', 'Checks', 'Follow-ups', 'Trend', 'Provenance', 'Drill file', 'Sign-off']);
    assert.match(text, /\| RTO \| 60 s \| 3\.8 s \| held \| 2nd member killed → first acknowledged write \| monotonic, drill runner \|/);
    assert.match(text, /\| 8 \| \+1\.4 s \| 1\.2 s \| `raft-inspector recover apply --case results\/case --execute --confirm lab-5c2e91` \| 0 \| automatic \| ok \|/);
    assert.match(text, /\| DR-12 \| .* \| \*\*no owner\*\* \| 2026-03-31 \| 88 days \| open, carried over from the last drill \|/);
    assert.match(text, /^ {2}- \{ at: 9s, kill: n3 \}$/m, 'the drill file stands in full');
  });

  it('a failure says what and where', () => {
    assert.match(renderMarkdown(samplePage('drill-fail')), /^# FAIL: quorum-loss-3\n\n> \*\*RTO 71 s, over its limit of 60 s: recover apply waited for free space\.\*\* \(step 8\)$/m);
  });

  it('every string may be hostile, and neither breaks a table, a block, nor becomes markup', () => {
    for (const name of ['drill', 'drill-fail', 'drill-could-not-run'] as const) {
      const text = renderMarkdown(hostilePage(samplePage(name)));
      // oxlint-disable-next-line no-control-regex -- none may be left
      assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]|\p{Cs}/u);
      let width: number | null = null;
      for (const line of outsideBlocks(text)) {
        const plain = line.replaceAll(/(`+)(?!`).*?(?<!`)\1(?!`)/g, '');
        assert.doesNotMatch(plain, /(?<!\\)[<>](?!\s|$)|(?<!\\)\]\(/, line.slice(0, 200));
        if (!line.startsWith('|')) width = null;
        else {
          width ??= cells(line).length;
          assert.equal(cells(line).length, width, line.slice(0, 200));
        }
      }
    }
  });

  it('code and blocks keep what they quote, whatever backticks are in it', () => {
    assert.equal(mdCode('a`b``c'), '```a`b``c```');
    assert.equal(mdCode('`x'), '`` `x ``');
    assert.deepEqual(mdBlock('one\n````\n```'), ['`````text', 'one', '````', '```', '`````']);
    assert.equal(mdText('snake_case is *not* _this_ | <b>'), 'snake_case is \\*not\\* \\_this\\_ \\| \\<b\\>');
    assert.doesNotMatch(mdText(HOSTILE), /\n/);
  });
});
