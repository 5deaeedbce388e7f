import type { EtcdDb } from '../../../readers/etcd/db/index.ts';
import { memberWords, type EtcdMembership } from './membership.ts';

/** From this minor on the db decides who is a member. */
const FIRST_MINOR_OF_DB = 6;

/** What stays in the db and shows later. @param membership Null where the db's members are written anew. */
export function dbNotes(db: EtcdDb | null, membership: EtcdMembership | null): string[] {
  const notes = (db?.alarms ?? []).map(({ alarm, memberId }) => `The alarm ${alarm} of member ${memberId} stays set: it goes with etcdctl alarm disarm, once its cause is gone.`);
  if (db === null || membership === null || membership.minor >= FIRST_MINOR_OF_DB) return notes;
  const known = new Set([membership.self.id, ...membership.others.map(({ id }) => id)]);
  const strangers = db.members.filter(({ id }) => !known.has(id));
  return [...notes, ...strangers.map((member) => `The db still lists ${memberWords(member)}, which is no member: nothing to do here, but after an upgrade to etcd 3.6 it would be one again; remove it there.`)];
}
