import type { MemberReport } from '../model/member-report.ts';
import type { EntryDecoder } from '../model/reading.ts';

/** Words for a member's payloads; null where the software that wrote them is not known. */
export async function decoderFor(report: Pick<MemberReport, 'store'>): Promise<EntryDecoder | null> {
  if (report.store !== 'etcd') return null;
  const { decodeEtcdEntry } = await import('../readers/etcd/requests.ts');
  return decodeEtcdEntry;
}
