/**
 * The strict reader of command-line options. Every option is in a table; whatever is not in it, comes twice, or lacks
 * its value is an error in one sentence with a way out. Values stay text: nothing is guessed to be a number.
 *
 *   --name value   --name=value   --flag   --optional[=value]
 */

import { PCError } from '../errors.ts'

/** One option. `flag` takes no value, `value` needs one, `optional` takes one only after '='. */
export interface OptionSpec {
  readonly name: string
  readonly kind: 'flag' | 'value' | 'optional'
  /** Placeholder of the value in the help: 'FILE'. */
  readonly placeholder?: string
  readonly help: string
}

/** What was given, by option name; a flag, or an optional without a value, is true. */
export type GivenOptions = ReadonlyMap<string, string | true>

/**
 * Reads `argv` (what follows the command's name) by the table `specs`.
 * Throws `PCError` 'usage'; `command` names the command in its hints.
 */
export function readOptions(argv: readonly string[], specs: readonly OptionSpec[], command: string): GivenOptions {
  const given = new Map<string, string | true>()
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index]
    if (argument === '-h') {
      given.set('help', true)
      continue
    }
    if (!argument.startsWith('--') || argument === '--') throw notAnOption(argument, specs, command)
    const equals = argument.indexOf('=')
    const name = argument.slice(2, equals < 0 ? undefined : equals)
    const spec = specs.find(candidate => candidate.name === name)
    if (!spec) throw unknownOption(name, specs, command)
    if (given.has(name)) throw new PCError('usage', `--${name} is given twice`, 'give it once')

    if (spec.kind === 'value' && equals < 0) {
      const next = argv[index + 1]
      if (next === undefined || isKnownOption(next, specs)) throw missingValue(spec)
      given.set(name, next)
      index++
    } else if (spec.kind === 'flag' && equals >= 0) {
      throw new PCError('usage', `--${name} takes no value`, `write just --${name}`)
    } else {
      given.set(name, equals < 0 ? true : argument.slice(equals + 1))
    }
  }
  return given
}

/** The word of `candidates` that `word` was probably meant to be, or undefined. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const [best] = candidates
    .map(candidate => ({ candidate, distance: editDistance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance)
  return best && best.distance <= Math.max(1, Math.floor(word.length / 3)) ? best.candidate : undefined
}

function isKnownOption(argument: string, specs: readonly OptionSpec[]): boolean {
  const name = /^--([^=]+)/.exec(argument)?.[1]
  return name !== undefined && specs.some(spec => spec.name === name)
}

function missingValue(spec: OptionSpec): PCError {
  const value = spec.placeholder ?? 'VALUE'
  return new PCError('usage', `--${spec.name} needs a value`, `write --${spec.name} ${value}`)
}

function unknownOption(name: string, specs: readonly OptionSpec[], command: string): PCError {
  const suggestion = nearest(
    name,
    specs.map(spec => spec.name),
  )
  return new PCError(
    'usage',
    `there is no option --${name}`,
    suggestion ? `did you mean --${suggestion}?` : `see ${command} --help`,
  )
}

function notAnOption(argument: string, specs: readonly OptionSpec[], command: string): PCError {
  const name = argument.replace(/^-/, '')
  if (argument.startsWith('-') && specs.some(spec => spec.name === name)) {
    return new PCError('usage', `there is no option ${argument}`, `options take two dashes: --${name}`)
  }
  if (argument.startsWith('-') && argument.length > 1) {
    return new PCError('usage', `there is no option ${argument}`, `see ${command} --help`)
  }
  return new PCError(
    'usage',
    `'${argument}' belongs to no option`,
    'put quotes around values with spaces, and an option such as --kernel before a file',
  )
}

/** Levenshtein's distance: the number of letters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    row = next
  }
  return row[b.length]
}
