import assert from 'node:assert/strict';
import { judgeOldMember } from '../../../src/engine/drill/scenarios/quorum-loss.ts';
import { Traffic } from '../../../src/engine/drill/traffic.ts';
import type { HistoryFile } from '../../../src/engine/drill/history-file.ts';
import { drillSchema } from '../../../src/engine/drill/drill-file.ts';

type Seen = Parameters<typeof judgeOldMember>[0];

describe('drill: an old member that comes back', () => {
  const leader: Seen = { id: 'n2-g2', state: 'running', role: 'leader', leader: 'n2-g2', term: 1004, appliedIndex: 90 };
  const old: Seen = { id: 'n1', state: 'running', role: 'follower', leader: null, term: 3, appliedIndex: 80 };
  const ok = (more: Partial<Seen> = {}): boolean => judgeOldMember({ ...old, ...more }, leader, leader).ok;

  it('is refused when it runs and gets nowhere', () => {
    assert.equal(ok(), true);
    assert.equal(ok({ role: 'leader', leader: 'n1' }), false);
    assert.equal(ok({ leader: 'n2-g2' }), false, 'it was let in');
    assert.equal(ok({ appliedIndex: 91 }), false, 'it got entries');
    assert.equal(ok({ term: 1005 }), false, 'it could unseat the leader');
  });

  it('proves nothing when it does not run', () => {
    const gone = { role: null, leader: null, term: null, appliedIndex: null };
    for (const state of ['killed', 'failed', 'silent', 'stopped'] as const) assert.equal(ok({ ...gone, state }), false, state);
    assert.match(judgeOldMember({ ...old, ...gone, state: 'failed' }, leader, leader).detail, /^n1 failed, says -/);
  });
});

describe('drill: clients whose history cannot be written', () => {
  it('end, and say why', async () => {
    const full = { invoke: () => undefined, end: () => { throw new Error('ENOSPC: no space left on device, write'); } } as unknown as HistoryFile;
    const traffic = new Traffic({ ...drillSchema.parse({ scenario: 'x' }).load, clients: 2 }, full, () => performance.now(), Math.random);
    traffic.open({ append: () => Promise.resolve(1), read: () => Promise.resolve({ marks: [], index: 1 }), close: () => undefined });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await traffic.stop();
    assert.match(traffic.failure?.message ?? 'none', /^ENOSPC/);
    assert.equal(traffic.isRunning, false);
  });
});
