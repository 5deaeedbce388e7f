import fs from 'node:fs';
import process from 'node:process';
import { REAL_FILES, type FileOps } from '../../src/engine/files/file-ops.ts';
import type { RecoveryPlan } from '../../src/engine/model/plan.ts';
import { applyPlan } from '../../src/engine/recovery/apply/apply.ts';
import { undoPlan } from '../../src/engine/recovery/apply/undo.ts';
import { REAL_WORLD } from '../../src/engine/recovery/apply/world.ts';
import { FAKE_OPTIONS, fakeTarget } from '../helpers/fake-recovery.ts';

/** A child that ends itself by SIGKILL before or after its n-th call that changes a file: `<apply|undo> <plan> <n> <before|after>`. */
const [verb = '', planFile = '', ordinal = '0', moment = 'before'] = process.argv.slice(2);
const CHANGING: readonly (keyof FileOps)[] = ['write', 'truncate', 'fsync', 'makeDirectory', 'removeDirectory', 'rename', 'link', 'unlink', 'setMode', 'setOwner', 'setModified', 'clone'];
let count = 0;

function counted<F extends (...args: never[]) => unknown>(call: F): F {
  return ((...args: Parameters<F>) => {
    count += 1;
    if (count === Number(ordinal) && moment === 'before') process.kill(process.pid, 'SIGKILL');
    const result = call(...args);
    if (count === Number(ordinal) && moment === 'after') process.kill(process.pid, 'SIGKILL');
    return result;
  }) as F;
}

const ops: FileOps = { ...REAL_FILES };
for (const name of CHANGING) Object.assign(ops, { [name]: counted(REAL_FILES[name] as (...args: never[]) => unknown) });
// Making a file is a change as well, opening one to read is not.
const create = counted((...args: Parameters<FileOps['open']>) => REAL_FILES.open(...args));
ops.open = (file, how, mode) => (how === 'read' ? REAL_FILES.open(file, how, mode) : create(file, how, mode));

const plan = JSON.parse(fs.readFileSync(planFile, 'utf8')) as RecoveryPlan;
const world = { ...REAL_WORLD, ops, targetOf: () => fakeTarget(ops), useOf: () => ({ users: [], hidden: 0 }) };
await (verb === 'apply' ? applyPlan(plan, FAKE_OPTIONS, world) : undoPlan(plan, FAKE_OPTIONS, world));
fs.writeSync(1, String(count));
