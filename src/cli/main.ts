#!/usr/bin/env node
/** The `tabpc` program: connects the commands to this process. */

import { createMachine } from '../node/machine.ts'
import { runCommandLine } from './commands.ts'
import { runInProcess } from './process-host.ts'

await runInProcess(host => runCommandLine(process.argv.slice(2), host), async options => createMachine(options))
