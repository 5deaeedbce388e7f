import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { RefusedError, UnreadableError, UsageError } from '../errors.ts';
import { thisHost } from '../adapters/host-facts.ts';

const LAB_FILE = 'lab.json';
const MAX_FILE_BYTES = 1024 * 1024;
const port = z.int().min(1).max(65_535);

const labMemberSchema = z.strictObject({
  id: z.string().min(1),
  name: z.string().min(1),
  /** Port of its own listener on 127.0.0.1; peers reach it through their links, clients directly. */
  port,
  /** Port of the proxy on the way from each other member to this one, by the id of that other one. */
  links: z.record(z.string(), port),
  /** Null: not running. Only as good as the supervisor that wrote it. */
  pid: z.int().positive().nullable(),
  /** Born with the lab, added later and then in need of `member add`, or made of a member's data by a recovery. */
  origin: z.enum(['initial', 'joined', 'recovered']),
  /** Name of its data directory in the lab's, where that is not its id: it was recovered in place. */
  directory: z.string().min(1).optional(),
  /** Generation of the cluster that it was made for; 1 when absent. */
  generation: z.int().min(1).optional(),
});

const labFileSchema = z.strictObject({
  version: z.literal(1),
  clusterId: z.string().min(1),
  machine: z.string().min(1),
  timing: z.enum(['fast', 'calm']),
  createdAt: z.string(),
  /** Generation of the cluster: grows when a recovered member is taken in; 1 when absent. */
  generation: z.int().min(1).optional(),
  /** Null while nothing runs. `socket` is where it takes orders; it ends everything at `endsAt`. */
  /** `startTicks` tells it from a later process with its number. */
  supervisor: z.strictObject({ pid: z.int().positive(), startTicks: z.int().min(0), socket: z.string(), startedAt: z.string(), endsAt: z.string() }).nullable(),
  members: z.array(labMemberSchema).min(1).max(32),
});

/** One member of a practice cluster. */
export type LabMember = z.output<typeof labMemberSchema>;
/** What `lab.json` holds: everything there is to know of a practice cluster that its members do not know themselves. */
export type LabFile = z.output<typeof labFileSchema>;

/** What a client of a practice cluster needs: where its members are, and who the client is. Certificates are PEM text. */
export interface LabConnection {
  readonly clusterId: string;
  readonly machine: string;
  /** `host:port` of every member of the present generation, running or not: older ones are another cluster to a client. */
  readonly endpoints: readonly string[];
  readonly members: readonly { readonly id: string; readonly name: string; readonly address: string; readonly dataDir: string }[];
  readonly tls: { readonly ca: string; readonly certificate: string; readonly key: string };
}

/** Where the parts of a lab lie. The directory of a member holds its data and nothing else. */
export const labPaths = {
  file: (dir: string): string => path.join(dir, LAB_FILE),
  data: (dir: string, id: string): string => path.join(dir, id),
  config: (dir: string, id: string): string => path.join(dir, 'etc', `${id}.yaml`),
  log: (dir: string, name: string): string => path.join(dir, 'log', `${name}.log`),
  certificate: (dir: string, name: string): string => path.join(dir, 'tls', `${name}.crt`),
  key: (dir: string, name: string): string => path.join(dir, 'tls', `${name}.key`),
} as const;

/** The data directory of a member. */
export function labDataDir(dir: string, member: Pick<LabMember, 'id' | 'directory'>): string {
  return labPaths.data(dir, member.directory ?? member.id);
}

/** Members of the lab's present generation. What a recovery has replaced stays listed, and can be started to see it refused. */
export function presentMembers(lab: LabFile): LabMember[] {
  return lab.members.filter((one) => (one.generation ?? 1) === (lab.generation ?? 1));
}

/** Names of the certificate authority's and the client's files in `tls/`; no member id begins with an underscore. */
export const LAB_CA = '_ca';
export const LAB_CLIENT = '_client';

/** The address at which clients reach a member. */
export function labAddress(member: Pick<LabMember, 'port'>): string {
  return `127.0.0.1:${member.port}`;
}

/** Whether `dir` holds a practice cluster. */
export function isLab(dir: string): boolean {
  return fs.existsSync(labPaths.file(dir));
}

/**
 * Reads `lab.json`.
 * @throws {UsageError} When `dir` holds no practice cluster.
 * @throws {UnreadableError} When the file cannot be read or is not what a lab writes.
 */
export function readLabFile(dir: string): LabFile {
  const file = labPaths.file(dir);
  let text: string;
  try {
    if (fs.statSync(file).size > MAX_FILE_BYTES) throw new UnreadableError(file, `larger than ${MAX_FILE_BYTES} bytes`, 'This is not the file of a practice cluster');
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof UnreadableError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new UsageError(`${dir} holds no practice cluster: there is no ${LAB_FILE}`, 'Make one: raft-inspector lab up --dir <new directory>', { cause: error });
    }
    throw new UnreadableError(file, `cannot be read (${code ?? 'unknown error'})`, 'Check the path and its permissions', { cause: error });
  }
  const parsed = labFileSchema.safeParse(parseJson(file, text));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UnreadableError(file, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a lab file'}`, 'It was changed by hand, or written by another version: make a new lab');
}

/** Writes aside and renames, so that a reader never sees half a file. Mode 0600: it says where the keys lie. */
export function writeLabFile(dir: string, lab: LabFile): void {
  const file = labPaths.file(dir);
  const aside = `${file}.new`;
  fs.writeFileSync(aside, `${JSON.stringify(labFileSchema.parse(lab), null, 2)}\n`, { mode: 0o600 });
  fs.renameSync(aside, file);
}

/**
 * How to talk to the practice cluster in `dir`: what `--lab <dir>` stands for.
 * @throws {UsageError} When there is none.
 * @throws {RefusedError} `lab-down` when it is not running.
 */
export function readLab(dir: string): LabConnection {
  const lab = readLabFile(dir);
  supervisorOf(dir, lab);
  return labConnection(dir, lab);
}

/** Whether the lab in `dir` has a living supervisor. @throws {UsageError} When there is no lab. */
export function isLabRunning(dir: string): boolean {
  return isRunning(readLabFile(dir));
}

/** The living supervisor of a lab. @throws {RefusedError} `lab-down` when there is none. */
export function supervisorOf(dir: string, lab: LabFile): NonNullable<LabFile['supervisor']> {
  if (isRunning(lab)) return lab.supervisor;
  throw new RefusedError('lab-down', `the practice cluster in ${dir} is not running`, `Start it: raft-inspector lab up --dir ${dir}`);
}

function isRunning(lab: LabFile): lab is LabFile & { supervisor: NonNullable<LabFile['supervisor']> } {
  if (lab.supervisor === null) return false;
  const ticks = thisHost.startTicksOf(lab.supervisor.pid);
  return ticks !== null && (ticks === 0 || lab.supervisor.startTicks === 0 || ticks === lab.supervisor.startTicks);
}

/** The same without looking whether it runs. */
export function labConnection(dir: string, lab: LabFile): LabConnection {
  return {
    clusterId: lab.clusterId,
    machine: lab.machine,
    endpoints: presentMembers(lab).map(labAddress),
    members: lab.members.map((one) => ({ id: one.id, name: one.name, address: labAddress(one), dataDir: labDataDir(dir, one) })),
    tls: { ca: readPem(labPaths.certificate(dir, LAB_CA)), certificate: readPem(labPaths.certificate(dir, LAB_CLIENT)), key: readPem(labPaths.key(dir, LAB_CLIENT)) },
  };
}

/** Whether a process with this number runs; one that ended and was not yet waited for does not. */
export function isAlive(pid: number): boolean {
  return thisHost.startTicksOf(pid) !== null;
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UnreadableError(file, `is not JSON: ${(error as Error).message}`, 'It was cut off or changed by hand: make a new lab', { cause: error });
  }
}

function readPem(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    throw new UnreadableError(file, `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`, 'The lab is incomplete: make a new one', { cause: error });
  }
}
