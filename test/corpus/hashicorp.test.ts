import { truthOf } from '../helpers/corpus.ts';
import { TruthComparison } from '../helpers/truth-fields.ts';
import { assertTruth } from './assert-truth.ts';
import { compareExpectedErrors, compareHealthOfTheOthers } from './case-truth.ts';
import { comparePickInProcess } from './pick-in-process.ts';
import { memberCases, membersOf, readMember } from './case-reading.ts';
import { compareHashicorpMember } from './hashicorp-truth.ts';

describe('corpus: hashicorp/raft and Consul members against the library', () => {
  for (const name of [...memberCases('hashicorp-raft'), ...memberCases('consul')]) {
    it(name, () => {
      const truth = new TruthComparison(name, truthOf(name));
      const readings = new Map(membersOf(name).map((member) => [member, readMember(name, member)]));
      for (const [member, reading] of readings) compareHashicorpMember(truth, member, reading);
      compareExpectedErrors(truth, readings);
      compareHealthOfTheOthers(truth, readings);
      comparePickInProcess(truth, readings);
      assertTruth(truth);
    });
  }
});
