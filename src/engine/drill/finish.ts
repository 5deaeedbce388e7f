import { KvClient } from '../client/kv-client.ts';
import { RaftClient } from '../client/raft-client.ts';
import { operatorCheck } from '../rehearsal/operator-check.ts';
import { parseHistory } from '../sim/history.ts';
import { checkBySearch } from '../sim/search-check.ts';
import { audit, type Audit } from './audit.ts';
import { DRILL_PREFIX, marksOf } from './traffic.ts';
import type { DrillWorld } from './world.ts';

const READ_MS = 30_000;
const OWN_CHECK_MS = 60_000;
const PAGE_ITEMS = 512;

/** What the end of a run shows. */
export interface Finish {
  readonly audit: Audit;
  readonly replicaLag: number | null;
}

/** Ends the traffic, waits until the members agree, reads every write back, and runs the operator's own checks. */
export async function finish(world: DrillWorld, beyondReach: ReadonlySet<string>): Promise<Finish> {
  const { recorder, traffic } = world;
  const replicaLag = traffic.isRunning ? await lagOf(world) : null;
  await traffic.stop();
  await checkEqual(world);
  const result = audit(traffic.writes, await readBack(world));
  checkAudit(world, result, beyondReach);
  checkLinearizable(world, beyondReach);
  for (const command of world.file.checks) {
    const { ok, detail } = await recorder.step(command, () => operatorCheck(command, { timeoutMs: OWN_CHECK_MS, endpoints: world.connection().endpoints, env: { RAFT_INSPECTOR_LAB: world.dir } }), (one) => (one.ok === true ? 0 : 3));
    recorder.check(`own check: ${command}`, ok, detail);
  }
  return { audit: result, replicaLag };
}

async function lagOf(world: DrillWorld): Promise<number | null> {
  const { members } = await world.status();
  const mine = members.filter((one) => world.members.includes(one.id));
  const highest = Math.max(...mine.map((one) => one.commitIndex ?? 0));
  const lags = mine.map((one) => (one.appliedIndex === null ? null : highest - one.appliedIndex));
  return lags.includes(null) ? null : Math.max(...(lags as number[]));
}

async function checkEqual(world: DrillWorld): Promise<void> {
  const { recorder } = world;
  try {
    const { members } = await world.settled();
    const [first] = members.filter((one) => world.members.includes(one.id));
    recorder.check(`all ${world.members.length} members hold the same state`, true, `state hash ${first?.stateHash ?? '-'} at entry ${first?.appliedIndex ?? '-'}, leader ${first?.leader ?? '-'}`);
  } catch (error) {
    const { members } = await world.status();
    recorder.check(`all ${world.members.length} members hold the same state`, false, `${(error as Error).message}: ${members.map((one) => `${one.id} ${one.state} ${one.appliedIndex ?? '-'} ${one.stateHash?.slice(0, 8) ?? '-'}`).join(', ')}`);
  }
}

async function readBack(world: DrillWorld): Promise<Map<string, string[]>> {
  const { endpoints, clusterId, tls } = world.connection();
  const client = new RaftClient({ endpoints, tls, clusterId, name: 'drill-audit' });
  try {
    const state = new Map<string, string[]>();
    for await (const { key, value } of new KvClient(client).range(Buffer.from(DRILL_PREFIX), { level: { kind: 'linearizable' }, timeoutMs: READ_MS, pageItems: PAGE_ITEMS })) {
      state.set(Buffer.from(key).toString('utf8'), marksOf(value));
    }
    return state;
  } finally {
    client.close();
  }
}

export function checkAudit(world: Pick<DrillWorld, 'recorder' | 'traffic'>, found: Audit, beyondReach: ReadonlySet<string>): void {
  const { recorder, traffic } = world;
  const missed = found.lost.filter((one) => !beyondReach.has(`${one.key} ${one.mark}`));
  const some = (writes: readonly { mark: string; key: string; revision: number }[]): string => writes.slice(0, 3).map((one) => `write ${one.mark} of ${one.key}, entry ${one.revision}`).join('; ');
  recorder.check('every acknowledged write is read back', missed.length === 0, `${found.acknowledged - found.lost.length} of ${found.acknowledged}${found.lost.length > missed.length ? `; ${found.lost.length - missed.length} were on no disk that recovery had` : ''}${missed.length === 0 ? '' : `; lost: ${some(missed)}`}`);
  recorder.check('no write took effect twice', found.duplicated.length === 0, found.duplicated.length === 0 ? `${traffic.writes.length} writes counted` : some(found.duplicated));
  recorder.check('no write told as failed is there', found.revived.length === 0, found.revived.length === 0 ? 'none' : some(found.revived));
  recorder.check('writes in doubt are explained', found.strangers === 0, `${found.doubtful.there + found.doubtful.absent} in doubt: ${found.doubtful.there} took effect, ${found.doubtful.absent} did not; ${found.strangers} marks nobody wrote`);
  recorder.check('the order of the log is the order clients saw', found.disordered.length === 0, found.disordered[0] ?? `${found.acknowledged} writes compared by their entries`);
  recorder.check('no read was stale', traffic.reads === 0 ? null : traffic.staleReads.length === 0, traffic.reads === 0 ? 'not run: clients of this drill only write' : traffic.staleReads[0] ?? `${traffic.reads} linearizable reads saw all that was acknowledged before them`);
}

/**
 * The history through the black-box checker, which knows nothing of the log: is there an order that explains every answer? Operations of
 * unknown outcome may have taken effect at any later moment, or never. A history with writes that the disaster took along has no such
 * order, and that is no fault of the recovery.
 */
export function checkLinearizable({ recorder, options }: { readonly recorder: DrillWorld['recorder']; readonly options: Pick<DrillWorld['options'], 'history'> }, beyondReach: ReadonlySet<string>): void {
  if (beyondReach.size > 0) {
    recorder.check('the history is linearizable', null, `not run: ${beyondReach.size} acknowledged writes were on no disk that recovery had`);
    return;
  }
  const history = parseHistory(options.history.text());
  const complaints = checkBySearch(history);
  const wrong = complaints.find((one) => !one.startsWith('the search over'));
  recorder.check('the history is linearizable', wrong !== undefined ? false : complaints.length > 0 ? null : true, wrong ?? complaints[0] ?? `${history.lines.length} lines, searched key by key`);
}
