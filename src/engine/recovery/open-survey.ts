import { EVIDENCE_FORMAT, EVIDENCE_VERSION, sealEvidence } from '../model/evidence.ts';
import type { Evidence } from '../model/evidence.ts';
import type { MemberReading } from '../model/reading.ts';
import type { OpenedMember, PlaceFiles } from '../places/open.ts';
import { unreadableFinding, unreadableMember } from '../places/unreadable.ts';
import { collectEvidence } from './collect.ts';
import type { CollectOptions } from './collect.ts';
import { decoderFor } from '../readers/decoders.ts';

/** A surveyed disk: its evidence, and the reading when there is more behind it than an evidence file. */
export interface SurveyedDisk {
  evidence: Evidence;
  reading: MemberReading | null;
  /** Where the files are; null without a reading. */
  place: PlaceFiles | null;
}

/** Evidence of every opened place, in order; a place that cannot be read becomes evidence of just that. */
export async function surveyDisks(opened: readonly OpenedMember[], options: Omit<CollectOptions, 'label' | 'decode'>): Promise<SurveyedDisk[]> {
  const disks: SurveyedDisk[] = [];
  for (const one of opened) {
    if (one.kind === 'reading') {
      const decode = await decoderFor(one.reading.report);
      disks.push({ evidence: collectEvidence(one.reading, { ...options, label: one.label, decode }), reading: one.reading, place: { directory: one.directory, isOriginal: one.isOriginal } });
    } else if (one.kind === 'evidence') {
      disks.push({ evidence: relabelled(one.evidence, one.label), reading: null, place: null });
    } else {
      disks.push({ evidence: unreadableEvidence(one, options), reading: null, place: null });
    }
  }
  return disks;
}

/** The same evidence under the name it has here; its digest stays that of the file. */
function relabelled(evidence: Evidence, label: string): Evidence {
  return evidence.report.label === label ? evidence : { ...evidence, report: { ...evidence.report, label } };
}

function unreadableEvidence(one: Extract<OpenedMember, { kind: 'unreadable' }>, options: Omit<CollectOptions, 'label' | 'decode'>): Evidence {
  const { label, path, error } = one;
  return sealEvidence({
    format: EVIDENCE_FORMAT,
    version: EVIDENCE_VERSION,
    collectedAt: (options.now ?? new Date()).toISOString(),
    tool: options.tool,
    report: { ...unreadableMember(label, path, error), store: 'native' },
    findings: [unreadableFinding(label, error)],
    configurations: [],
    log: { runs: [], blocks: [], configurations: [], tail: null },
    doubt: null,
  });
}
