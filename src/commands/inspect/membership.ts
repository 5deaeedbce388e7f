import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { placeArg } from '../../cli/flags.ts';
import { oneReading, openNamed, placeFlags } from '../../cli/places.ts';
import { commandLine } from '../../cli/quote.ts';
import { contextOf } from '../../cli/render/head.ts';
import { membershipLines } from '../../cli/render/membership.ts';
import { membershipOf, type MembershipView } from '../../engine/inspect/membership.ts';

export default class InspectMembership extends BaseCommand<MembershipView> {
  static override summary = 'Who the members are, in every place that stores it';
  static override description = 'Log, snapshot and state machine may disagree; then each view is shown, and the difference is a finding.';
  static override examples = ['<%= config.bin %> inspect membership n1 --history'];
  static override args = { place: placeArg() };
  static override flags = { ...placeFlags, history: Flags.boolean({ summary: 'Each change with its index' }) };

  protected async execute(): Promise<Answer<MembershipView>> {
    const { args, flags } = await this.parse(InspectMembership);
    const place = args.place === undefined ? [] : [args.place];
    const reading = oneReading(await openNamed(place, flags, { progress: this.progress }));
    const data = membershipOf(reading.report, reading.configurations);
    return {
      data,
      findings: reading.findings,
      next: flags.history ? [] : [commandLine('raft-inspector', 'inspect', 'membership', ...place, '--history')],
      screen: (style) => membershipLines(data, contextOf([reading.report]), flags.history, style),
    };
  }
}
