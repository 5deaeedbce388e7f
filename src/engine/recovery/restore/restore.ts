import { RefusedError, UsageError } from '../../errors.ts';
import { type FileOps, REAL_FILES } from '../../files/file-ops.ts';
import type { MemberId } from '../../core/types.ts';
import type { CheckLine } from '../../model/check-line.ts';
import type { Progress } from '../../model/reading.ts';
import type { SnapshotFileReport } from '../../model/snapshot-file.ts';
import { verifySnapshotPath } from '../../readers/snapshots/index.ts';
import { restoreNativeSnapshot } from '../targets/native/restore.ts';
import { buildWhole, refuseTaken, removeAside } from './aside.ts';
import { buildConsul, checkConsul } from './consul.ts';
import { buildEtcd, checkEtcd, etcdIds } from './etcd.ts';

export interface RestoreRequest {
  readonly file: string;
  /** A directory that does not exist. */
  readonly into: string;
  /** etcd: the member's name; default `default`, as etcd's own. */
  readonly name: string | undefined;
  /** Consul: the server's id; native: the member's id. */
  readonly id: string | undefined;
  /** etcd: its peer URLs; else `host:port`. */
  readonly addresses: readonly string[];
  readonly bumpRevision: number | null;
  readonly overrides: readonly string[];
  readonly now: Date;
  readonly act: boolean;
  readonly progress?: Progress | undefined;
}

/** The answer of `snapshot restore`. */
export interface RestoreReport {
  state: 'preview' | 'restored';
  snapshot: SnapshotFileReport;
  into: string;
  /** What the new cluster of one is. Ids that were not given are known once it is made. */
  member: { id: string | null; name: string | null; addresses: string[]; clusterId: string | null };
  checks: CheckLine[];
  /** How it is started, one line. */
  start: string;
}

/** A file without a checksum can be restored all the same, when somebody says so. */
export const UNVERIFIED = 'unverified-snapshot';

/**
 * Makes the data directory of a cluster of one of a snapshot file, whole or not at all; the file is only read. What it does not hold is
 * lost: of a member whose own directory is there, `recover plan` keeps more.
 * @throws {RefusedError} `bad-snapshot`, `unverified-snapshot`, `no-restore`, `not-empty`. @throws {UsageError} When something has to be named.
 */
export async function restoreSnapshot(request: RestoreRequest, ops: FileOps = REAL_FILES): Promise<RestoreReport> {
  if (!request.act) refuseTaken(request.into, ops);
  else removeAside(request.into, ops);
  const snapshot = await verified(request);
  const recipe = recipeFor(snapshot, request);
  const report = { snapshot, into: request.into, member: recipe.member, start: recipe.start };
  if (!request.act) return { ...report, state: 'preview', checks: [] };
  let checks: CheckLine[] = [];
  await buildWhole(request.into, (directory) => recipe.build(directory), async (directory) => {
    checks = await recipe.check(directory);
  }, ops);
  return { ...report, state: 'restored', member: recipe.member, checks };
}

async function verified({ file, overrides, progress }: RestoreRequest): Promise<SnapshotFileReport> {
  const { reports, findings } = await verifySnapshotPath(file, { depth: 'restore', ...(progress === undefined ? {} : { progress }) });
  const [report] = reports;
  if (report === undefined || reports.length > 1) throw new UsageError(`${file} holds ${reports.length} snapshots`, 'Name one file: raft-inspector snapshot list shows them');
  if (report.verdict === 'bad') throw new RefusedError('bad-snapshot', `${file} is damaged: ${findings.find((one) => one.severity === 'error')?.message ?? 'see snapshot verify'}`, `All that is wrong with it: raft-inspector snapshot verify ${file}`);
  if (report.verdict === 'unverifiable' && !overrides.includes(UNVERIFIED)) {
    const why = report.checks.find((one) => one.ok === null)?.detail ?? 'it carries no checksum';
    throw new RefusedError(UNVERIFIED, `${file} cannot be verified: ${why}`, `If there is no better one: --override ${UNVERIFIED}`);
  }
  return report;
}

interface Recipe {
  member: RestoreReport['member'];
  readonly start: string;
  build(directory: string): Promise<unknown>;
  check(directory: string): CheckLine[] | Promise<CheckLine[]>;
}

function recipeFor(snapshot: SnapshotFileReport, request: RestoreRequest): Recipe {
  switch (snapshot.format) {
    case 'native':
      return nativeRecipe(request);
    case 'etcd-db':
      return etcdRecipe(snapshot, request);
    case 'consul-archive':
      return consulRecipe(snapshot, request);
    default:
      throw new RefusedError('no-restore', `a snapshot of format ${snapshot.format} cannot be made a data directory`, 'Start an empty server of its kind and use its own restore: nomad operator snapshot restore, vault operator raft snapshot restore');
  }
}

function nativeRecipe({ file, id, addresses, now }: RestoreRequest): Recipe {
  const [address] = addresses;
  const recipe: Recipe = {
    member: { id: id ?? null, name: id ?? null, addresses: [...addresses], clusterId: null },
    start: 'raft-inspector node start, with a configuration that names this member and generation',
    async build(directory) {
      const made = await restoreNativeSnapshot(file, directory, { ...(address === undefined ? {} : { address }), ...(id === undefined ? {} : { memberId: id as MemberId }), now });
      recipe.member = { id: made.identity.memberId, name: made.identity.name, addresses: [made.address], clusterId: made.identity.clusterId };
    },
    async check(directory) {
      const { nativeReader } = await import('../../readers/native/reader.ts');
      const { report } = nativeReader.read(directory, { depth: 'full' });
      return [{ name: 'health', ok: report.health === 'ok', detail: `reads back: ${report.health}` }];
    },
  };
  return recipe;
}

function etcdRecipe(snapshot: SnapshotFileReport, { file, name = 'default', addresses, bumpRevision, now, act }: RestoreRequest): Recipe {
  const peerUrls = addresses.length === 0 ? ['http://localhost:2380'] : addresses;
  for (const one of peerUrls) if (!/^https?:\/\/[^/\s]+:\d+$/.test(one)) throw new UsageError(`${one} is no peer URL`, 'Write it as etcd has it: --address https://10.0.0.11:2380');
  const identity = { name, peerUrls, token: `restored-${now.toISOString()}`, bumpRevision };
  const { memberId, clusterId } = etcdIds(peerUrls, identity.token);
  let restored: Awaited<ReturnType<typeof buildEtcd>> | undefined;
  return {
    // Ids are drawn anew each time: those of a preview would be nobody's.
    member: { id: act ? memberId : null, name, addresses: [...peerUrls], clusterId: act ? clusterId : null },
    start: `etcd --name ${name} --initial-advertise-peer-urls ${peerUrls.join(',')} --data-dir <the directory>, WITHOUT --force-new-cluster`,
    async build(directory) {
      restored = await buildEtcd(file, snapshot, identity, directory);
    },
    check: (directory) => checkEtcd(directory, snapshot, restored as NonNullable<typeof restored>, bumpRevision !== null),
  };
}

function consulRecipe(snapshot: SnapshotFileReport, { file, id, addresses, now }: RestoreRequest): Recipe {
  const [address] = addresses;
  if (id === undefined || address === undefined) throw new UsageError('the server that the restored data is for has to be named', 'Give its id and Raft address: --id <the content of its node-id file> --address 10.0.0.11:8300');
  let restored: ReturnType<typeof buildConsul> | undefined;
  return {
    member: { id, name: null, addresses: [address], clusterId: null },
    start: 'consul agent -server -data-dir <the directory>, without -bootstrap-expect above 1',
    build(directory) {
      restored = buildConsul(file, snapshot, { id, address }, directory, now);
      return Promise.resolve();
    },
    check: (directory) => checkConsul(directory, restored as NonNullable<typeof restored>),
  };
}
