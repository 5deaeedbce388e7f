import { workerData } from 'node:worker_threads';
import { main } from './main.ts';
import { shareStage } from './output.ts';
import type { ThreadData } from './supervise.ts';

const { words, root, stage } = workerData as ThreadData;
shareStage(stage);
await main(words, new URL(root));
