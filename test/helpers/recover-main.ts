import { Config, settings } from '@oclif/core';

/** Runs one command from its source, as a child of a test: `node --import tsx recover-main.ts recover/pick <words>`. */
const [command = '', ...words] = process.argv.slice(2);
settings.enableAutoTranspile = false;
const root = new URL('../..', import.meta.url);
const { default: Class } = (await import(new URL(`src/commands/${command}.ts`, root).href)) as { default: { id: string; run(argv: string[], config: Config): Promise<unknown> } };
const config = await Config.load({ root: root.pathname });
Class.id = command.replaceAll('/', ':');
await Class.run(words, config);
