import type { Input } from './input.ts';
import type { Start } from './raft.ts';
import type { Step } from './ready.ts';
import type { RaftState } from './state.ts';

export declare function startRaft(start: Start): RaftState;
export declare function step(state: RaftState, input: Input): Step<RaftState>;
