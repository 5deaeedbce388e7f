import type { RestoreReport } from '../../engine/recovery/restore/restore.ts';
import { escapeControl } from '../escape.ts';
import { quote } from '../quote.ts';
import { showSize } from '../measure.ts';
import { checkLines } from './check-lines.ts';
import { headLine } from './head.ts';
import type { Style } from './style.ts';
import { fitLines, wrapAfter } from './wrap.ts';

/** The screen of `snapshot restore`. */
export function* restoreLines(report: RestoreReport, style: Style): Generator<string> {
  const { snapshot, member } = report;
  const word = report.state === 'preview' ? style.caution('PREVIEW') : style.good('RESTORED');
  const position = `${snapshot.format}  last entry ${snapshot.term === null && snapshot.index !== null ? '' : `${snapshot.term ?? '?'}/`}${snapshot.index ?? '?'}  ${showSize(snapshot.bytes)}`;
  yield* fitLines(headLine(`${style.strong(word)}  ${escapeControl(report.into)}${report.state === 'preview' ? ', nothing made' : ''}`, position), style);
  yield `  from       ${escapeControl(snapshot.path)}, ${snapshot.verdict}`;
  const state = snapshot.state;
  if (state?.revision != null) yield `  holds      ${state.keys ?? '?'} keys at revision ${state.revision}, hash ${state.hash ?? '?'}; what was written after it is not here`;
  // etcd's ids are drawn when it is made: those of a preview are not those of the result.
  const isDrawn = report.state === 'preview' && snapshot.format === 'etcd-db';
  const id = isDrawn ? 'a new id' : member.id === null ? 'a new id, in a new generation' : escapeControl(member.id);
  const cluster = isDrawn ? ', in a new cluster' : member.clusterId === null ? '' : `, cluster ${escapeControl(member.clusterId)}`;
  const name = member.name !== null && member.name !== member.id ? ` (${escapeControl(member.name)})` : '';
  yield `  member     ${id}${name}, alone${cluster}${member.addresses.length === 0 ? '' : `, at ${member.addresses.map(escapeControl).join(' ')}`}`;
  yield* checkLines(report.checks, style);
  if (report.state === 'restored') yield* wrapAfter('  start      ', escapeControl(report.start.replace('<the directory>', quote(report.into))), Math.max(80, style.width));
}
