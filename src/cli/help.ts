/** The pages of --help. */

import { ESCAPE_HELP } from '../node/terminal.ts'
import type { OptionSpec } from './options.ts'
import { runOptions } from './run-arguments.ts'
import { version } from './version.ts'

const COLUMN = 26

/** `tabpc --help`. */
export function mainHelp(): string {
  return `tabpc ${version}: an x86 PC that runs in WebAssembly

Usage: tabpc <command> [options]

Commands:
  run          boot a kernel in a PC on this terminal
  serve        the demo site in the browser, with the images that are given
  copy-assets  copy what a page fetches at run time into a folder

Options:
  --help       show this page; tabpc run --help shows the options of run
  --version    show the version

Example:
  tabpc run --kernel bzImage --initrd initrd.gz --append console=ttyS0
`
}

/** `tabpc run --help`. */
export function runHelp(): string {
  const groups = runOptions.map(({ heading, options }) => `${heading}:\n${options.map(optionLine).join('')}`)
  return `tabpc run: boot a kernel in a PC on this terminal

Usage: tabpc run --kernel FILE [options]

${groups.join('\n')}
At a terminal the keys go to the serial port of the guest, Ctrl-C too.
${ESCAPE_HELP}.
stdout is the guest's; messages of tabpc go to stderr.

Exit status:
  0     the guest powered off, --expect matched, or you left
  1     wrong usage or bad input; one line says what, and how to mend it
  3     triple fault: the guest crashed; registers and the last instructions follow
  124   --timeout is over
  128+n ended by signal n;  70  a fault in tabpc itself
  (v << 1) | 1 with --isa-debug-exit, when the guest writes v to port 0xF4

Examples:
  tabpc run --kernel bzImage --initrd initrd.gz --append 'console=ttyS0 quiet'
  tabpc run --kernel kernel.elf --expect 'all tests passed' --timeout 60 --stats run.json
`
}

function optionLine({ name, kind, placeholder, help }: OptionSpec): string {
  const value = kind === 'flag' ? '' : kind === 'optional' ? `[=${placeholder}]` : ` ${placeholder}`
  const [first, ...rest] = help.split('\n')
  const lines = [`  --${name}${value}`.padEnd(COLUMN) + first, ...rest.map(line => ' '.repeat(COLUMN) + line)]
  return `${lines.join('\n')}\n`
}
