import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import type { CheckLine } from '../../../../src/engine/model/check-line.ts';
import { etcdReader } from '../../../../src/engine/readers/etcd/reader.ts';
import { targetFor, targetOfKind } from '../../../../src/engine/recovery/targets/index.ts';
import type { Decision, TargetDraft } from '../../../../src/engine/recovery/targets/target.ts';

/** A decision as a plan makes it, without a pick before it. */
export function decisionFor(directory: string, changes: Partial<Decision> = {}): Decision {
  const { report } = etcdReader.read(directory, { depth: 'log' });
  return {
    inDoubt: 'keep',
    keepTo: report.lastEntry.index,
    floor: report.commitFloor,
    newClusterId: 'auto',
    bumpRevision: null,
    selfAddress: null,
    serverId: report.memberId,
    members: report.confState?.members ?? [],
    targetMembers: 3,
    highestTerm: report.hardState.currentTerm,
    why: { verdict: 'unknown', proof: '', statement: '', facts: [] },
    clusterId: report.clusterId,
    planId: '00000000-0000-4000-8000-000000000000',
    now: new Date(0),
    randomHex: (chars) => '5a'.repeat(chars).slice(0, chars),
    ...changes,
  };
}

/** Plans, builds aside in a copy (a server would write through hard links), and checks. The caller removes `directory`'s parent. */
export async function stage(source: string, changes: Partial<Decision> = {}, depth: 'full' | 'log' = 'full'): Promise<{ draft: TargetDraft; directory: string; checks: CheckLine[]; parent: string }> {
  const reading = etcdReader.read(source, { depth });
  const given = { dataDir: source, reading };
  const draft = await targetFor(given).draft(given, decisionFor(source, changes));
  const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-staged-'));
  const directory = path.join(parent, path.basename(source));
  execFileSync('cp', ['-r', source, directory]);
  for (const { path: below, kind } of draft.changes) if (kind !== 'create') fs.rmSync(path.join(directory, below));
  const target = targetOfKind(draft.kind);
  const parameters = JSON.parse(JSON.stringify(draft.parameters)) as Record<string, unknown>;
  await target.build({ dataDir: source, into: directory, parameters });
  return { draft, directory, parent, checks: await target.check(directory, draft.outcome, parameters) };
}

export function failures(checks: readonly CheckLine[]): string[] {
  return checks.filter(({ ok }) => ok !== true).map(({ name, detail }) => `${name}: ${detail}`);
}
