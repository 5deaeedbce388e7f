import fs from 'node:fs';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { placeArg, walDirFlag } from '../../cli/flags.ts';
import { commandLine } from '../../cli/quote.ts';
import { listScreen } from '../../cli/render/snapshots.ts';
import { type Finding, finding } from '../../engine/model/finding.ts';
import { openPlaces, type OpenedMember } from '../../engine/places/open.ts';
import { cadenceFindings, snapshotRows, type SnapshotRow } from '../../engine/readers/snapshots/cadence.ts';

export interface SnapshotListData {
  snapshots: SnapshotRow[];
}

export default class SnapshotList extends BaseCommand<SnapshotListData> {
  static override summary = "List members' snapshots: age, size, entries past each, whether they are good";
  static override description = 'Newest first, of each member that is named. Exit 3 when one is damaged or the log names one that is not there.';
  static override examples = ['<%= config.bin %> <%= command.id %> /var/lib/etcd', '<%= config.bin %> <%= command.id %> n1 n2 n3 --json'];
  static override strict = false;
  static override args = { place: placeArg({ required: true }) };
  static override flags = { 'wal-dir': walDirFlag };

  protected async execute(): Promise<Answer<SnapshotListData>> {
    const { argv, flags } = await this.parse(SnapshotList);
    const walDir = flags['wal-dir'] === undefined ? {} : { walDir: flags['wal-dir'] };
    const members = await openPlaces(argv as string[], { depth: 'log', progress: this.progress, ...walDir });
    const nowMs = Date.now();
    const rows: SnapshotRow[] = [];
    const findings: Finding[] = [];
    for (const member of members) collect(member, nowMs, rows, findings);
    const warnings = findings.filter((one) => one.severity !== 'info').map((one) => one.message);
    const suspect = rows.find((row) => row.verdict !== 'verified');
    return {
      data: { snapshots: rows },
      findings,
      next: rows.length === 0 ? [] : [commandLine('raft-inspector', 'snapshot', 'verify', (suspect ?? rows[0])?.path)],
      screen: (style) => listScreen(rows, members.length, warnings, style),
    };
  }
}

function collect(member: OpenedMember, nowMs: number, rows: SnapshotRow[], findings: Finding[]): void {
  if (member.kind === 'unreadable') {
    findings.push(finding('member-unreadable', 'error', member.error.message, { member: member.label, fix: member.error.hint }));
    return;
  }
  if (member.kind !== 'reading') {
    findings.push(finding('snapshot-evidence', 'info', `${member.path} is evidence: its snapshots are listed there, not here`, { member: member.label }));
    return;
  }
  const { report } = member.reading;
  const root = fs.statSync(member.path, { throwIfNoEntry: false })?.isDirectory() ? member.path : null;
  const own = snapshotRows(report, root, nowMs);
  rows.push(...own);
  findings.push(...member.reading.findings.filter((one) => one.rule.startsWith('snap')), ...cadenceFindings(report, own));
}
