import fs from 'node:fs';
import { giveOrder } from './control.ts';
import { isAlive, isLabRunning, labAddress, labDataDir, type LabFile, readLabFile, writeLabFile } from './lab-file.ts';
import type { LabMemberStatus, LabStatus } from './orders.ts';
import { leftovers } from './up.ts';

const GONE_DEADLINE_MS = 15_000;

/** Ends the practice cluster in `dir`; `purge` removes the directory, else its data stay. Gives what it was before. */
export async function labDown(dir: string, purge: 'purge' | 'keep'): Promise<{ readonly before: LabStatus; readonly wasRunning: boolean; readonly isPurged: boolean }> {
  const { supervisor } = readLabFile(dir);
  let before = stoppedStatus(dir);
  const wasRunning = supervisor !== null;
  if (supervisor !== null && isLabRunning(dir)) {
    before = await giveOrder(dir, { kind: 'down' });
    await untilGone([supervisor.pid]);
  } else if (supervisor !== null) {
    const left = leftovers(dir);
    for (const pid of left) process.kill(pid, 'SIGKILL');
    await untilGone(left);
    writeLabFile(dir, { ...withoutProcesses(readLabFile(dir)), supervisor: null });
  }
  if (purge === 'purge') fs.rmSync(dir, { recursive: true, force: true });
  return { before, wasRunning, isPurged: purge === 'purge' };
}

/** What can be said of a lab that does not run. */
export function stoppedStatus(dir: string): LabStatus {
  const lab = readLabFile(dir);
  const unknown = { role: null, term: null, leader: null, commitIndex: null, appliedIndex: null, firstIndex: null, lastIndex: null, stateHash: null, eventLoopDelayMs: null };
  const members: LabMemberStatus[] = lab.members.map((one) => ({ id: one.id, name: one.name, address: labAddress(one), dataDir: labDataDir(dir, one), generation: one.generation ?? 1, origin: one.origin, pid: null, state: 'stopped', ended: null, ...unknown, faults: [] }));
  return { dir, clusterId: lab.clusterId, machine: lab.machine, timing: lab.timing, generation: lab.generation ?? 1, isRunning: false, supervisor: null, leader: null, members, links: [] };
}

function withoutProcesses(lab: LabFile): LabFile {
  return { ...lab, members: lab.members.map((one) => ({ ...one, pid: null })) };
}

async function untilGone(pids: readonly number[]): Promise<void> {
  const deadline = performance.now() + GONE_DEADLINE_MS;
  while (pids.some(isAlive)) {
    if (performance.now() > deadline) throw new Error(`processes ${pids.filter(isAlive).join(', ')} do not end`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
