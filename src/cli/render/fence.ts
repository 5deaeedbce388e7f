import type { FenceReport } from '../../engine/recovery/apply/fence.ts';
import { escapeControl } from '../escape.ts';
import { headLine } from './head.ts';
import type { Style } from './style.ts';
import { fitLines } from './wrap.ts';

const WORDS: Readonly<Record<FenceReport['state'], { word: string; paint: 'good' | 'caution' }>> = {
  preview: { word: 'PREVIEW', paint: 'caution' },
  fenced: { word: 'FENCED', paint: 'good' },
  'already-fenced': { word: 'ALREADY FENCED', paint: 'good' },
  lifted: { word: 'LIFTED', paint: 'good' },
  'not-fenced': { word: 'NOT FENCED', paint: 'good' },
};

/** The screen of `recover fence`. */
export function* fenceLines(report: FenceReport, lift: boolean, style: Style): Generator<string> {
  const { word, paint } = WORDS[report.state];
  const whose = `${report.member === null ? '' : `member ${report.member}`}${report.clusterId === null ? '' : `  cluster ${report.clusterId}`}`.trim();
  yield* fitLines(headLine(`${style.strong(style[paint](word))}  ${escapeControl(report.dataDir)}${report.state === 'preview' ? ', nothing changed' : ''}`, escapeControl(whose)), style);
  const fence = escapeControl(report.fence);
  const dir = escapeControl(report.dataDir);
  if (report.state === 'not-fenced') return;
  const verb = report.state === 'preview' ? 'would ' : '';
  if (report.how === 'file') yield lift ? `  ${verb}remove ${fence}: node start works again` : `  ${verb}lay ${fence} there: node start refuses while it is there; no other file is touched`;
  else if (lift) yield `  ${verb}rename ${fence} back to ${dir}`;
  else yield* [`  ${verb}rename ${dir} to ${fence}; not a byte in it is touched`, '  Keep its unit or static pod away as well: a server that finds no data may begin with an empty directory'];
}
