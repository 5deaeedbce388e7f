import path from 'node:path';
import { UsageError } from '../errors.ts';
import { isRecord } from '../model/is-record.ts';
import { FileSource } from '../readers/file-source.ts';

/** What a manifest, unit or configuration says about the server on this machine. */
export interface ServerFacts {
  dataDir: string;
  walDir: string | null;
  name: string | null;
  addresses: string[];
  /** Where clients are told to go, and where other members are; URLs or host:port, as written. */
  clientAddresses: string[];
  peerAddresses: string[];
  certificates: { ca: string | null; cert: string | null; key: string | null };
}

/** How to reach a server that was configured so: endpoints as `host:port` or URLs, and the files of its certificates. Null when it says nothing. */
export interface ServerConnection {
  endpoints: string[];
  cacert: string | null;
  cert: string | null;
  key: string | null;
}

type Settings = Map<string, string>;

const MAX_BYTES = 4 * 1024 ** 2;
const FOLLOW = 2;

/**
 * Directories, name, addresses and certificates from a static pod manifest, a systemd unit, or a server's own configuration
 * (etcd YAML, Consul, Nomad or Vault JSON or HCL).
 * @throws {UsageError} When it names no data directory.
 */
export async function serverFrom(file: string): Promise<ServerFacts> {
  const settings = await settingsOf(file, FOLLOW);
  const dataDir = first(settings, 'data-dir', 'path');
  if (dataDir === null) throw new UsageError(`${file} names no data directory`, 'Name the data directory itself as a place');
  const addresses = first(settings, 'advertise-client-urls', 'initial-advertise-peer-urls', 'advertise', 'advertise-addr', 'cluster-addr', 'bind-addr');
  const clients = first(settings, 'advertise-client-urls', 'listen-client-urls', 'advertise', 'listen');
  return {
    dataDir: path.resolve(path.dirname(file), dataDir),
    walDir: first(settings, 'wal-dir'),
    name: first(settings, 'name', 'node-name', 'node', 'node-id', 'id'),
    addresses: listOf(addresses),
    clientAddresses: listOf(clients),
    peerAddresses: listOf(first(settings, 'initial-advertise-peer-urls', 'listen-peer-urls', 'cluster-addr')),
    certificates: { ca: beside(file, first(settings, 'trusted-ca-file', 'ca-file', 'ca')), cert: beside(file, first(settings, 'cert-file', 'cert')), key: beside(file, first(settings, 'key-file', 'key')) },
  };
}

/**
 * The server's own certificate stands for a client's: every member has one, and it is usually good for both. Addresses that only mean
 * "everywhere" lead nowhere and are left out.
 */
export function connectionTo(server: ServerFacts): ServerConnection | null {
  const endpoints = server.clientAddresses.map((one) => one.replace(/\/+$/, '')).filter((one) => /^(?:https?:\/\/)?[^/]+:\d+$/.test(one) && !/^(?:https?:\/\/)?(?:0\.0\.0\.0|\[::\]):/.test(one));
  if (endpoints.length === 0) return null;
  const { ca, cert, key } = server.certificates;
  const isTls = server.clientAddresses.some((one) => one.startsWith('https:')) || ca !== null;
  return isTls ? { endpoints, cacert: ca, cert, key } : { endpoints, cacert: null, cert: null, key: null };
}

function listOf(value: string | null): string[] {
  return value === null ? [] : value.split(',').map((one) => one.trim()).filter((one) => one !== '');
}

async function settingsOf(file: string, follow: number): Promise<Settings> {
  const text = readText(file);
  if (/^\s*\[(?:Unit|Service|Install)\]/m.test(text)) return await fromUnit(text, file, follow);
  const document = await parseDocument(text, file);
  if (isRecord(document) && document['kind'] === 'Pod') return fromPod(document);
  // Our own members' configuration says who they are under `member`, and lists the others too.
  if (isRecord(document)) return fromRecord(isRecord(document['member']) ? { ...document['member'], ...document } : document);
  return fromHcl(text);
}

function readText(file: string): string {
  const source = FileSource.open(file, file);
  try {
    if (source.size > MAX_BYTES) throw new UsageError(`${file} is too large for a configuration`, 'Name the data directory itself as a place');
    return source.read(0, source.size).toString('utf8');
  } finally {
    source.close();
  }
}

/** YAML holds JSON too; what is neither is taken for HCL. */
async function parseDocument(text: string, file: string): Promise<unknown> {
  const { load } = await import('js-yaml');
  try {
    return load(text);
  } catch (cause) {
    if (/\.(?:ya?ml|json)$/i.test(file)) throw new UsageError(`${file} is not valid YAML or JSON`, 'Name the data directory itself as a place', { cause });
    return null;
  }
}

function records(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** Paths inside the container are mapped to the host by its volume mounts. */
function fromPod(pod: Record<string, unknown>): Settings {
  const spec = isRecord(pod['spec']) ? pod['spec'] : {};
  const hostPaths = new Map(
    records(spec['volumes']).map((volume) => [String(volume['name']), isRecord(volume['hostPath']) ? String(volume['hostPath']['path']) : null]),
  );
  for (const container of records(spec['containers'])) {
    const words = [container['command'], container['args']].flatMap((list) => (Array.isArray(list) ? list.map(String) : []));
    const settings = fromWords(words.flatMap((word) => (word.includes('\n') || word.includes(' --') ? splitWords(word) : [word])));
    for (const one of records(container['env'])) {
      const name = String(one['name']);
      if (name.startsWith('ETCD_')) settings.set(toKey(name.slice(5)), settings.get(toKey(name.slice(5))) ?? (typeof one['value'] === 'string' ? one['value'] : ''));
    }
    if (!settings.has('data-dir')) continue;
    const mounts = records(container['volumeMounts']).map((mount) => ({ inside: String(mount['mountPath']), outside: hostPaths.get(String(mount['name'])) ?? null }));
    for (const key of ['data-dir', 'wal-dir', 'cert-file', 'key-file', 'trusted-ca-file']) {
      const inside = settings.get(key);
      if (inside !== undefined) settings.set(key, onHost(inside, mounts));
    }
    return settings;
  }
  return new Map();
}

function onHost(inside: string, mounts: { inside: string; outside: string | null }[]): string {
  const mount = mounts.filter((one) => inside === one.inside || inside.startsWith(`${one.inside.replace(/\/$/, '')}/`)).sort((a, b) => b.inside.length - a.inside.length)[0];
  return mount?.outside ? path.join(mount.outside, path.relative(mount.inside, inside)) : inside;
}

async function fromUnit(text: string, file: string, follow: number): Promise<Settings> {
  const lines = text.replaceAll(/\\\r?\n/g, ' ').split(/\r?\n/);
  const of = (key: string): string[] => lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1).trim());
  const settings: Settings = new Map();
  for (const pair of of('Environment').flatMap(splitWords)) setVariable(settings, pair);
  for (const named of of('EnvironmentFile')) readVariables(settings, named.replace(/^-/, ''));
  for (const [key, value] of fromWords(of('ExecStart').flatMap(splitWords))) settings.set(key, value);
  const config = first(settings, 'config-file', 'config-dir', 'config');
  if (config === null || follow === 0) return settings;
  const below = await settingsOf(path.resolve(path.dirname(file), config), follow - 1);
  return new Map([...below, ...settings]);
}

function readVariables(settings: Settings, file: string): void {
  let text = '';
  try {
    text = readText(file);
  } catch {
    return; // it need not exist, and a unit from another machine names files of that machine
  }
  for (const line of text.split('\n')) setVariable(settings, splitWords(line.trim()).join(' '));
}

function setVariable(settings: Settings, pair: string): void {
  const match = /^ETCD_([A-Z_]+)=(.*)$/s.exec(pair);
  if (match?.[1] !== undefined) settings.set(toKey(match[1]), match[2] ?? '');
}

/** Words of a command line; quotes group. */
function splitWords(line: string): string[] {
  return [...line.matchAll(/(?:"([^"]*)"|'([^']*)'|[^\s"']+)+/g)].map((match) => match[0].replaceAll(/["']/g, ''));
}

function fromWords(words: readonly string[]): Settings {
  const settings: Settings = new Map();
  words.forEach((word, at) => {
    const match = /^--?([A-Za-z][A-Za-z0-9_-]*)(?:=(.*))?$/s.exec(word);
    if (match?.[1] === undefined) return;
    const next = words[at + 1];
    const value = match[2] ?? (next !== undefined && !next.startsWith('-') ? next : '');
    settings.set(toKey(match[1]), value);
  });
  return settings;
}

function fromRecord(record: Record<string, unknown>, settings: Settings = new Map(), depth = 0): Settings {
  for (const [name, value] of Object.entries(record)) {
    if (typeof value === 'string' || typeof value === 'number') {
      if (!settings.has(toKey(name))) settings.set(toKey(name), String(value));
    } else if (depth < 4) for (const inner of isRecord(value) ? [value] : records(value)) fromRecord(inner, settings, depth + 1);
  }
  return settings;
}

/** `name = "value"` lines; blocks are not told apart, which the few names looked for do not need. */
function fromHcl(text: string): Settings {
  const settings: Settings = new Map();
  for (const match of text.matchAll(/^\s*"?([A-Za-z_][A-Za-z0-9_-]*)"?\s*=\s*"((?:[^"\\]|\\.)*)"/gm)) {
    const key = toKey(match[1] ?? '');
    if (!settings.has(key)) settings.set(key, match[2] ?? '');
  }
  return settings;
}

/** `data_dir`, `ETCD_DATA_DIR` without its prefix and `dataDir` are one name. */
function toKey(name: string): string {
  return name.replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase().replaceAll('_', '-');
}

/** A relative path in a configuration is meant from where that lies. */
function beside(file: string, named: string | null): string | null {
  return named === null ? null : path.resolve(path.dirname(file), named);
}

function first(settings: Settings, ...keys: string[]): string | null {
  for (const key of keys) {
    const value = settings.get(key);
    if (value !== undefined && value !== '') return value;
  }
  return null;
}
