import crypto from 'node:crypto';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { CheckLine } from '../../../../src/engine/model/check-line.ts';
import type { MemberReading } from '../../../../src/engine/model/reading.ts';
import { targetFor } from '../../../../src/engine/recovery/targets/index.ts';
import type { Decision, RecoveryTarget, SourceDirectory, TargetDraft } from '../../../../src/engine/recovery/targets/target.ts';
import { readResult } from '../../../../src/engine/recovery/targets/hashicorp/result-checks.ts';

/** The member as a recovery sees it. */
export function sourceAt(dataDir: string): SourceDirectory {
  return { dataDir, reading: readResult(dataDir) };
}

/** A decision as the pick makes it for one disk alone; all of it is kept unless said otherwise. */
export function decisionFor({ reading }: SourceDirectory, given: Partial<Decision> = {}): Decision {
  const { report } = reading;
  return {
    inDoubt: 'keep',
    keepTo: report.lastEntry.index,
    floor: report.commitFloor,
    newClusterId: 'auto',
    bumpRevision: null,
    selfAddress: null,
    serverId: report.memberId,
    members: (report.confState?.members ?? []).map(({ id, name, addresses, role }) => ({ id, name, addresses, role })),
    targetMembers: 3,
    highestTerm: report.hardState.currentTerm,
    why: { verdict: 'unknown', proof: 'best-effort', statement: '', facts: [] },
    clusterId: null,
    planId: '5c2e9100-0000-4000-8000-000000000000',
    now: new Date('2026-03-14T03:21:00.250Z'),
    randomHex: (chars) => '0'.repeat(chars),
    ...given,
  };
}

export interface Recovered {
  directory: string;
  draft: TargetDraft;
  checks: CheckLine[];
  reading: MemberReading;
}

/** Every directory a test file made; remove them with `removeAll`. */
const made: string[] = [];

export function scratch(): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-hashicorp-'));
  made.push(directory);
  return directory;
}

export function removeAll(): void {
  for (const directory of made.splice(0)) fs.rmSync(directory, { recursive: true, force: true });
}

/** Draft, build and check beside the source, without a journal: the directory is a copy in which the changed files are missing first. */
export async function recover(source: SourceDirectory, decision: Decision, target: RecoveryTarget = targetFor(source)): Promise<Recovered> {
  const draft = await target.draft(source, decision);
  const parameters = JSON.parse(JSON.stringify(draft.parameters)) as Record<string, unknown>; // as a plan file gives it back
  const directory = path.join(scratch(), 'result');
  execFileSync('cp', ['-r', '--sparse=always', source.dataDir, directory]);
  for (const change of draft.changes) fs.rmSync(path.join(directory, change.path), { force: true });
  await target.build({ dataDir: source.dataDir, into: directory, parameters });
  const checks = await target.check(directory, draft.outcome, parameters);
  return { directory, draft, checks, reading: readResult(directory) };
}

/** Names of the checks that did not pass, with what they say. */
export function failed(checks: readonly CheckLine[]): string[] {
  return checks.filter(({ ok }) => ok !== true).map(({ name, detail }) => `${name}: ${detail}`);
}

/** Count and hash of the commands in (from, to], spelled as the program of fixtures/go-raft does. */
export function commandsOf(reading: MemberReading, from: number, to: number): { applied: number; appliedSha256: string } {
  const hash = crypto.createHash('sha256');
  let applied = 0;
  for (const record of reading.records({ from: from + 1, to })) {
    if (record.type !== 'entry' || record.kind !== 'command') continue;
    hash.update(`${record.index} ${record.term} ${record.data.length}\n`);
    hash.update(record.data);
    applied++;
  }
  return { applied, appliedSha256: hash.digest('hex') };
}
