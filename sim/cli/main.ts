#!/usr/bin/env node
import '../compiler.js'
import { main } from './program.js'

// `cimulator … | head` closes stdout early: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 70))

process.exitCode = await main(process.argv.slice(2))
