import { createHash } from 'node:crypto';
import type { DrillRecord } from '../../src/engine/model/drill-record.ts';

/** The record of a run that went well, as far as a test does not say otherwise. */
export function drillRecord(more: Partial<DrillRecord> = {}): DrillRecord {
  const startedAt = more.startedAt ?? '2026-03-14T01:10:00.000Z';
  const rtoMs = more.rtoMs === undefined ? 3800 : more.rtoMs;
  const id = createHash('sha256').update(JSON.stringify(more)).digest('hex').slice(0, 4);
  return {
    drillId: `${startedAt.slice(0, 10)}-${id}`,
    scenario: 'quorum-loss-3',
    engine: 'native',
    seed: '4711',
    verdict: 'pass',
    rtoMs,
    rpo: { acknowledged: 18_204, lost: 0, duplicated: 0 },
    objectives: [
      { name: 'rtoMs', limit: 60_000, measured: rtoMs, ok: true, from: '2nd member killed', to: 'first acknowledged write', clock: 'monotonic' },
      { name: 'rpoLost', limit: 0, measured: 0, ok: true, from: 'every acknowledged write', to: 'read back at the end', clock: 'none' },
      { name: 'rpoDuplicated', limit: 0, measured: 0, ok: true, from: 'every write', to: 'counted in the final state', clock: 'none' },
      { name: 'electionMs', limit: 1000, measured: 412, ok: true, from: 'the leader killed first', to: 'first write acknowledged by another leader', clock: 'monotonic' },
    ],
    phases: [
      { name: 'load', startedAt, durationMs: 6000, ok: true },
      { name: 'stop traffic', startedAt, durationMs: 1000, ok: true },
      { name: 'identify', startedAt, durationMs: 300, ok: true },
      { name: 'rebuild', startedAt, durationMs: 1500, ok: true },
      { name: 'check', startedAt, durationMs: 1000, ok: true },
      { name: 'grow n1-g2', startedAt, durationMs: 12_000, ok: true },
    ],
    checks: [
      { name: 'writes in doubt are explained', ok: true, detail: '2 in doubt: 2 took effect, 0 did not; 0 marks nobody wrote' },
      { name: 'every acknowledged write is read back', ok: true, detail: '18204 of 18204' },
      { name: 'each job is assigned exactly once over retries', ok: null, detail: 'not run' },
    ],
    followUps: [{ id: 'DR-12', text: 'rehearse with the night shift', owner: null, openedAt: '2025-12-16', due: null, state: 'open' }],
    version: 1,
    tool: '0.1.0',
    startedAt,
    durationMs: 41_000,
    title: '3 members lose their majority for good',
    service: 'shop',
    environment: 'pre-production',
    nodes: 3,
    electionMs: 412,
    failureRatePercent: 0.2,
    replicaLag: 0,
    problem: null,
    statement: ['Two were killed.', 'One was rebuilt.', 'Nothing was lost.', 'Not tested: your network.', 'All 4 objectives held.'],
    timeline: {
      zeroAt: startedAt,
      zeroIs: 'n2 killed: the majority is gone',
      fromMs: -11_000,
      toMs: 30_000,
      phases: [{ name: 'load', fromMs: -6000, toMs: 0, ok: true }, { name: 'stop traffic', fromMs: 0, toMs: 1000, ok: true }, { name: 'identify', fromMs: 1000, toMs: 1300, ok: true }, { name: 'rebuild', fromMs: 1300, toMs: 2800, ok: true }, { name: 'check', fromMs: 2800, toMs: 3800, ok: true }, { name: 'grow n1-g2', fromMs: 3900, toMs: 27_000, ok: true }],
      lanes: [{ member: 'n1', spans: [{ state: 'leader', fromMs: -11_000, toMs: -1000 }, { state: 'down', fromMs: -1000, toMs: 30_000 }] }, { member: 'n3-g2', spans: [{ state: 'rebuilding', fromMs: 1300, toMs: 2800 }, { state: 'leader', fromMs: 2800, toMs: 30_000 }] }],
      bucketMs: 500,
      writes: [{ atMs: -1000, acknowledged: 100, failed: 0 }, { atMs: 0, acknowledged: 0, failed: 8 }, { atMs: 4000, acknowledged: 120, failed: 0 }],
      ticks: [{ n: 1, atMs: 0, kind: 'fault', label: 'kill -9 n2', step: null }, { n: 2, atMs: 1000, kind: 'command', label: 'raft-inspector recover pick n3=lab/n3', step: 1 }],
      brackets: [{ name: 'no service', fromMs: 0, toMs: rtoMs ?? 3800, fromEvent: 'n2 killed', toEvent: 'first acknowledged write' }, { name: 'no redundancy', fromMs: 0, toMs: 27_000, fromEvent: 'no further member may fail', toEvent: 'one more member may fail again' }],
    },
    steps: [{ n: 1, command: 'raft-inspector recover pick n3=lab/n3', atMs: 1000, durationMs: 300, exit: 0, by: 'automatic', ok: true }],
    decision: ['SOURCE n3  LOSS UNKNOWN (best-effort)'],
    drillFile: 'scenario: quorum-loss-3\n',
    provenance: [{ name: 'host', value: 'a test' }],
    artefacts: [{ name: 'history.ndjson', sha256: '0'.repeat(64) }],
    controls: ['DORA Art. 25'],
    ...more,
  };
}
