/**
 * What Debian's indexes say about packages: stanzas of `Field: value` lines, as in Packages files, Release files
 * and the output of `apt-cache show`.
 * Flow: index text -> PackageRecord -> download, checked against its SHA-256.
 * Source: Debian policy chapter 5 (control files) and the Debian repository format.
 */

import { PCError } from '../../src/errors.ts'

export interface PackageRecord {
  name: string
  version: string
  architecture: string
  /** Path of the package below the mirror. */
  filename: string
  /** Size of the package file in bytes. */
  bytes: number
  sha256: string
  /** Depends, split at commas; alternatives stay together. */
  depends: string[]
}

/** Where packages come from. */
export interface PackageSource {
  /** The record of a package, of one version where given, or undefined when no index has it. */
  find(name: string, version?: string): Promise<PackageRecord | undefined>
  /** Fetches the package file into `path`, reporting the bytes so far. The caller checks the hash. */
  download(record: PackageRecord, path: string, onBytes: (bytes: number) => void): Promise<void>
}

/** Fields of one stanza by lower-case name; continuation lines are joined with newlines. */
export function parseStanza(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  let current = ''
  for (const line of text.split('\n')) {
    if (/^[ \t]/.test(line)) {
      if (current) fields.set(current, `${fields.get(current)}\n${line.trim()}`)
      continue
    }
    const colon = line.indexOf(':')
    if (colon <= 0) continue
    current = line.slice(0, colon).toLowerCase()
    fields.set(current, line.slice(colon + 1).trim())
  }
  return fields
}

/** The record of one Packages stanza. Throws PCError('no-guest') when a field that a download needs is missing. */
export function packageRecord(stanza: string): PackageRecord {
  const fields = parseStanza(stanza)
  const field = (name: string): string => {
    const value = fields.get(name)
    if (value) return value
    throw new PCError(
      'no-guest',
      `the package index gives no ${name} for ${fields.get('package') ?? 'a package'}`,
      'Use a complete Debian mirror.',
    )
  }
  const bytes = Number(field('size'))
  const sha256 = field('sha256').toLowerCase()
  if (!Number.isSafeInteger(bytes) || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new PCError('no-guest', `the package index is damaged at ${field('package')}`, 'Use another Debian mirror.')
  }
  return {
    name: field('package'),
    version: field('version'),
    architecture: field('architecture'),
    filename: field('filename'),
    bytes,
    sha256,
    depends: (fields.get('depends') ?? '')
      .split(',')
      .map(item => item.trim())
      .filter(Boolean),
  }
}

/**
 * Finds a package in the text of a Packages file without parsing the other 60,000 stanzas.
 * Of several versions it takes the given one, or else the highest.
 */
export function findInIndex(index: string, name: string, version?: string): PackageRecord | undefined {
  const heading = `Package: ${name}\n`
  let found: PackageRecord | undefined
  for (let at = index.indexOf(heading); at >= 0; at = index.indexOf(heading, at + heading.length)) {
    if (at > 0 && index[at - 1] !== '\n') continue
    const end = index.indexOf('\n\n', at)
    const record = packageRecord(index.slice(at, end < 0 ? undefined : end))
    if (version !== undefined && record.version !== version) continue
    if (!found || compareVersions(record.version, found.version) > 0) found = record
  }
  return found
}

/** The first dependency whose name matches, with its version when the relation is exact: `name (= version)`. */
export function findDependency(record: PackageRecord, name: RegExp): { name: string; version?: string } | undefined {
  for (const relation of record.depends) {
    const parts = /^(\S+)\s*(?:\(\s*(\S+)\s+([^)\s]+)\s*\))?/.exec(relation)
    if (parts && name.test(parts[1])) return { name: parts[1], version: parts[2] === '=' ? parts[3] : undefined }
  }
  return undefined
}

/** Orders Debian versions: negative, zero or positive (deb-version(7)). */
export function compareVersions(left: string, right: string): number {
  const split = (version: string): [number, string, string] => {
    const colon = version.indexOf(':')
    const rest = version.slice(colon + 1)
    const dash = rest.lastIndexOf('-')
    const epoch = colon < 0 ? 0 : Number(version.slice(0, colon))
    return dash < 0 ? [epoch, rest, ''] : [epoch, rest.slice(0, dash), rest.slice(dash + 1)]
  }
  const [leftEpoch, leftUpstream, leftRevision] = split(left)
  const [rightEpoch, rightUpstream, rightRevision] = split(right)
  return (
    leftEpoch - rightEpoch || compareParts(leftUpstream, rightUpstream) || compareParts(leftRevision, rightRevision)
  )
}

/** Alternates between non-digits (letters before others, '~' before the end) and numbers. */
function compareParts(left: string, right: string): number {
  let [leftRest, rightRest] = [left, right]
  while (leftRest !== '' || rightRest !== '') {
    const leftText = /^\D*/.exec(leftRest)?.[0] ?? ''
    const rightText = /^\D*/.exec(rightRest)?.[0] ?? ''
    for (let index = 0; index < Math.max(leftText.length, rightText.length); index++) {
      const difference = rank(leftText[index]) - rank(rightText[index])
      if (difference !== 0) return difference
    }
    leftRest = leftRest.slice(leftText.length)
    rightRest = rightRest.slice(rightText.length)
    const leftDigits = /^\d*/.exec(leftRest)?.[0] ?? ''
    const rightDigits = /^\d*/.exec(rightRest)?.[0] ?? ''
    const difference = Number(leftDigits) - Number(rightDigits)
    if (difference !== 0) return difference
    leftRest = leftRest.slice(leftDigits.length)
    rightRest = rightRest.slice(rightDigits.length)
  }
  return 0
}

function rank(character: string | undefined): number {
  const afterLetters = 0x100
  if (character === undefined) return 0
  if (character === '~') return -1
  return character.charCodeAt(0) + (/[A-Za-z]/.test(character) ? 0 : afterLetters)
}
