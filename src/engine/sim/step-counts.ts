import type { Input } from '../core/input.ts';
import type { Ready } from '../core/ready.ts';
import type { RaftState } from '../core/state.ts';
import { META_DATABASE } from '../native/layout.ts';
import type { KvOperation } from '../ports/kv-store.ts';
import type { Counters } from './counters.ts';
import type { MemberTruth } from './ground-truth.ts';

/** What a process was doing when it died. */
export interface DeathScene {
  readonly isWritingSnapshot: boolean;
  readonly writing: readonly KvOperation[];
}

/** Counts what the protocol went through on one member: proof that the rare paths were walked. */
export class StepCounts {
  private installWrite: number | null = null;
  private roleAtDeath: string | null = null;

  constructor(
    private readonly counters: Counters,
    /** Something began that a crash should sometimes hit. */
    private readonly onMoment: (probability: number) => void,
  ) {}

  booted(): void {
    if (this.roleAtDeath !== null) this.counters.hit(`restart-as-${this.roleAtDeath}`);
    this.roleAtDeath = null;
    this.installWrite = null;
  }

  died({ state, view, id }: MemberTruth, scene: DeathScene): void {
    const { counters } = this;
    if (scene.isWritingSnapshot) counters.hit('crash-in-snapshot-write');
    if (this.installWrite !== null) counters.hit('crash-in-snapshot-install');
    else if (scene.writing.some((one) => one.database === META_DATABASE && one.kind === 'put' && Buffer.from(one.key).toString('latin1') === 'base')) counters.hit('crash-in-trim');
    if (state === null) return;
    if ((view.configuration?.index ?? 0) > state.commit) counters.hit('crash-in-config-change');
    if (state.leading?.transfer != null) counters.hit('crash-in-transfer');
    const isLearner = view.configuration?.configuration.members.some((member) => member.id === id && member.role === 'learner') === true;
    this.roleAtDeath = isLearner ? 'learner' : state.role === 'pre-candidate' ? 'candidate' : state.role;
  }

  stepped(member: MemberTruth, before: RaftState, input: Input, after: RaftState, ready: Ready): void {
    const { counters } = this;
    if (ready.write?.install != null) {
      counters.hit('snapshot-installed');
      this.installWrite = ready.write.number;
      this.onMoment(0.1);
    }
    if (input.kind === 'written' && this.installWrite !== null && input.write >= this.installWrite) this.installWrite = null;
    if (input.kind === 'snapshot-taken') counters.hit('snapshot-taken');
    if (input.kind === 'trimmed') {
      counters.hit('log-trimmed');
      this.onMoment(0.04);
    }
    if (ready.write?.entries.some((entry) => entry.kind === 'confChange') === true) this.onMoment(0.04);
    if (after.leading?.transfer != null && before.leading?.transfer == null) this.onMoment(0.25);
    if (ready.write?.truncateFrom != null) this.countTruncation(member, ready.write.truncateFrom);
    if (before.role !== after.role) this.countRole(before, input, after);
    if (after.amnesiacs.length > before.amnesiacs.length) counters.hit('amnesia-detected');
    if (input.kind === 'message') this.countMessage(before, input, ready);
    for (const outcome of ready.reads) if (outcome.kind === 'accepted' && after.role !== 'leader' && outcome.value > after.lastApplied) counters.hit('follower-read-waited');
    for (const outcome of ready.reads) if (outcome.kind === 'refused' && outcome.refusal.rule === 'leadership-lost') counters.hit('read-failed-by-term-change');
    for (const outcome of ready.transfers) if (outcome.kind === 'accepted') counters.hit('leadership-transferred');
    if (after.handover?.kind === 'removal' && before.handover !== after.handover) counters.hit('leader-removal-handed-over');
  }

  private countTruncation({ view }: MemberTruth, from: number): void {
    const terms = new Set<number>();
    for (let index = from; index <= view.last; index += 1) terms.add(view.terms[index] ?? 0);
    if (terms.size > 1) this.counters.hit('conflict-over-two-terms');
    if ((view.configuration?.index ?? 0) >= from) this.counters.hit('truncated-config');
  }

  private countRole(before: RaftState, input: Input, after: RaftState): void {
    if (after.role === 'candidate') this.counters.hit('candidacy');
    if (after.role === 'leader') this.counters.hit('election');
    if (before.role === 'leader' && after.role !== 'leader' && input.kind === 'tick') this.counters.hit('check-quorum-step-down');
  }

  private countMessage(before: RaftState, { message }: Input & { kind: 'message' }, ready: Ready): void {
    if (message.kind === 'append' && message.prev.index < before.commit && message.entries.length > 0 && message.term === before.term) this.counters.hit('append-clipped-at-commit');
    if (message.kind === 'append-reply' || message.kind === 'heartbeat-reply') {
      const peer = before.leading?.peers.find((one) => one.id === message.from);
      if (message.term < before.term || (peer !== undefined && message.incarnation < peer.incarnation)) this.counters.hit('stale-reply-dropped');
    }
    for (const reply of [...ready.messages, ...ready.messagesAfterWrite]) if (reply.kind === 'vote-reply' && reply.phase === 'pre-vote' && !reply.isGranted) this.counters.hit('pre-vote-refused');
  }
}
