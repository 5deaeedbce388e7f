import assert from 'node:assert/strict';
import type { LogLevel } from '../../../src/engine/node/line-log.ts';
import { MemberLog } from '../../../src/engine/node/member-log.ts';

describe('what a member says in its log', () => {
  function logged(): { lines: { level: LogLevel; msg: string; fields: Readonly<Record<string, unknown>> | undefined }[]; log: MemberLog; clock: { now: number } } {
    const lines: { level: LogLevel; msg: string; fields: Readonly<Record<string, unknown>> | undefined }[] = [];
    const clock = { now: 0 };
    const log = new MemberLog({ write: (level, msg, fields) => void lines.push({ level, msg, fields }) }, () => clock.now);
    return { lines, log, clock };
  }

  it('tells a refusal at once, then once in ten seconds with the number unsaid, whatever ports it comes from', () => {
    const { lines, log, clock } = logged();
    for (let port = 1; port <= 5000; port += 1) log.refused('tls-handshake', `10.0.0.9:${port}`);
    assert.equal(lines.length, 1);
    log.refused('tls-handshake', '10.0.0.8:1');
    log.refused('version', '10.0.0.9:1');
    assert.equal(lines.length, 3, 'another sender and another rule are news');
    clock.now = 10_001;
    log.refused('tls-handshake', '10.0.0.9:7');
    assert.deepEqual([lines.length, lines.at(-1)?.fields?.['unsaid']], [4, 4999]);
  });

  it('holds a bounded number of senders in mind', () => {
    const { lines, log } = logged();
    for (let at = 0; at < 5000; at += 1) log.refused('tls-handshake', `10.0.${at >> 8}.${at & 255}:1`);
    assert.equal(lines.length, 5000);
    assert.ok((log as unknown as { refusals: Map<string, unknown> }).refusals.size <= 256);
  });
});
