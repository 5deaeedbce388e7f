import path from 'node:path';
import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { escapeControl } from '../../cli/escape.ts';
import { withCluster } from '../../cli/live-command.ts';
import { liveFlags } from '../../cli/live-flags.ts';
import { showSize } from '../../cli/measure.ts';
import { commandLine } from '../../cli/quote.ts';
import { CorruptDataError, UsageError } from '../../engine/errors.ts';
import { saveStream } from '../../engine/live/snapshot-save.ts';
import { verifySnapshotPath } from '../../engine/readers/snapshots/index.ts';

interface SnapshotSaveReport {
  path: string;
  id: string;
  /** The member that took it. */
  member: string;
  /** The last entry it covers; null where the file does not say. */
  index: number | null;
  term: number | null;
  bytes: number;
  /** Of the file as written, lower-case hex. */
  sha256: string;
}

const TIMEOUT_MS = 5 * 60_000;

export default class SnapshotSave extends BaseCommand<SnapshotSaveReport> {
  static override summary = 'Have a running cluster take a snapshot, and save it to a file';
  static override description = `The file is new: nothing is ever overwritten. It is written aside, synced, verified to its last byte, and only then given its name:
under that name is a whole snapshot or nothing. No member's data is changed but for the snapshot it keeps itself.`;
  static override examples = ['<%= config.bin %> <%= command.id %> -o backup.snap --lab ./lab', '<%= config.bin %> <%= command.id %> -o /backup/2026-03-14.snap --endpoint 10.0.0.11:7001 --cacert ca.crt --cert me.crt --key me.key --json'];
  static override flags = {
    output: Flags.string({ char: 'o', helpValue: '<file>', summary: 'The new file' }),
    ...liveFlags,
  };

  protected async execute(): Promise<Answer<SnapshotSaveReport>> {
    const { flags } = await this.parse(SnapshotSave);
    if (flags.output === undefined) throw new UsageError('no file was named for the snapshot', 'Name a new one with -o: raft-inspector snapshot save -o backup.snap');
    if (flags.output === '-') throw new UsageError('a snapshot goes to a file, which is verified before it gets its name', 'Name a new file with -o');
    const file = path.normalize(flags.output);
    return withCluster(flags, async ({ cluster }) => {
      const offer = await cluster.takeSnapshot({ timeoutMs: this.globals.timeout ?? TIMEOUT_MS });
      const { id, member } = offer;
      let covered: { index: number | null; term: number | null } = offer;
      const taken = async (aside: string): Promise<void> => {
        covered = await check(aside, file, offer);
      };
      const saved = await saveStream(file, offer.chunks(), taken, (bytes) => this.progress(0, 0, `${showSize(bytes)} of snapshot ${id}`));
      return {
        data: { ...saved, id, member, index: covered.index, term: covered.term },
        findings: [],
        next: [commandLine('raft-inspector', 'snapshot', 'verify', file)],
        screen: (style) => [
          `${style.good('SAVED')}  ${escapeControl(file)}  ${covered.index === null ? id : `last entry ${covered.term ?? '?'}/${covered.index}`}  ${showSize(saved.bytes)}`,
          `  taken by ${escapeControl(member)}, verified after writing  ${style.dim(`sha256 ${saved.sha256}`)}`,
        ],
      };
    });
  }
}

/** What arrived has to be a whole snapshot, and the one that was offered. @throws {CorruptDataError} When it is not. */
async function check(aside: string, file: string, offered: { index: number | null; term: number | null }): Promise<{ index: number | null; term: number | null }> {
  const { reports, findings } = await verifySnapshotPath(aside);
  const [report] = reports;
  const wrong = findings.find((one) => one.severity === 'error');
  if (report?.verdict !== 'verified') throw new CorruptDataError(file, wrong?.byteOffset ?? 0, `what arrived is not a whole snapshot (${wrong?.message ?? report?.verdict ?? 'nothing arrived'}); the file was not kept`, 'Save it again, perhaps from another member: --endpoint');
  if (offered.index !== null && (report.index !== offered.index || report.term !== offered.term)) {
    throw new CorruptDataError(file, 0, `what arrived covers ${report.term}/${report.index}, offered was ${offered.term}/${offered.index}; the file was not kept`, 'Save it again');
  }
  return { index: report.index, term: report.term };
}
