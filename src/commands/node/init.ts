import { Flags } from '@oclif/core';
import type { Answer } from '../../cli/answer.ts';
import { BaseCommand } from '../../cli/base-command.ts';
import { commandLine } from '../../cli/quote.ts';
import { UsageError } from '../../engine/errors.ts';
import type { Finding } from '../../engine/model/finding.ts';
import { finding } from '../../engine/model/finding.ts';

export interface NodeInitReport {
  clusterId: string;
  generation: number;
  memberId: string;
  name: string;
  machine: string;
  dataDir: string;
  /** The first configuration; null for a member that joins a running cluster. */
  members: { id: string; name: string; address: string; role: string }[] | null;
  ballastBytes: number;
}

export default class NodeInit extends BaseCommand<NodeInitReport> {
  static override summary = 'Make the data directory of a member, once, from its configuration file';
  static override description = `The first members of a cluster are made with the same initialMembers on each; a later one has join: true and is then added with member add. A directory that holds anything is refused.

A whole configuration:
  clusterId: shop
  member: {id: n1}                  # or: member: hostname
  dataDir: /var/lib/shop/n1
  listen: 0.0.0.0:7000
  initialMembers:                   # or: {dns: {service: shop.default.svc, name: shop, port: 7000, replicas: 3}}; or join: true
    - {id: n1, address: 10.0.0.1:7000}
    - {id: n2, address: 10.0.0.2:7000}
    - {id: n3, address: 10.0.0.3:7000}
  tls: {ca: ca.crt, cert: n1.crt, key: n1.key}
  timing: fast                      # or calm; or {heartbeatMs, electionMinMs, electionMaxMs}
  machine: kv

After a forced recovery the cluster has a later generation; a member that joins then says so, here or with --generation, instead of initialMembers.`;
  static override examples = ['<%= config.bin %> <%= command.id %> --config n1.yaml'];
  static override flags = {
    config: Flags.string({ required: true, helpValue: '<file>', summary: 'Configuration of the member (YAML)' }),
    generation: Flags.integer({ min: 1, helpValue: '<n>', summary: 'Generation of the cluster that it joins; a plan and member list show it (default: that of the configuration, else 1)' }),
    sm: Flags.string({ options: ['kv'], summary: 'State machine; must be the one of the configuration' }),
  };

  protected async execute(): Promise<Answer<NodeInitReport>> {
    const { flags } = await this.parse(NodeInit);
    const [{ readNodeConfig }, { initMember }] = await Promise.all([import('../../engine/node/config.ts'), import('../../engine/node/init.ts')]);
    const read = readNodeConfig(flags.config);
    const config = { ...read, generation: flags.generation ?? read.generation };
    if (read.generation !== null && read.generation !== config.generation) throw new UsageError(`--generation ${config.generation} and generation: ${read.generation} of ${flags.config} differ`, 'The configuration is what the member runs with: correct it there');
    if (config.generation !== null && config.generation > 1 && config.initialMembers.length > 0) throw new UsageError(`--generation ${config.generation} with initialMembers in ${flags.config}`, 'A member of a later generation joins: put generation in the configuration, in place of initialMembers');
    if (flags.sm !== undefined && flags.sm !== config.machine) throw new UsageError(`--sm ${flags.sm} and machine: ${config.machine} of ${flags.config} differ`, 'The configuration is what the member runs with: correct it there');
    const { identity, members, ballast } = await initMember(config);
    const { clusterId, generation, memberId, name, machine } = identity;
    const findings: Finding[] = ballast === 'no-room' ? [finding('no-ballast', 'warn', `the disk of ${config.dataDir} has no room for a ballast of ${config.ballastBytes} bytes`, { fix: 'Free space before you start the member' })] : [];
    const start = commandLine('raft-inspector', 'node', 'start', '--config', flags.config);
    return {
      data: { clusterId, generation, memberId, name, machine, dataDir: config.dataDir, members: members?.map((one) => ({ ...one })) ?? null, ballastBytes: ballast === 'kept' ? config.ballastBytes : 0 },
      findings,
      next: [start],
      *screen(style) {
        yield `${style.strong('MADE')}  member ${memberId} of cluster ${clusterId}  ${config.dataDir}`;
        if (members === null) yield `  joins: start it, then add it at a running member: member add ${memberId} ${config.advertise}`;
        else for (const one of members) yield `  ${one.id}  ${one.address}  ${one.role}${one.id === memberId ? '  (this one)' : ''}`;
      },
    };
  }
}
