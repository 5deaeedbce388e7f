import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Config, settings } from '@oclif/core';
import { ROOT } from './run-cli.ts';

/** Runs one command from its source, without a build: `node --import tsx source-cli.ts node start --config ...`. */
export const SOURCE_PROGRAM: readonly [string, ...string[]] = [process.execPath, '--import', path.join(ROOT, 'node_modules/tsx/dist/loader.mjs'), path.join(ROOT, 'test/helpers/source-cli.ts')];

interface Runnable {
  id: string;
  run(argv: string[], config: Config): Promise<unknown>;
}

async function main(topic: string, verb: string, argv: string[]): Promise<void> {
  settings.enableAutoTranspile = false;
  const config = await Config.load({ root: ROOT, userPlugins: false, devPlugins: false });
  const { default: command } = (await import(path.join(ROOT, 'src/commands', topic, `${verb}.ts`))) as { default: Runnable };
  command.id = `${topic}:${verb}`;
  await command.run(argv, config);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main(process.argv[2] ?? '', process.argv[3] ?? '', process.argv.slice(4));
