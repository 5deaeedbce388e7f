import { EXIT, InspectorError, RefusedError } from '../errors.ts';
import type { NodeStatus } from '../ports/node-api.ts';
import { LabDecorators } from './decorators.ts';
import type { FromMember, MemberError, MemberSelfReport, ToMember } from './orders.ts';

const WORLD_DEADLINE_MS = 5000;

/**
 * The supervisor's hand inside a member of a practice cluster: it brings links and faults, asks how things stand, and ends the member
 * when the supervisor is gone. It speaks over the channel of the child process, which nobody else has.
 */
export class LabAgent {
  readonly decorators = new LabDecorators();
  private links: Readonly<Record<string, string>> = {};
  private status: (() => NodeStatus) | null = null;

  private constructor() {}

  /**
   * Waits for the first word of the supervisor.
   * @throws {RefusedError} `lab-only` when the member was not started by one.
   */
  static async attach(orphaned: () => void): Promise<LabAgent> {
    if (process.send === undefined) throw new RefusedError('lab-only', 'this configuration belongs to a practice cluster', 'Start the member through its lab: raft-inspector lab start <id> --dir <lab>; a real member has no lab: in its configuration');
    const agent = new LabAgent();
    process.once('disconnect', orphaned);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new RefusedError('lab-only', 'the lab said nothing', 'Start the member through its lab: raft-inspector lab start <id>')), WORLD_DEADLINE_MS);
      process.on('message', (message) => {
        agent.hear(message as ToMember);
        clearTimeout(timer);
        resolve();
      });
    });
    return agent;
  }

  /** Where a peer is really dialled: the near end of the link to it. */
  dial(id: string, address: string): string {
    return this.links[id] ?? address;
  }

  /** The member serves. */
  ready(status: () => NodeStatus): void {
    this.status = status;
    tell({ kind: 'ready' });
  }

  /** The member ends by itself, and this is why. */
  ended(error: Error): void {
    tell({ kind: 'ended', error: memberError(error) });
  }

  /** Lets the process end: an open channel would keep it. */
  detach(): void {
    process.removeAllListeners('disconnect');
    if (process.connected) process.disconnect();
  }

  private hear(message: ToMember): void {
    switch (message.kind) {
      case 'world':
        this.links = message.links;
        this.decorators.set(message.faults);
        break;
      case 'status':
        if (this.status !== null) tell({ kind: 'status', id: message.id, status: reportOf(this.status()) });
        break;
    }
  }
}

function tell(message: FromMember): void {
  if (process.connected) process.send?.(message, undefined, {}, () => undefined); // the supervisor just went: the disconnect follows
}

function reportOf(status: NodeStatus): MemberSelfReport {
  return {
    role: roleIn(status),
    term: status.term,
    leader: status.leader,
    commitIndex: status.commitIndex,
    appliedIndex: status.appliedIndex,
    firstIndex: status.firstIndex,
    lastIndex: status.lastEntry.index,
    stateHash: status.stateHash,
    eventLoopDelayMs: status.eventLoopDelayMs,
  };
}

function memberError(error: Error): MemberError {
  const rule = (error as { rule?: unknown }).rule;
  if (error instanceof InspectorError) return { code: error.code, rule: typeof rule === 'string' ? rule : null, message: error.message, hint: error.hint, exit: error.exitCode };
  return { code: 'BUG', rule: null, message: error.message, hint: '', exit: EXIT.bug };
}

/** What an operator calls it: neither a removed member nor a learner is a follower that could lead. */
function roleIn({ memberId, role, isRemoved, members }: NodeStatus): string {
  if (isRemoved) return 'removed';
  return members.find((one) => one.id === memberId)?.role === 'learner' ? 'learner' : role;
}
