import type { SnapshotFileReport } from '../../src/engine/model/snapshot-file.ts';
import type { TruthComparison } from '../helpers/truth-fields.ts';

/** Compares one snapshot file with `files.F` of truth.json. */
export function compareSnapshotFile(truth: TruthComparison, file: string, report: SnapshotFileReport): void {
  const base = `files/${file}`;
  compareVerdict(truth, file, report);
  truth.equal(`${base}/size`, report.bytes);
  if (report.verdict === 'bad') return;
  truth.equal(`${base}/library/meta/consistent_index`, report.index);
  truth.equal(`${base}/library/meta/term`, report.term);
  truth.equal(`${base}/library/hashkv/revision`, report.state?.revision);
  truth.equal(`${base}/library/hashkv/hash`, report.state?.hash);
  truth.equal(`${base}/library/live_keys`, report.state?.keys);
  compareStatus(truth, base, report);
  compareInspect(truth, base, report);
}

/** Unharmed: verified. Without the hash that may be absent: unverifiable. Anything else that was done to it: bad. */
function compareVerdict(truth: TruthComparison, file: string, { verdict }: SnapshotFileReport): void {
  const errors = (truth.peek('expected_errors') ?? []) as { file: string; kind: string }[];
  const at = errors.findIndex((error) => error.file === file);
  const kind = errors[at]?.kind;
  const expected = kind === undefined ? 'verified' : /hash is cut off/.test(kind) ? 'unverifiable' : 'bad';
  truth.derived(`${file}: verdict`, at < 0 ? ['expected_source'] : [`expected_errors/${at}`], verdict, expected);
}

/** What `etcdctl snapshot status` or `etcdutl snapshot status` printed. */
function compareStatus(truth: TruthComparison, base: string, { state }: SnapshotFileReport): void {
  for (const tool of ['etcdctl_snapshot_status', 'etcdutl_snapshot_status']) {
    truth.equal(`${base}/${tool}/out`, { hash: state?.statusHash, revision: state?.revision, totalKey: state?.totalKeys }, (out: string) => {
      const { hash, revision, totalKey } = JSON.parse(out) as { hash: number; revision: number; totalKey: number };
      return { hash: hash.toString(16), revision, totalKey };
    });
  }
}

/** What `consul snapshot inspect` printed: lines of a name and a value. */
function compareInspect(truth: TruthComparison, base: string, report: SnapshotFileReport): void {
  truth.equal(`${base}/consul_snapshot_inspect/out`, { index: report.index, term: report.term }, (out: string) => {
    const field = (name: string): number => Number(new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(out)?.[1]);
    return { index: field('Index'), term: field('Term') };
  });
}
