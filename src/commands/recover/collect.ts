import fs from 'node:fs';
import path from 'node:path';
import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { CaseCommand } from '../../cli/case-command.ts';
import { caseFlags } from '../../cli/case-flags.ts';
import { escapeJson } from '../../cli/escape.ts';
import { placeArg } from '../../cli/flags.ts';
import { showSize } from '../../cli/measure.ts';
import { openNamed, originals, placeFlags } from '../../cli/places.ts';
import { commandLine } from '../../cli/quote.ts';
import { hashKey } from '../../cli/redact.ts';
import { UsageError } from '../../engine/errors.ts';
import { type Evidence, evidenceText } from '../../engine/model/evidence.ts';
import { caseDirectory, refuseFileInsideData, refuseInsideData, writeNewFile } from '../../engine/recovery/case-directory.ts';
import { CASE_EVIDENCE } from '../../engine/recovery/case-files.ts';
import { surveyDisks } from '../../engine/recovery/open-survey.ts';

export interface CollectReport {
  files: { label: string; path: string; bytes: number; digest: string; health: string; lastEntry: { term: number; index: number } }[];
}

export default class RecoverCollect extends CaseCommand<CollectReport> {
  static override summary = 'Write what a disk can prove into a small evidence file, to choose a source elsewhere';
  static override description = 'The file holds no keys but the folders and the one entry in doubt, and no values. It is never written beside the data unless asked to.';
  static override examples = ['<%= config.bin %> recover collect /var/lib/etcd', '<%= config.bin %> recover collect n1 n2 -o evidence', '<%= config.bin %> recover collect n1 -o n1.json'];
  static override strict = false;
  static override args = { place: placeArg() };
  static override flags = {
    output: Flags.string({ char: 'o', helpValue: '<file or dir>', summary: 'Where to write: a file for one place, else a directory; - for stdout' }),
    ...caseFlags,
    'hash-state': Flags.boolean({ summary: 'Hash the state machine too (reads it whole)' }),
    ...placeFlags,
  };

  protected async execute(): Promise<Answer<CollectReport>> {
    const { argv, flags } = await this.parse(RecoverCollect);
    const places = argv as string[];
    const opened = await openNamed(places, flags, { depth: flags['hash-state'] ? 'full' : 'log', progress: this.progress });
    const readable = opened.filter((one) => one.kind !== 'unreadable');
    for (const one of opened) if (one.kind === 'unreadable' && readable.length === 0) throw one.error;
    const disks = await surveyDisks(opened, { tool: this.config.version, ...(this.globals.redact === 'all' ? { showKey: hashKey } : {}) });
    const written = disks.filter((disk) => disk.evidence.report.health !== 'unreadable' || disk.reading);
    const clusterId = written.find((one) => one.evidence.report.clusterId !== null)?.evidence.report.clusterId ?? null;
    if (flags.output === '-') return this.toStdout(written.map((one) => one.evidence));
    const caseDir = caseDirectory(flags.case, clusterId, written[0]?.evidence.report.label ?? 'unknown');
    const directories = originals(opened);
    this.keepIn(caseDir, directories);
    if (flags.output === undefined || flags.case !== undefined) refuseInsideData(caseDir, directories);
    if (flags.output !== undefined) refuseFileInsideData(flags.output, directories);
    const home = path.join(caseDir, CASE_EVIDENCE);
    const files = written.map(({ evidence }) => ({ evidence, file: targetOf(flags.output, home, evidence.report.label, written.length) }));
    const taken = files.find(({ file }) => fs.existsSync(file));
    if (taken) throw new UsageError(`${taken.file} exists already`, 'Name another with -o, or move the old one away: nothing is overwritten');
    const data: CollectReport = { files: [] };
    for (const { evidence, file } of files) {
      const text = evidenceText(evidence);
      writeNewFile(file, text);
      const { label, health, lastEntry } = evidence.report;
      data.files.push({ label, path: file, bytes: Buffer.byteLength(text), digest: evidence.digest, health, lastEntry });
    }
    return {
      data,
      findings: disks.flatMap((disk) => disk.evidence.findings),
      next: [commandLine('raft-inspector', 'recover', 'pick', ...data.files.map((one) => one.path), '--explain')],
      screen: function* (style) {
        yield `${style.strong('COLLECTED')}  ${data.files.length} of ${opened.length} members`;
        for (const one of data.files) yield `  ${one.label}  ${one.path}  ${showSize(one.bytes)}  sha256 ${one.digest.slice(0, 12)}`;
      },
    };
  }

  /** The evidence itself as the answer: how a survey over ssh asks for it, so that nothing is written on the far side. */
  private toStdout(evidences: readonly Evidence[]): Answer<CollectReport> {
    const [only] = evidences;
    if (only === undefined || evidences.length > 1) throw new UsageError('-o - takes one place', 'Name a directory with -o, or run it once for each');
    if (this.globals.json || this.globals.format !== undefined) throw new UsageError('-o - prints the evidence itself, which is JSON already', 'Leave --json and --format out');
    const text = evidenceText(only);
    const { label, health, lastEntry } = only.report;
    return {
      data: { files: [{ label, path: '-', bytes: Buffer.byteLength(text), digest: only.digest, health, lastEntry }] },
      findings: only.findings,
      next: [],
      findingsDecide: false,
      screen: () => escapeJson(text).trimEnd().split('\n'),
    };
  }
}

function targetOf(output: string | undefined, home: string, label: string, many: number): string {
  const name = `${label.replaceAll(/[^A-Za-z0-9._-]/g, '-')}.json`;
  if (output === undefined) return path.join(home, name);
  const isDirectory = many > 1 || output.endsWith('/') || (fs.existsSync(output) && fs.statSync(output).isDirectory());
  return isDirectory ? path.join(output, name) : output;
}
