// How many steps a second the protocol core makes: `node --import tsx test/bench/core.ts`. Prints; judges nothing.
import { startRaft, step } from '../../src/engine/core/step.ts';
import { configurationOf, CoreMember, initialDisk } from '../helpers/core-member.ts';
import type { Input } from '../../src/engine/core/input.ts';
import type { RaftState } from '../../src/engine/core/state.ts';

const IDS = ['a', 'b', 'c', 'd', 'e'];
const PAYLOAD = new Uint8Array(64);

function measure(name: string, steps: number, run: (at: number) => void): void {
  for (let at = 0; at < steps / 10; at++) run(at);
  const began = performance.now();
  for (let at = 0; at < steps; at++) run(at + steps);
  const ms = performance.now() - began;
  console.log(`${name.padEnd(46)} ${((ms * 1000) / steps).toFixed(2).padStart(8)} µs  ${Math.round((steps / ms) * 1000).toLocaleString('en-US').padStart(12)} a second`);
}

function cluster(): CoreMember[] {
  const members = IDS.map((id, at) => new CoreMember(id, initialDisk(configurationOf(IDS)), at));
  for (const member of members) member.start();
  return members;
}

function settle(members: readonly CoreMember[]): void {
  for (let isBusy = true; isBusy; ) {
    isBusy = false;
    for (const member of members) {
      member.flushAll();
      for (const message of member.outbox.splice(0)) {
        isBusy = true;
        members.find((one) => one.id === message.to)?.give({ kind: 'message', message });
      }
    }
  }
}

const members = cluster();
const [leader, follower] = members;
if (leader === undefined || follower === undefined) throw new Error('no cluster');
leader.give({ kind: 'tick', ticks: 40 });
settle(members);

let state: RaftState = follower.state;
const tick: Input = { kind: 'tick', ticks: 1 };
measure('tick of a follower that hears its leader', 1_000_000, () => {
  state = step({ ...state, isHeard: true }, tick).state;
});

let round = leader.state.lastRound;
measure('heartbeat at a follower', 1_000_000, () => {
  state = step(state, { kind: 'message', message: { kind: 'heartbeat', from: leader.id, to: follower.id, term: state.term, commit: state.commit, round: ++round } }).state;
});

state = leader.state;
measure('tick of a leader of five (every 5th sends)', 1_000_000, () => {
  const peers = state.leading?.peers.map((peer) => ({ ...peer, isHeard: true })) ?? [];
  state = step(state.leading === null ? state : { ...state, leading: { ...state.leading, peers } }, tick).state;
});

state = follower.state;
let index = state.log.last;
let number = 1000;
const term = state.term;
measure('append of one entry at a follower, then durable', 300_000, () => {
  const prev = { term, index };
  index++;
  const one = step(state, { kind: 'message', message: { kind: 'append', from: leader.id, to: follower.id, term, number: number++, prev, entries: [{ index, term, kind: 'command', wallClockMs: 0, payload: PAYLOAD }], commit: prev.index } });
  state = step(one.state, { kind: 'written', write: one.ready.write?.number ?? 0 }).state;
});
console.log(`  log of ${state.log.last.toLocaleString('en-US')} entries`);

state = startRaft({ id: 'a', settings: leader.settings, seed: 1, incarnation: 1, hardState: { term: 1, vote: '', commit: 1 }, log: { base: { term: 0, index: 0 }, termRuns: [{ term: 1, first: 1, last: 1 }], sizes: [10] }, snapshot: { term: 0, index: 0 }, configurations: [{ index: 1, configuration: configurationOf(['a']) }], lastApplied: 1 });
const elected = step(state, { kind: 'tick', ticks: 40 });
state = step(elected.state, { kind: 'written', write: elected.ready.write?.number ?? 0 }).state;
measure('proposal of a single member, durable, applied', 300_000, (at) => {
  const one = step(state, { kind: 'propose', proposals: [{ id: at, kind: 'command', payload: PAYLOAD }], wallClockMs: 0 });
  const two = step(one.state, { kind: 'written', write: one.ready.write?.number ?? 0 });
  state = step(two.state, { kind: 'applied', index: two.state.commit }).state;
});

const batch = Array.from({ length: 16 }, (_, at) => ({ id: at, kind: 'command' as const, payload: PAYLOAD }));
const began = performance.now();
const rounds = 5_000;
for (let at = 0; at < rounds; at++) {
  leader.give({ kind: 'propose', proposals: batch, wallClockMs: 0 });
  settle(members);
}
const ms = performance.now() - began;
console.log(`five members, batches of 16, all steps`.padEnd(46) + ` ${((ms * 1000) / rounds).toFixed(0).padStart(8)} µs a batch, ${Math.round((rounds * 16 * 1000) / ms).toLocaleString('en-US')} entries a second`);
