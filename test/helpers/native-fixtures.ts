// Makes fixtures/native anew: `node --import tsx test/helpers/native-fixtures.ts <directory>`. Members of one cluster, each written by
// the engine's own storage and state machine; then one of them damaged by hand.
import fs from 'node:fs';
import path from 'node:path';
import { memorySource } from '../../src/engine/native/pages/byte-source.ts';
import { openLmdb } from '../../src/engine/native/pages/lmdb-file.ts';
import { identityOf, NativeWriter, threeMembers } from './native-writer.ts';

/** What each member of `v1-healthy` acknowledged: entries of term 2, and the commit index it knew. */
const PROGRESS = [
  { id: 'n1', newer: 12, commit: 48 },
  { id: 'n2', newer: 9, commit: 46 },
  { id: 'n3', newer: 6, commit: 44 },
];

async function writeMember(directory: string, { id, newer, commit }: { id: string; newer: number; commit: number }): Promise<void> {
  const writer = await NativeWriter.create(directory, identityOf(id, { clusterId: 'b4a6c0de-0000-4000-8000-000000000001' }), threeMembers());
  for (let i = 0; i < 20; i++) await writer.puts(1, [[`user/${i}`, `first ${i}`]], { noop: i === 0, commit: 1 + i });
  await writer.puts(1, [['blob', 'x'.repeat(6000)], ['user/3', 'again']], { commit: 20 });
  await writer.snapshot();
  for (let i = 0; i < 16; i++) await writer.puts(1, [[`job/${i}`, 'queued']], { commit: 38 });
  for (let i = 0; i < newer; i++) await writer.puts(2, [[`user/${i}`, `second ${i}`]], { noop: i === 0, commit: Math.min(commit, 40 + i) });
  await writer.vote(2, 'n1');
  await writer.close();
  for (const environment of ['raft', 'state']) fs.rmSync(path.join(directory, environment, 'lock.mdb'), { force: true });
}

/** One byte of a batch in the middle, and one of the two tail descriptors. */
function damage(directory: string): void {
  const file = path.join(directory, 'raft/data.mdb');
  const bytes = fs.readFileSync(file);
  const [view] = openLmdb(memorySource(file, bytes)).views;
  const batches = [...(view?.items('log-0000000000000001') ?? [])];
  const batch = batches[25];
  const tail = view?.get('meta', Buffer.from('tail'));
  if (batch?.kind !== 'pair' || tail === undefined || !('value' in tail)) throw new Error('the member is not as it was made');
  bytes.writeUInt8(batch.value.readUInt8(30) ^ 0x20, batch.byteOffset + 30);
  bytes.writeUInt8(tail.value.readUInt8(12) ^ 0x01, tail.byteOffset + 12);
  fs.writeFileSync(file, bytes);
}

export async function makeFixtures(root: string): Promise<void> {
  for (const member of PROGRESS) await writeMember(path.join(root, 'v1-healthy', member.id), member);
  fs.mkdirSync(path.join(root, 'v1-damaged'), { recursive: true });
  fs.cpSync(path.join(root, 'v1-healthy/n1'), path.join(root, 'v1-damaged/n1'), { recursive: true });
  damage(path.join(root, 'v1-damaged/n1'));
}

const [target] = process.argv.slice(2);
if (target !== undefined && process.argv[1]?.endsWith('native-fixtures.ts')) await makeFixtures(target);
