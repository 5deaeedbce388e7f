import { finding, type Finding } from '../../model/finding.ts';
import type { ReadOptions } from '../../model/reading.ts';
import type { BoltFile } from '../bbolt/file.ts';

const MAX_PROBLEMS = 10;

/**
 * What a Bolt file of the family says about itself. One lost meta page may be an unfinished last commit (`torn`): the other
 * one holds the transaction before it, or the newest.
 */
export function boltFindings(bolt: BoltFile, file: string, options: ReadOptions, findings: Finding[]): { torn: boolean; damaged: boolean } {
  const lost = bolt.metas.filter((meta) => meta.problem !== null);
  for (const meta of lost) {
    findings.push(
      finding('bolt-meta-lost', 'warn', `meta page ${meta.page} cannot be used (${meta.problem}); transaction ${bolt.txid} of the other one was read, the newest may be lost`, {
        file,
        byteOffset: meta.page * bolt.pageSize,
        fix: 'Compare last entry and vote with the other members before trusting the newest transaction',
      }),
    );
  }
  const told = new Set(lost.map((meta) => meta.page * bolt.pageSize));
  const problems = options.depth === 'log' ? [] : bolt.check().filter(({ byteOffset }) => !told.has(byteOffset));
  for (const { byteOffset, problem } of problems.slice(0, MAX_PROBLEMS)) {
    findings.push(finding('bolt-structure', 'warn', problem, { file, byteOffset, fix: 'Do not let a server write to this file; recover from another member' }));
  }
  if (problems.length > MAX_PROBLEMS) findings.push(finding('bolt-structure', 'warn', `${problems.length - MAX_PROBLEMS} more problems`, { file }));
  const truncated = bolt.truncated !== null;
  return { torn: lost.length > 0, damaged: problems.length > 0 || truncated };
}
