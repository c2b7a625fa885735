/** Numbers on the command line of the tools: 500000, 500k, 5M, 1G. */
import { PCError } from '../../src/errors.ts'

const units: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9 }

/** The number that `text` writes. Throws `PCError` 'usage' when it is none. */
export function readCount(text: string, option: string): number {
  const match = /^(\d+)([kMG]?)$/.exec(text)
  if (!match) throw new PCError('usage', `--${option} cannot be '${text}'`, 'write a number, as 500000 or 5M')
  return Number(match[1]) * units[match[2]]
}
