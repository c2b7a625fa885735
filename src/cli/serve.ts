/** `tabpc serve [images…]`: the demo site on this host, with the given images in its gallery. */
import { PCError } from '../errors.ts'
import { guestOfImage, type LocalGuest, startDemoSite } from '../node/demo-site.ts'
import type { FileServer } from '../node/file-server.ts'
import { type OptionSpec, readOptions } from './options.ts'
import type { RunHost } from './run.ts'

const DEFAULT_PORT = 8080
const MOST_PORT = 65535

export const serveOptions: readonly OptionSpec[] = [
  { name: 'port', kind: 'value', placeholder: 'N', help: `port to listen on (default ${DEFAULT_PORT}; 0: any that is free)` },
  { name: 'host', kind: 'value', placeholder: 'ADDRESS', help: 'address to listen on (default 127.0.0.1: this computer only)' },
  { name: 'no-isolation', kind: 'flag', help: 'leave out the headers that let the page share memory between threads' },
  { name: 'help', kind: 'flag', help: 'show this page' },
]

export interface ServeArguments {
  readonly port: number
  readonly host?: string
  readonly isolated: boolean
  readonly images: readonly string[]
}

/** Reads what follows `serve`. Throws `PCError` 'usage'. */
export function parseServeArguments(argv: readonly string[]): ServeArguments | 'help' {
  const images: string[] = []
  const options: string[] = []
  for (let i = 0; i < argv.length; i++) {
    if (!argv[i].startsWith('-')) images.push(argv[i])
    else {
      options.push(argv[i])
      const takesNext = serveOptions.some(({ name, kind }) => kind === 'value' && argv[i] === `--${name}`)
      if (takesNext && i + 1 < argv.length) options.push(argv[++i])
    }
  }
  const given = readOptions(options, serveOptions, 'tabpc serve')
  if (given.has('help')) return 'help'
  const port = Number(given.get('port') ?? DEFAULT_PORT)
  if (!Number.isInteger(port) || port < 0 || port > MOST_PORT)
    throw new PCError('usage', `--port ${String(given.get('port'))} is no port`, `give a number up to ${MOST_PORT}`)
  return { port, host: given.get('host') as string | undefined, isolated: !given.has('no-isolation'), images }
}

export function serveHelp(): string {
  const lines = serveOptions.map(({ name, placeholder, help }) => `  ${`--${name}${placeholder ? ` ${placeholder}` : ''}`.padEnd(24)}${help}\n`)
  return `tabpc serve: the demo site on this computer, for the browser

Usage: tabpc serve [options] [IMAGE...]

Each IMAGE (an ISO, a floppy or hard disk image) becomes a guest of the gallery; others can be dropped on the page.

${lines.join('')}`
}

/** Serves until a signal comes, or until `stop` is called (for programs around it). */
export async function serve(
  args: ServeArguments, guests: readonly LocalGuest[], host: Pick<RunHost, 'stderr'>,
): Promise<FileServer> {
  const all = [...args.images.map((path, i) => guestOfImage(path, i + 1)), ...guests]
  const server = await startDemoSite({ guests: all, port: args.port, host: args.host, isolated: args.isolated })
  host.stderr.write(`tabpc: ${server.origin}/ (Ctrl-C ends it)\n`)
  return server
}

/** `tabpc serve` with `argv`; resolves to the exit status after SIGINT or SIGTERM. */
export async function serveCommand(
  argv: readonly string[], host: RunHost, guests: readonly LocalGuest[] = [],
): Promise<number> {
  const args = parseServeArguments(argv)
  if (args === 'help') {
    host.stdout.write(serveHelp())
    return 0
  }
  const server = await serve(args, guests, host)
  await new Promise<void>(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) host.process.on(signal, () => resolve())
  })
  await server.close()
  return 0
}
