import { truthOf } from '../helpers/corpus.ts';
import { TruthComparison } from '../helpers/truth-fields.ts';
import { assertTruth } from './assert-truth.ts';
import { compareExpectedErrors, compareHealthOfTheOthers } from './case-truth.ts';
import { comparePickInProcess } from './pick-in-process.ts';
import { memberCases, membersOf, readMember } from './case-reading.ts';
import { compareEtcdMember } from './etcd-truth.ts';

describe('corpus: etcd members against the servers’ own libraries', () => {
  for (const name of memberCases('etcd')) {
    it(name, () => {
      const truth = new TruthComparison(name, truthOf(name));
      const readings = new Map(membersOf(name).map((member) => [member, readMember(name, member)]));
      for (const [member, reading] of readings) compareEtcdMember(truth, member, reading);
      compareExpectedErrors(truth, readings);
      compareHealthOfTheOthers(truth, readings);
      comparePickInProcess(truth, readings);
      assertTruth(truth);
    });
  }
});
