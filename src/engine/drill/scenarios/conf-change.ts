import { InspectorError } from '../../errors.ts';
import { NOTHING_LOST, type Scenario } from '../scenario.ts';
import { changeMembers, memberList, membershipCommand } from '../membership.ts';
import type { DrillWorld } from '../world.ts';
import { electionAfter } from './failover.ts';

const CHANGE_MS = 15_000;
/** Until the leader has appended the change that it was asked for. */
const PENDING_MS = 5000;

/** One configuration, the same index, on every member that runs. */
async function checkOneConfiguration(world: DrillWorld): Promise<void> {
  // A member that was just started is one its leader has not heard of yet.
  const list = await world
    .until('no change pending, all members heard of', async () => {
      const now = await memberList(world);
      return now.leader !== null && now.pendingChange === null && now.members.every((one) => one.healthy) ? now : null;
    })
    .catch(() => memberList(world));
  const expected = [...world.members].sort();
  const shown = list.members.map((one) => one.id).sort();
  world.recorder.check('one configuration on all members, none pending', String(shown) === String(expected) && list.pendingChange === null && list.members.every((one) => one.healthy), `entry ${list.configurationIndex}: ${list.members.map((one) => `${one.id} ${one.role}`).join(', ')}`);
}

/** Requirement rows 0-084, 0-086, 0-087: a fourth member is added while the leader or a follower is killed. */
export const confChangeKill: Scenario = {
  name: 'conf-change-kill',
  topic: 'membership change',
  title: 'a fourth member is added while a member is killed',
  seconds: 18,
  nodes: 3,
  timing: 'fast',
  limits: { ...NOTHING_LOST, electionMs: 2000 },
  async run(world) {
    const { recorder } = world;
    const leader = await world.leader();
    const victim = world.options.random() < 0.5 ? leader : await world.follower();
    await world.start('n4');
    const { address } = await world.member('n4');
    const request = { kind: 'add', id: 'n4', name: 'n4', address } as const;
    // What the leader sends about it is held, so that the kill falls into the change: on its disk, and committed nowhere.
    await world.order({ kind: 'faults', id: leader, faults: { messages: [{ action: 'hold', kinds: ['append'] }] } });
    const changing = recorder.step(membershipCommand(request), () => changeMembers(world, request, CHANGE_MS), (failure) => (failure === null ? 0 : 6));
    const pending = await world.until('the change on its way', async () => (await memberList(world)).pendingChange, PENDING_MS).catch(() => null);
    recorder.check('the change was on its way when the member was killed', pending !== null, pending === null ? 'no membership change was pending' : `entry ${pending.index} was appended and not committed`);
    const killedAt = await recorder.phase('kill', async () => {
      const atMs = await world.kill([victim]);
      recorder.setZero(atMs, `${victim}${victim === leader ? ', the leader,' : ''} killed while n4 was added`);
      await world.order({ kind: 'faults', id: leader, faults: {} });
      return atMs;
    });
    await recorder.phase('change', async () => {
      const failure = await changing;
      recorder.check('the change ends, one way or the other', failure === null || failure instanceof InspectorError, failure === null ? 'done' : `given up: ${failure.message}`);
      await world.acknowledgedAfter(killedAt + 20);
    });
    await recorder.phase('return', async () => {
      await world.start(victim);
      // Asked again under the same id it is done once: whatever happened before.
      world.members.push('n4');
      const again = await recorder.step(membershipCommand(request), () => changeMembers(world, request, CHANGE_MS), (failure) => (failure === null ? 0 : 6));
      recorder.check('asked again it is done, and done once', again === null, again?.message ?? 'same change id, one outcome');
    });
    await checkOneConfiguration(world);
    await world.pause(500);
    return {
      rtoMs: null,
      electionMs: victim === leader ? electionAfter(world, killedAt) : null,
      ...(victim === leader ? {} : { meaningless: ['electionMs' as const] }),
      points: { rto: ['-', '-'], election: ['the leader killed', 'first write acknowledged by another'] },
      told: { broken: `${victim} was killed while the entry that adds n4 was ${pending === null ? 'asked for' : 'appended on the leader and committed nowhere'}.`, done: `${victim} was started again, and the same command was given again.`, proven: 'The change took effect once, on every member, and writes went on.' },
    };
  },
};

/** Requirement rows 0-085 to 0-087: a member is removed while it is cut off from the leader. */
export const confChangePartition: Scenario = {
  name: 'conf-change-partition',
  topic: 'membership change',
  title: 'a member is removed while it is cut off',
  seconds: 14,
  nodes: 3,
  timing: 'fast',
  limits: { ...NOTHING_LOST, failureRatePercent: 5 },
  async run(world) {
    const { recorder } = world;
    const leader = await world.leader();
    const removed = await world.follower();
    const links = world.members.filter((id) => id !== removed).flatMap((id) => [{ from: id, to: removed }, { from: removed, to: id }]);
    await recorder.phase('cut', async () => {
      recorder.setZero(recorder.fault(`${removed} cut off`), `${removed} cut off`);
      await world.order({ kind: 'links', links, fault: { mode: 'cut' } });
      await world.pause(300);
    });
    const before = await world.member(leader);
    await recorder.phase('remove', async () => {
      const request = { kind: 'remove', id: removed } as const;
      const failure = await recorder.step(membershipCommand(request), () => changeMembers(world, request, CHANGE_MS), (one) => (one === null ? 0 : 6));
      recorder.check('the removal is done without the removed', failure === null, failure?.message ?? `${removed} is no member any more`);
    });
    world.members = world.members.filter((id) => id !== removed);
    world.voting.delete(removed);
    await recorder.phase('heal', async () => {
      recorder.fault('links healed');
      await world.order({ kind: 'heal' });
      await world.pause(3000);
    });
    const [own, after] = [await world.member(removed), await world.member(leader)];
    recorder.check('the removed member disturbs nobody', after.term === before.term && own.role !== 'leader', `term ${before.term} -> ${after.term}; ${removed} says ${own.role ?? own.state}`);
    await checkOneConfiguration(world);
    return {
      rtoMs: null,
      electionMs: null,
      points: { rto: ['-', '-'], election: ['-', '-'] },
      told: { broken: `${removed} was cut off, and removed meanwhile.`, done: 'The links were healed three seconds before the end.', proven: 'The others agree on one configuration, and the removed member disturbed nobody.' },
    };
  },
};
