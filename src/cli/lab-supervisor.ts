// The process behind a practice cluster, an entry of its own in the bundle: `lab up` starts it, detached.
// Arguments: the directory of the lab, its lifetime in milliseconds, and how the tool is run.
import { LabSupervisor } from '../engine/lab/supervisor.ts';

const [dir = '', lifetime = '', file = '', ...args] = process.argv.slice(2);
const supervisor = await LabSupervisor.start({ dir, program: [file, ...args], lifetimeMs: Number(lifetime) }, () => process.exit(0));
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => void supervisor.end());
// What is left of a lab whose supervisor failed would only confuse: it ends, and its log says why.
process.on('uncaughtException', (error) => {
  console.error(error);
  void supervisor.end();
});
