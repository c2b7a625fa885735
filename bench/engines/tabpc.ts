/** tabpc itself, through its command line: with the just-in-time compiler, and interpreter only. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Engine, GUEST_PROGRAMS } from './engine.ts'

const CLI = fileURLToPath(new URL('../../build/cli.js', import.meta.url))
const PACKAGE = new URL('../../package.json', import.meta.url)

function tabpcEngine(name: string, options: string[]): Engine {
  return {
    name,
    boots: true,
    unavailable: () => (existsSync(CLI) ? null : 'build/cli.js is missing: run `npm run build` first'),
    version: () => (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version,
    launch: guest => ({
      command: process.execPath,
      args: [
        ...[CLI, 'run', '--kernel', guest.kernel, '--initrd', guest.initrd, '--append', guest.append],
        ...['--memory', `${guest.memoryMiB}M`, '--serial', 'stdio', ...options]
      ],
      programs: GUEST_PROGRAMS
    })
  }
}

export const tabpc = tabpcEngine('tabpc', [])
export const tabpcInterpreter = tabpcEngine('tabpc-interpreter', ['--no-jit'])
