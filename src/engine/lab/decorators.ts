import type { Decorators } from '../node/decorators.ts';
import type { Clock } from '../ports/clock.ts';
import type { Disk } from '../ports/disk.ts';
import type { KvStore } from '../ports/kv-store.ts';
import type { Transport } from '../ports/transport.ts';
import { DriftingClock } from './drifting-clock.ts';
import { FaultyDisk, FaultyKvStore } from './faulty-disk.ts';
import { FaultyTransport } from './faulty-transport.ts';
import { type DiskFault, type MemberFaults, NO_MEMBER_FAULTS } from './member-fault.ts';

/** The faulty world of one member of a practice cluster; `set` changes it while the member runs. */
export class LabDecorators implements Decorators {
  private faults: MemberFaults = NO_MEMBER_FAULTS;
  private transports: FaultyTransport[] = [];
  private clocks: DriftingClock[] = [];

  get current(): MemberFaults {
    return this.faults;
  }

  set(faults: MemberFaults): void {
    this.faults = faults;
    for (const one of this.transports) one.setFaults(faults.messages);
    for (const one of this.clocks) one.set(faults.clock.rate, faults.clock.wallOffsetMs);
  }

  transport(inner: Transport): Transport {
    const faulty = new FaultyTransport(inner);
    faulty.setFaults(this.faults.messages);
    this.transports.push(faulty);
    return faulty;
  }

  kvStore(inner: KvStore, role: 'raft' | 'state'): KvStore {
    return new FaultyKvStore(inner, () => this.diskFault(role));
  }

  disk(inner: Disk): Disk {
    return new FaultyDisk(inner, () => this.diskFault('snapshots'));
  }

  clock(inner: Clock): Clock {
    const drifting = new DriftingClock(inner);
    drifting.set(this.faults.clock.rate, this.faults.clock.wallOffsetMs);
    this.clocks.push(drifting);
    return drifting;
  }

  private diskFault(part: DiskFault['part']): DiskFault | undefined {
    return this.faults.disk.find((one) => one.part === part);
  }
}
