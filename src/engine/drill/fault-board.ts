import { setTimeout as sleep } from 'node:timers/promises';
import type { LinkFault } from '../lab/link-fault.ts';
import type { Link, Order } from '../lab/orders.ts';
import { type Fault, showFault } from './fault.ts';
import { pickOne } from './random.ts';
import type { DrillWorld } from './world.ts';

/** A fault that is in force, and whom it hits. */
interface Active {
  readonly fault: Fault;
  readonly members: readonly string[];
  /** Flapping only: whether it is cut just now. */
  isCut: boolean;
}

type MemberFaults = Extract<Order, { kind: 'faults' }>['faults'];

/** Begins and ends faults. Several may be in force at once: what hits a link or a member is worked out anew at each change. */
export class FaultBoard {
  private readonly active = new Set<Active>();

  constructor(private readonly world: DrillWorld) {}

  /** Carries out a list of faults, each at its time, and settles when the last one is over. Gives when each began, and whom it hit. */
  async carryOut(faults: readonly Fault[]): Promise<{ readonly fault: Fault; readonly atMs: number; readonly members: readonly string[] }[]> {
    const startMs = this.world.nowMs();
    return Promise.all(
      faults.map(async (fault) => {
        await this.world.pause(Math.max(0, startMs + fault.atMs - this.world.nowMs()));
        return this.inject(fault);
      }),
    );
  }

  /** One fault, from its beginning to its end. */
  async inject(fault: Fault): Promise<{ readonly fault: Fault; readonly atMs: number; readonly members: readonly string[] }> {
    const members = await this.targetsOf(fault);
    const what = `${showFault(fault)}${members.join(', ') === fault.target ? '' : ` (${members.join(', ')})`}`;
    const one: Active = { fault, members, isCut: true };
    this.active.add(one);
    const atMs = this.world.recorder.fault(what);
    this.world.options.history.fault(fault.kind, what, 'start');
    try {
      await this.begin(one);
      await this.hold(one);
    } finally {
      this.active.delete(one);
      this.world.recorder.fault(`end: ${what}`);
      this.world.options.history.fault(fault.kind, what, 'end');
    }
    await this.finish(one);
    return { fault, atMs, members };
  }

  private async targetsOf(fault: Fault): Promise<string[]> {
    const { members, options } = this.world;
    if (fault.target === 'all') return [...members];
    if (members.includes(fault.target)) return [fault.target];
    const leader = await this.world.leader();
    if (fault.target === 'leader') return [leader];
    const others = members.filter((id) => id !== leader);
    return fault.target === 'followers' ? others : [pickOne(others, options.random)];
  }

  private async begin({ fault, members }: Active): Promise<void> {
    const ids = [...members];
    if (fault.kind === 'kill') await this.world.order({ kind: 'kill', ids, signal: 'SIGKILL' });
    else if (fault.kind === 'stop') await this.world.order({ kind: 'kill', ids, signal: 'SIGTERM' });
    else if (fault.kind === 'pause') await this.world.order({ kind: 'kill', ids, signal: 'SIGSTOP' });
    else await this.set();
  }

  private async hold(one: Active): Promise<void> {
    const { fault, members } = one;
    const endsAt = this.world.nowMs() + fault.forMs;
    if (fault.kind === 'flapping') {
      while (this.world.nowMs() < endsAt) {
        await this.world.pause(Math.min(fault.everyMs / 2, endsAt - this.world.nowMs()));
        one.isCut = !one.isCut;
        await this.set();
      }
    } else if (fault.kind === 'restart-storm') {
      while (this.world.nowMs() < endsAt) {
        await this.world.order({ kind: 'kill', ids: [...members], signal: 'SIGKILL' });
        await sleep(50);
        await this.revive(members);
        await this.world.pause(Math.min(fault.everyMs, Math.max(0, endsAt - this.world.nowMs())));
      }
    } else {
      await this.world.pause(fault.forMs);
    }
  }

  private async finish({ fault, members }: Active): Promise<void> {
    if (fault.kind === 'pause') await this.world.order({ kind: 'kill', ids: [...members], signal: 'SIGCONT' });
    else if (!['kill', 'stop', 'restart-storm'].includes(fault.kind)) await this.set();
    await this.revive(members);
  }

  /** Starts what does not run: killed, or ended by itself because its disk failed. */
  private async revive(members: readonly string[]): Promise<void> {
    const { members: all } = await this.world.status();
    for (const one of all) if (members.includes(one.id) && one.pid === null) await this.world.start(one.id);
  }

  /** Tells the lab what is in force now, of every link and every member. */
  private async set(): Promise<void> {
    const byFault = new Map<string, { fault: LinkFault; links: Link[] }>();
    for (const from of this.world.members) {
      for (const to of this.world.members) {
        if (from === to) continue;
        const fault = this.linkFault(from, to);
        const key = JSON.stringify(fault);
        const entry = byFault.get(key) ?? { fault, links: [] };
        entry.links.push({ from, to });
        byFault.set(key, entry);
      }
    }
    for (const { fault, links } of byFault.values()) await this.world.order({ kind: 'links', links, fault });
    for (const id of this.world.members) await this.world.order({ kind: 'faults', id, faults: this.memberFaults(id) });
  }

  private linkFault(from: string, to: string): LinkFault {
    const merged: { -readonly [K in keyof LinkFault]: LinkFault[K] } = { mode: null, stalls: 'both', delayMs: 0, jitterMs: 0, bytesPerSecond: null };
    for (const { fault, members, isCut } of this.active) {
      const touches = members.includes(from) || members.includes(to);
      if (fault.kind === 'disconnect' && touches) merged.mode = merged.mode === 'cut' ? 'cut' : fault.how;
      if (fault.kind === 'one-way' && members.includes(from)) merged.mode = 'cut';
      if (fault.kind === 'flapping' && isCut && touches) merged.mode = 'cut';
      if (fault.kind === 'split' && partOf(fault.sizes, from, members, this.world.members) !== partOf(fault.sizes, to, members, this.world.members)) merged.mode = merged.mode === 'cut' ? 'cut' : fault.how;
      if (fault.kind === 'delay' && touches) {
        merged.delayMs = Math.min(60_000, merged.delayMs + fault.delayMs);
        merged.jitterMs = Math.max(merged.jitterMs, fault.jitterMs);
        merged.bytesPerSecond ??= fault.bytesPerSecond;
      }
    }
    return merged;
  }

  private memberFaults(id: string): MemberFaults {
    const mine = [...this.active].filter((one) => one.members.includes(id)).map((one) => one.fault);
    const disk = new Map<string, NonNullable<MemberFaults['disk']>[number]>();
    for (const fault of mine) if (fault.kind === 'disk') for (const part of fault.parts) disk.set(part, { part, delayMs: fault.delayMs, fails: fault.fails, lands: fault.lands });
    const clock = mine.find((fault) => fault.kind === 'clock');
    return {
      messages: mine.flatMap((fault) => (fault.kind === 'messages' ? [{ action: fault.action, chance: fault.chance, kinds: fault.messageKinds }] : [])),
      disk: [...disk.values()],
      ...(clock === undefined ? {} : { clock: { rate: clock.rate, wallOffsetMs: clock.wallOffsetMs } }),
    };
  }
}

/** In which part of a split a member is: the targets fill the last part, the others the parts before it, in order. */
export function partOf(sizes: readonly number[], id: string, targets: readonly string[], members: readonly string[]): number {
  const order = [...members.filter((one) => !targets.includes(one)), ...members.filter((one) => targets.includes(one))];
  const place = order.indexOf(id);
  let end = 0;
  for (const [part, size] of sizes.entries()) {
    end += size;
    if (place < end) return part;
  }
  return sizes.length - 1;
}
