/**
 * The process in which tabpc runs with its compiler: the command line as it is, except that hot code is compiled
 * unless the arguments say no. Bundled and started by tabpc.ts.
 */
import { runCommandLine } from '../../src/cli/commands.ts'
import { runInProcess } from '../../src/cli/process-host.ts'
import { createMachine } from '../../src/node/machine.ts'

await runInProcess(
  host => runCommandLine(process.argv.slice(2), host),
  async options => createMachine({ ...options, jit: options.jit ?? true })
)
