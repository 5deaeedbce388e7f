import assert from 'node:assert/strict';
import type { Entry } from '../../src/engine/core/entry.ts';
import type { AppendReply, HeartbeatReply, Message } from '../../src/engine/core/message.ts';
import type { Progress } from '../../src/engine/core/progress.ts';
import { FAST, type Settings } from '../../src/engine/core/settings.ts';
import { configurationOf, CoreMember, initialDisk } from './core-member.ts';

// One member alone, its peers played by the test: for rules where every message matters.

export const IDS = ['a', 'b', 'c'];

/** A log of one entry for each of these terms, the first being the configuration. */
export function memberWith(terms: readonly number[], options: { id?: string; term?: number; vote?: string; commit?: number; ids?: readonly string[]; settings?: Settings } = {}): CoreMember {
  const disk = initialDisk(configurationOf(options.ids ?? IDS));
  const entries: Entry[] = terms.slice(1).map((term, at) => ({ index: at + 2, term, kind: 'command', wallClockMs: 0, payload: new Uint8Array(8) }));
  disk.entries.push(...entries);
  disk.hardState = { term: options.term ?? Math.max(...terms), vote: options.vote ?? '', commit: options.commit ?? 1 };
  const member = new CoreMember(options.id ?? 'a', disk, 1, {}, options.settings ?? FAST);
  member.start();
  return member;
}

export const tick = (member: CoreMember, ticks: number): void => void member.give({ kind: 'tick', ticks });
export const hear = (member: CoreMember, message: Message): void => void member.give({ kind: 'message', message });

/** Member a, leader of the term after its last. */
export function leaderWith(terms: readonly number[], options: Parameters<typeof memberWith>[1] = {}): CoreMember {
  const member = memberWith(terms, options);
  tick(member, 40);
  for (const phase of ['pre-vote', 'vote'] as const) {
    member.flushAll();
    for (const from of (options.ids ?? IDS).filter((id) => id !== member.id)) {
      hear(member, { kind: 'vote-reply', from, to: member.id, term: phase === 'vote' ? member.state.term : member.state.term + 1, phase, campaign: member.state.lastCampaign, isGranted: true });
      if (member.state.campaign?.phase !== phase) break;
    }
  }
  assert.equal(member.state.role, 'leader');
  member.flushAll();
  return member;
}

export const last = <K extends Message['kind']>(member: CoreMember, kind: K, to: string): Extract<Message, { kind: K }> => {
  const found = member.outbox.findLast((message) => message.kind === kind && message.to === to);
  assert.ok(found !== undefined && found.kind === kind, `${member.id} sent no ${kind} to ${to}`);
  return found as Extract<Message, { kind: K }>;
};

/** b or c acknowledges the newest append. */
export function acknowledge(member: CoreMember, from: string, incarnation = 1, append = last(member, 'append', from)): AppendReply {
  const answer: AppendReply = { kind: 'append-reply', from, to: member.id, term: append.term, number: append.number, incarnation, result: { kind: 'stored', match: append.prev.index + append.entries.length } };
  hear(member, answer);
  return answer;
}

export function heartbeatReply(member: CoreMember, from: string, fields: Partial<HeartbeatReply>): void {
  hear(member, { kind: 'heartbeat-reply', from, to: member.id, term: member.state.term, round: member.state.lastRound, incarnation: 1, durableIndex: member.state.log.last, ...fields });
}

export const peer = (member: CoreMember, id: string): Progress | undefined => member.state.leading?.peers.find((one) => one.id === id);

