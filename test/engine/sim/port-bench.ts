import { Counters } from '../../../src/engine/sim/counters.ts';
import { Faults, type FaultClass } from '../../../src/engine/sim/faults.ts';
import { Prng } from '../../../src/engine/sim/prng.ts';
import { SimProcess } from '../../../src/engine/sim/sim-process.ts';
import { Trace } from '../../../src/engine/sim/trace.ts';
import { World } from '../../../src/engine/sim/world.ts';

/** A world for one port: `run` carries out what is due while a promise is waited for. */
export class PortBench {
  readonly counters = new Counters();
  readonly world: World;

  constructor(seed = '1', faults: readonly FaultClass[] = []) {
    const prng = Prng.fromSeed(seed);
    this.world = new World(prng, new Faults(prng.split('faults'), new Set(faults), null, this.counters), this.counters, new Trace(0));
    this.world.faults.isSuspended = faults.length === 0;
  }

  process(name = 'n1'): SimProcess {
    const { world } = this;
    const clock = { nowMs: () => world.nowUs / 1000, wallClockMs: () => 0, toUs: (ms: number) => ms * 1000 };
    return new SimProcess(world, name, clock, Prng.fromSeed('2'), null, () => undefined);
  }

  /** Settles with `work`, or as undefined when nothing is due any more and it still waits: its process is dead. */
  async run<T>(work: Promise<T>): Promise<T | undefined> {
    let isSettled = false;
    const settled = work.finally(() => (isSettled = true));
    settled.catch(() => undefined);
    for (let idle = 0; !isSettled && idle < 3; ) {
      await new Promise((resolve) => setImmediate(resolve));
      idle = this.world.next(Number.POSITIVE_INFINITY) ? 0 : idle + 1;
    }
    return isSettled ? settled : undefined;
  }

  /** Carries out events for ever, for tests that know no virtual time; returns how to stop. */
  keepGoing(): () => void {
    let isOver = false;
    const turn = (): void => {
      for (let events = 0; events < 20; events += 1) this.world.next(Number.POSITIVE_INFINITY);
      if (!isOver) setImmediate(turn);
    };
    turn();
    return () => void (isOver = true);
  }
}

