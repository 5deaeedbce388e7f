import crypto from 'node:crypto';
import type { CheckLine } from '../model/check-line.ts';
import { type RecoveryPlan, shortPlanId } from '../model/plan.ts';
import { consulGet } from '../servers/consul.ts';
import { VERIFY_PREFIX } from './verify.ts';

const ASK_MS = 10_000;

interface RaftConfiguration {
  readonly Servers: readonly { readonly ID: string; readonly Voter: boolean }[];
}

interface AgentSelf {
  readonly Stats?: { readonly raft?: { readonly term?: string; readonly commit_index?: string } };
}

/** The checks of a plan against a Consul server, over its HTTP API. */
export async function verifyConsul(plan: RecoveryPlan, url: string): Promise<CheckLine[]> {
  const { outcome } = plan;
  const { raft = {} } = (await consulGet<AgentSelf>(url, '/v1/agent/self', ASK_MS)).Stats ?? {};
  const [term, commit] = [Number(raft.term ?? Number.NaN), Number(raft.commit_index ?? Number.NaN)];
  const { Servers: servers } = await consulGet<RaftConfiguration>(url, '/v1/operator/raft/configuration', ASK_MS);
  // Not the mark in the configuration: it goes by the address, which is that of the real host there.
  const leader = await consulGet<string>(url, '/v1/status/leader', ASK_MS);
  const voters = servers.filter((one) => one.Voter).map((one) => one.ID);
  const asPlanned = servers.length === outcome.voters.length && outcome.voters.every((id) => voters.includes(id));
  const led = leader !== '' && term > outcome.termAbove;
  return [
    { name: 'leader', ok: led, detail: led ? `one leader, term ${term} > ${outcome.termAbove}` : `${leader === '' ? 'no leader' : 'a leader'}, term ${term}, planned is one above ${outcome.termAbove}` },
    { name: 'voters', ok: asPlanned, detail: asPlanned ? `voters: ${voters.join(', ')}, as planned` : `voters: ${voters.join(', ') || 'none'}; planned: ${outcome.voters.join(', ')}` },
    { name: 'entries', ok: commit >= outcome.lastEntry.index, detail: commit >= outcome.lastEntry.index ? `no entry missing, up to ${commit}` : `entries up to ${commit} are committed, planned are ${outcome.lastEntry.index}` },
    await writeCheck(plan, url),
  ];
}

/** A key of its own is written, read back consistently and deleted. */
async function writeCheck(plan: RecoveryPlan, url: string): Promise<CheckLine> {
  const name = 'write';
  const value = crypto.randomUUID();
  const place = `${url}/v1/kv/${VERIFY_PREFIX}${shortPlanId(plan)}-${crypto.randomBytes(4).toString('hex')}`;
  const ask = async (method: string, query = '', body: string | null = null): Promise<string> => {
    const response = await fetch(`${place}${query}`, { method, body, signal: AbortSignal.timeout(ASK_MS) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method}: ${response.status} ${text.slice(0, 200)}`);
    return text;
  };
  try {
    await ask('PUT', '', value);
    const isRead = (await ask('GET', '?consistent&raw')) === value;
    await ask('DELETE');
    return { name, ok: isRead, detail: isRead ? 'write accepted and read back' : 'a write was accepted, and something else read back' };
  } catch (error) {
    return { name, ok: false, detail: `write: ${error instanceof Error ? error.message : String(error)}` };
  }
}
