// The deterministic simulator from the command line.
//   node scripts/sim.mjs campaign [--seeds N] [--from S] [--jobs J] [--mutant Mnn]
//   node scripts/sim.mjs replay <seed> [lines]
//   node scripts/sim.mjs shrink <seed> [--mutant Mnn]
//   node scripts/sim.mjs history <seed>        prints the history of a run, JSON lines
//   node scripts/sim.mjs check <history.jsonl> runs both checkers on a history
// Exit 1: a violation, a counter at zero (campaigns of 400 seeds or more), or a history that is not linearizable.
import { spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';

const root = path.resolve(import.meta.dirname, '..');
const child = spawn(process.execPath, ['--import', 'tsx', path.join(root, 'test/engine/sim/command.ts'), ...process.argv.slice(2)], { cwd: process.cwd(), stdio: 'inherit' });
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === null ? 1 : 128);
});
