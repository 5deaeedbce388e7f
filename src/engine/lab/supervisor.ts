import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { EXIT, RefusedError, UsageError } from '../errors.ts';
import { thisHost } from '../adapters/host-facts.ts';
import { adoptMember, findRecovered, type Recovered } from './adopt.ts';
import { addLabMember } from './create.ts';
import { ControlServer, LabOrderError } from './control.ts';
import { labAddress, labDataDir, type LabFile, type LabMember, labPaths, presentMembers, readLabFile, writeLabFile } from './lab-file.ts';
import { isFaulty, NO_FAULT, showFault } from './link-fault.ts';
import { type MemberFaults, NO_MEMBER_FAULTS, showMemberFaults } from './member-fault.ts';
import { MemberProcess } from './member-process.ts';
import type { CheckedOrder, LabMemberStatus, LabStatus, ToMember } from './orders.ts';
import { checkKnown } from './partition.ts';
import { LinkProxy } from './proxy.ts';

const MAX_SOCKET_PATH = 100;
const STOP_GRACE_MS = 3000;
/** Other things of a lab lie under these names, beside the data of its members. */
const RESERVED = new Set(['etc', 'tls', 'log', 'lab.json', 'supervisor.sock']);
const MEMBER_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export interface SupervisorOptions {
  readonly dir: string;
  /** How to run the tool: `[node, run.js]`. */
  readonly program: readonly [file: string, ...args: string[]];
  readonly lifetimeMs: number;
}

/**
 * The process behind a practice cluster. It owns the links between the members and the members themselves, takes orders over a socket,
 * and ends everything when told, when its lifetime is over, or when it is signalled.
 */
export class LabSupervisor {
  private readonly members = new Map<string, MemberProcess>();
  private readonly faults = new Map<string, MemberFaults>();
  /** By `from>to`. */
  private readonly links = new Map<string, LinkProxy>();
  private readonly control: ControlServer;
  private lab: LabFile;
  private socket = '';
  private isEnding = false;
  private isStopping = false;
  private queue: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly options: SupervisorOptions,
    private readonly onEnd: () => void,
  ) {
    this.lab = readLabFile(options.dir);
    this.control = new ControlServer((order) => this.carryOut(order));
  }

  /** Opens the links, starts every member of the present generation, and listens for orders. `onEnd` is called once, after everything has ended. */
  static async start(options: SupervisorOptions, onEnd: () => void): Promise<LabSupervisor> {
    const supervisor = new LabSupervisor(options, onEnd);
    await supervisor.begin();
    return supervisor;
  }

  /** Ends the members, in good order as far as they let themselves, then the links. */
  async end(): Promise<void> {
    if (this.isEnding) return;
    this.isEnding = true;
    await this.stopMembers();
    await Promise.all([...this.links.values()].map((link) => link.stop()));
    this.save(null);
    this.control.close();
    fs.rmSync(this.socket, { force: true });
    if (path.dirname(this.socket) !== path.resolve(this.options.dir)) fs.rmSync(path.dirname(this.socket), { recursive: true, force: true });
    this.onEnd();
  }

  private async begin(): Promise<void> {
    const { dir, lifetimeMs } = this.options;
    this.socket = socketPath(dir);
    const now = Date.now();
    for (const { id } of this.lab.members) await this.adoptFrom(id).catch(() => undefined); // its member tells what is wrong at its start
    for (const member of this.lab.members) await this.openLinksTo(member);
    this.save({ pid: process.pid, startTicks: thisHost.startTicksOf(process.pid) ?? 0, socket: this.socket, startedAt: new Date(now).toISOString(), endsAt: new Date(now + lifetimeMs).toISOString() });
    await this.control.listen(this.socket);
    setTimeout(() => void this.end(), Math.min(lifetimeMs, 2 ** 31 - 1));
    for (const { id } of this.lab.members) this.members.set(id, this.processOf(id));
    await Promise.all(presentMembers(this.lab).map(({ id }) => this.members.get(id)?.start() ?? Promise.resolve()));
  }

  /** Members start beside each other, and looking is always allowed; whatever changes the lab itself is done one after another. */
  private carryOut(order: CheckedOrder): Promise<LabStatus> {
    if (order.kind === 'status') return this.status();
    if (this.isStopping) return Promise.reject(new RefusedError('lab-down', 'the lab is ending', 'Start it again: raft-inspector lab up'));
    if (order.kind === 'start' && this.members.has(order.id) && this.recovered(order.id) === null) return this.obey(order);
    const done = this.queue.then(() => this.obey(order));
    this.queue = done.catch(() => undefined);
    return done;
  }

  private async obey(order: Exclude<CheckedOrder, { kind: 'status' }>): Promise<LabStatus> {
    const ids = this.lab.members.map((one) => one.id);
    switch (order.kind) {
      case 'start':
        await this.startMember((await this.adoptFrom(order.id)) ?? order.id);
        break;
      case 'kill':
        checkKnown(order.ids, ids);
        await Promise.all(order.ids.map((id) => this.members.get(id)?.signal(order.signal) ?? Promise.resolve()));
        break;
      case 'links':
        for (const { from, to } of order.links) {
          checkKnown([from, to], ids);
          this.links.get(`${from}>${to}`)?.setFault(order.fault);
        }
        break;
      case 'faults':
        checkKnown([order.id], ids);
        this.setMemberFaults(order.id, order.faults);
        break;
      case 'heal':
        await this.heal();
        break;
      case 'down': {
        this.isStopping = true;
        const before = await this.status();
        // The answer has to leave before the socket goes.
        await this.stopMembers();
        setTimeout(() => void this.end(), 20);
        return { ...before, isRunning: false, supervisor: null };
      }
    }
    return this.status();
  }

  private async startMember(id: string): Promise<void> {
    if (!this.lab.members.some((one) => one.id === id)) await this.addMember(id);
    const member = this.members.get(id);
    if (member === undefined) return;
    if (member.state === 'paused') await member.signal('SIGCONT');
    // A disk that was full when the member ended is not full for ever: faults are of the process they were set for.
    if (!member.isRunning) this.faults.delete(id);
    await member.start();
    if (member.isRunning) return;
    const { error } = member.outcome ?? {};
    throw new LabOrderError(error?.code ?? 'MEMBER_ENDED', `${id} ended at its start: ${error?.message ?? 'without a word'}`, error?.hint || `Its log: ${labPaths.log(this.options.dir, id)}`, error?.exit ?? EXIT.bug);
  }

  private recovered(id: string): Recovered | null {
    if (!MEMBER_ID.test(id) || RESERVED.has(id)) throw new UsageError(`"${id}" is no member id`, 'Use letters, digits, dots, dashes and underscores: n4');
    return this.members.get(id)?.isRunning === true ? null : findRecovered(this.options.dir, this.lab, id);
  }

  /** Takes in the recovered member that `id` means; gives its id, or null when it means none. */
  private async adoptFrom(id: string): Promise<string | null> {
    const recovered = this.recovered(id);
    if (recovered === null) return null;
    const { replaces, identity } = recovered;
    this.lab = await adoptMember(this.options.dir, this.lab, recovered, (one) => this.members.get(one)?.isRunning === true);
    // Links of a member that is no more go, and those to an address that changed hands.
    for (const [name, link] of this.links) {
      const [from = '', to = ''] = name.split('>');
      const target = this.lab.members.find((one) => one.id === to);
      if (target?.links[from] !== undefined) continue;
      this.links.delete(name);
      await link.stop();
    }
    if (replaces !== null) {
      this.members.delete(replaces.id);
      this.faults.delete(replaces.id);
    }
    for (const member of this.lab.members) await this.openLinksTo(member);
    this.members.set(identity.memberId, this.processOf(identity.memberId));
    for (const other of this.members.keys()) this.tellWorld(other);
    return identity.memberId;
  }

  private async addMember(id: string): Promise<void> {
    this.lab = await addLabMember(this.options.dir, this.lab, id);
    for (const member of this.lab.members) await this.openLinksTo(member);
    this.members.set(id, this.processOf(id));
    for (const other of this.members.keys()) this.tellWorld(other);
  }

  private setMemberFaults(id: string, faults: MemberFaults): void {
    this.faults.set(id, faults);
    this.tellWorld(id);
  }

  private async heal(): Promise<void> {
    for (const link of this.links.values()) link.setFault(NO_FAULT);
    for (const id of this.faults.keys()) this.setMemberFaults(id, NO_MEMBER_FAULTS);
    for (const member of this.members.values()) if (member.state === 'paused') await member.signal('SIGCONT');
  }

  private async stopMembers(): Promise<void> {
    await Promise.all(
      [...this.members.values()].map(async (member) => {
        if (member.state === 'paused') await member.signal('SIGCONT');
        const late = setTimeout(() => void member.signal('SIGKILL'), STOP_GRACE_MS);
        await member.signal('SIGTERM');
        clearTimeout(late);
      }),
    );
  }

  private async openLinksTo(member: LabMember): Promise<void> {
    for (const [from, port] of Object.entries(member.links)) {
      const name = `${from}>${member.id}`;
      if (this.links.has(name)) continue;
      const proxy = new LinkProxy(member.port);
      this.links.set(name, proxy);
      // Nobody but the members is told of these ports: when one was taken meanwhile, another does.
      member.links[from] = await proxy.listen(port).catch(() => proxy.listen(0));
    }
  }

  private processOf(id: string): MemberProcess {
    const [file, ...args] = this.options.program;
    const command = { file, args: [...args, 'node', 'start', '--config', labPaths.config(this.options.dir, id)], logFile: labPaths.log(this.options.dir, id) };
    return new MemberProcess(command, () => this.worldOf(id), () => this.save(this.lab.supervisor));
  }

  private worldOf(id: string): ToMember {
    const links = Object.fromEntries(this.lab.members.flatMap((one) => (one.links[id] === undefined ? [] : [[one.id, `127.0.0.1:${one.links[id]}`]])));
    return { kind: 'world', links, faults: this.faults.get(id) ?? NO_MEMBER_FAULTS };
  }

  private tellWorld(id: string): void {
    this.members.get(id)?.tell(this.worldOf(id));
  }

  private save(supervisor: LabFile['supervisor']): void {
    this.lab = { ...this.lab, supervisor, members: this.lab.members.map((one) => ({ ...one, pid: this.members.get(one.id)?.pid ?? null })) };
    writeLabFile(this.options.dir, this.lab);
  }

  private async status(): Promise<LabStatus> {
    const members = await Promise.all(this.lab.members.map((one) => this.memberStatus(one)));
    const { clusterId, machine, timing, supervisor, generation = 1 } = this.lab;
    return {
      dir: this.options.dir,
      clusterId,
      machine,
      timing,
      generation,
      isRunning: true,
      supervisor: supervisor === null ? null : { pid: supervisor.pid, startedAt: supervisor.startedAt, endsAt: supervisor.endsAt },
      leader: members.filter((one) => one.role === 'leader').sort((a, b) => (b.term ?? 0) - (a.term ?? 0))[0]?.id ?? null,
      members,
      links: this.lab.members.flatMap((to) =>
        Object.entries(to.links).map(([from, port]) => {
          const proxy = this.links.get(`${from}>${to.id}`);
          const fault = proxy?.currentFault ?? NO_FAULT;
          return { from, to: to.id, port, connections: proxy?.openConnections ?? 0, fault: isFaulty(fault) ? showFault(fault) : null };
        }),
      ),
    };
  }

  private async memberStatus(member: LabMember): Promise<LabMemberStatus> {
    const process = this.members.get(member.id);
    const said = (await process?.ask()) ?? null;
    const state = process?.state ?? 'stopped';
    const nothing = { role: null, term: null, leader: null, commitIndex: null, appliedIndex: null, firstIndex: null, lastIndex: null, stateHash: null, eventLoopDelayMs: null };
    return {
      id: member.id,
      name: member.name,
      address: labAddress(member),
      dataDir: labDataDir(this.options.dir, member),
      generation: member.generation ?? 1,
      origin: member.origin,
      pid: process?.pid ?? null,
      state: state === 'running' && said === null ? 'silent' : state,
      ended: process?.outcome ?? null,
      ...(said ?? nothing),
      faults: showMemberFaults(this.faults.get(member.id) ?? NO_MEMBER_FAULTS),
    };
  }
}

/** Unix sockets have room for about a hundred characters. */
function socketPath(dir: string): string {
  const beside = path.resolve(dir, 'supervisor.sock');
  if (Buffer.byteLength(beside) <= MAX_SOCKET_PATH) return beside;
  return path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'raft-inspector-lab-')), 's');
}
