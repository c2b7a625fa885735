/**
 * `npm start`: builds the Linux guest (or finds it in the cache) and runs it on this terminal.
 * What follows `npm start --` goes to `tabpc run`; --kernel there replaces the guest, --append its command line.
 */

import { parseRunArguments } from '../src/cli/run-arguments.ts'
import { runInProcess } from '../src/cli/process-host.ts'
import { runCommand, type RunHost } from '../src/cli/run.ts'
import { createMachine } from '../src/node/machine.ts'
import { ESCAPE_HELP } from '../src/node/terminal.ts'
import { buildGuest } from './guest/build-guest.ts'
import { cacheDirectory } from './guest/cache.ts'
import { createProgressReporter } from './guest/progress.ts'

/**
 * The guest's console is the serial port. The rest leaves out what only costs time here: guards of a real CPU against
 * side channels, the kernel's self-tests of its ciphers, the search for ISA plug-and-play cards, a random load address.
 */
const COMMAND_LINE = 'console=ttyS0 mitigations=off cryptomgr.notests noisapnp nokaslr'

const extra = process.argv.slice(2)

await runInProcess(start, async options => createMachine(options))

async function start(host: RunHost): Promise<number> {
  const isGiven = (name: string) =>
    extra.some(argument => argument === `--${name}` || argument.startsWith(`--${name}=`))
  if (isGiven('help') || isGiven('kernel')) return await runCommand(extra, host)
  const append = isGiven('append') ? [] : ['--append', COMMAND_LINE]
  // Wrong options are told before the guest is fetched, not after.
  parseRunArguments(['--kernel', 'guest', ...append, ...extra])

  const { onProgress, finish } = createProgressReporter(process.stderr)
  const guest = await buildGuest({ cache: cacheDirectory(), onProgress }).finally(finish)
  const initrd = isGiven('initrd') ? [] : ['--initrd', guest.initrd]
  process.stderr.write(`tabpc: ${guest.version}; ${ESCAPE_HELP}\n`)
  return await runCommand(['--kernel', guest.kernel, ...initrd, ...append, ...extra], host)
}
