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
  const keepAway = '  Keep its unit or static pod away as well: a server that finds no data may begin with an empty directory';
  if (report.state === 'already-fenced') {
    if (report.how === 'file') yield `  ${fence} is there: node start refuses; --lift takes it away`;
    else yield* [`  ${dir} is ${fence} now; --lift gives it its name back`, keepAway];
    return;
  }
  const isPreview = report.state === 'preview';
  const rename = isPreview ? 'would rename' : 'renamed';
  if (report.how === 'file' && lift) yield `  ${isPreview ? 'would remove' : 'removed'} ${fence}: node start works again`;
  else if (report.how === 'file') yield `  ${isPreview ? 'would lay' : 'laid'} ${fence}: node start refuses while it is there; no other file is touched`;
  else if (lift) yield `  ${rename} ${fence} back to ${dir}`;
  else yield* [`  ${rename} ${dir} to ${fence}; not a byte in it is touched`, keepAway];
}
