// Generates models/nn/proto/onnx.js and onnx.d.ts from the subset .proto (or, with --out DIR, into another folder for comparison).
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const at = process.argv.indexOf('--out')
const out = at < 0 ? join(root, 'models/nn/proto') : process.argv[at + 1]
const flags = ['-t', 'static-module', '-w', 'esm', '--dts', '--dependency', 'protobufjs/minimal.js', '--keep-case']
const skip = ['--no-service', '--no-verify', '--no-typeurl', '--no-delimited', '--no-create', '--no-convert']
const pbjs = join(root, 'node_modules/protobufjs-cli/bin/pbjs')
const argv = [pbjs, ...flags, ...skip, '-o', join(out, 'onnx.js'), join(root, 'models/nn/proto/onnx-subset.proto')]
process.exit(spawnSync(process.execPath, argv, { stdio: 'inherit' }).status ?? 1)
