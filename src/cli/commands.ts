/** The commands of `tabpc`, and what comes before them on the command line: --help and --version. */

import { PCError } from '../errors.ts'
import { copyAssetsCommand } from './copy-assets.ts'
import { mainHelp } from './help.ts'
import { nearest } from './options.ts'
import { type RunHost, runCommand } from './run.ts'
import { serveCommand } from './serve.ts'
import { version } from './version.ts'

type Command = (argv: readonly string[], host: RunHost) => Promise<number>

const commands: Readonly<Record<string, Command>> = {
  run: runCommand, serve: serveCommand, 'copy-assets': copyAssetsCommand,
}

/** Runs the command line `argv` (without node and the script); resolves to the exit status. Throws `PCError`. */
export async function runCommandLine(argv: readonly string[], host: RunHost): Promise<number> {
  const [name, ...rest] = argv
  if (name === undefined) {
    throw new PCError('usage', 'no command is given', 'try tabpc run --kernel FILE, or tabpc --help')
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    host.stdout.write(mainHelp())
    return 0
  }
  if (name === '--version' || name === '-V') {
    host.stdout.write(`tabpc ${version}\n`)
    return 0
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command) return await command(rest, host)
  if (name.startsWith('-')) {
    throw new PCError(
      'usage',
      `there is no option ${name} before a command`,
      'write tabpc run first, or see tabpc --help',
    )
  }
  const suggestion = nearest(name, Object.keys(commands))
  throw new PCError(
    'usage',
    `there is no command '${name}'`,
    suggestion ? `did you mean ${suggestion}?` : 'see tabpc --help',
  )
}
