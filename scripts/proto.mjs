// Writes the codecs of proto/ into src/engine/adapters/generated, offline: buf parses, ts-proto writes. `--out DIR` writes them
// elsewhere (the test that compares does so); `--baseline` makes the present schema the one that later changes are compared with:
// only for a release.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';

const root = path.resolve(import.meta.dirname, '..');

function buf(...args) {
  const done = spawnSync(process.execPath, [path.join(root, 'node_modules/@bufbuild/buf/bin/buf'), ...args], { cwd: root, stdio: 'inherit' });
  if (done.status !== 0) process.exit(done.status ?? 1);
}

if (process.argv.includes('--baseline')) {
  buf('build', 'proto', '-o', 'proto/baseline.binpb');
} else {
  const at = process.argv.indexOf('--out');
  const out = at < 0 ? path.join(root, 'src/engine/adapters/generated') : path.resolve(process.argv[at + 1]);
  fs.mkdirSync(out, { recursive: true });
  const opt = [
    'esModuleInterop=true',
    'importSuffix=.ts',
    'forceLong=number', // a counter past 2^53 - 1 is refused while decoding
    'useJsTypeOverride=true', // identities (jstype = JS_STRING) never pass through a double
    'oneof=unions-value',
    'outputServices=none',
    'outputJsonMethods=false',
    'outputPartialMethods=false',
    'env=browser', // bytes as views of the frame, not as copies
    'snakeToCamel=keys',
    'unrecognizedEnum=false',
    'annotateFilesWithVersion=false',
  ];
  const plugin = { local: [process.execPath, path.join(root, 'node_modules/ts-proto/protoc-gen-ts_proto')], out, opt };
  buf('generate', 'proto', '--template', JSON.stringify({ version: 'v2', clean: true, plugins: [plugin] }));
}
