import { emptyLog, inDoubtAfter } from '../../../src/engine/model/member-report.ts';
import type { MemberReport, TermRun } from '../../../src/engine/model/member-report.ts';
import { sealEvidence } from '../../../src/engine/model/evidence.ts';
import type { Evidence } from '../../../src/engine/model/evidence.ts';
import type { ConfigurationChange } from '../../../src/engine/model/reading.ts';

export interface Disk {
  label: string;
  /** `[term, first, last]` of each run. */
  runs?: [term: number, first: number, last: number][];
  floor?: number;
  commit?: number;
  /** `[index, voters]`, oldest first. */
  configurations?: [index: number, ...voters: string[]][];
  report?: Partial<MemberReport>;
}

/** Evidence of a stopped member, made of what a case states; the member's id is its label. */
export function disk(spec: Disk): Evidence {
  const termRuns: TermRun[] = (spec.runs ?? []).map(([term, first, last]) => ({ term, first, last }));
  const [first, last] = [termRuns[0], termRuns.at(-1)];
  const log = first && last ? { ...emptyLog(first.first), lastIndex: last.last, lastTerm: last.term, entries: last.last - first.first + 1, termRuns } : emptyLog(1);
  const lastEntry = spec.report?.lastEntry ?? { term: log.lastTerm, index: log.lastIndex };
  const floor = spec.floor ?? spec.commit ?? 0;
  const views = spec.configurations ?? [[0, 'A', 'B', 'C']];
  const configurations = views.map(([index, ...voters]): ConfigurationChange => ({ index, term: 1, source: 'log', change: `configuration of ${voters.length}`, voters, learners: [], effective: true }));
  const newest = configurations.at(-1);
  const report: MemberReport = {
    path: `/disks/${spec.label}`,
    label: spec.label,
    store: 'etcd',
    software: { name: 'etcd', version: '3.5' },
    memberId: spec.label,
    clusterId: 'c1',
    hardState: { currentTerm: lastEntry.term, votedFor: null, commitIndex: spec.commit ?? null },
    log,
    snapshots: [],
    lastEntry,
    appliedIndex: null,
    commitFloor: floor,
    inDoubt: inDoubtAfter(floor, lastEntry.index),
    confState: newest ? { voters: newest.voters, learners: [], index: newest.index, pending: false, members: newest.voters.map((id) => ({ id, name: id, addresses: [], role: 'voter' as const })) } : null,
    state: null,
    damage: [],
    health: 'ok',
    checked: 'checksums',
    name: spec.label,
    revisionAtEnd: null,
    running: null,
    lastWritten: null,
    startable: { ok: true },
    ...spec.report,
  };
  return sealEvidence({
    format: 'raft-inspector/evidence',
    version: 1,
    collectedAt: '2026-01-02T03:04:05.000Z',
    tool: 'test',
    report,
    findings: [],
    configurations,
    log: { runs: termRuns, blocks: [], configurations: [], tail: null },
    doubt: null,
  });
}
