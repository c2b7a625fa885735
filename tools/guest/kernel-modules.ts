/**
 * Which kernel modules the guest carries, and in which order they load.
 * Flow: .ko files of the kernel package -> their .modinfo sections -> closure of what is wanted, dependencies first
 * -> modules.dep, modules.alias and load-order in the initramfs.
 * Source: Linux kernel/module (the .modinfo section is a list of NUL-terminated key=value strings), depmod(8),
 * modules.dep(5), modprobe.d(5) for soft dependencies; ELF32 section headers from the System V ABI.
 */

import { PCError } from '../../src/errors.ts'

export interface ModuleInfo {
  /** Name with underscores, as lsmod prints it. */
  name: string
  /** Path below /lib/modules/<version>/, without compression suffix. */
  path: string
  /** Names that must be loaded before (depends= and soft pre-dependencies). */
  depends: string[]
  /** Soft pre-dependencies, which may be aliases; missing ones are no error. */
  softDepends: string[]
  aliases: string[]
}

const ELF_MAGIC = 0x464c457f
const ELF_CLASS_OFFSET = 4
const ELF_CLASS_32 = 1
const SECTION_TABLE_OFFSET = 0x20
const SECTION_ENTRY_BYTES_OFFSET = 0x2e
const SECTION_COUNT_OFFSET = 0x30
const SECTION_NAMES_INDEX_OFFSET = 0x32
/** Offsets inside an Elf32_Shdr. */
const SECTION_NAME = 0x00
const SECTION_FILE_OFFSET = 0x10
const SECTION_BYTES = 0x14
const MODINFO_SECTION = '.modinfo'

/** Module names treat '-' and '_' alike. */
export function moduleName(nameOrPath: string): string {
  return nameOrPath
    .replace(/^.*\//, '')
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_')
}

/** Key=value pairs of the .modinfo section of a 32-bit ELF module. Throws PCError('bad-file'). */
export function readModinfo(elf: Uint8Array, path: string): [string, string][] {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength)
  const damaged = new PCError('bad-file', `${path} is not a 32-bit kernel module`, 'Use modules of an i386 kernel.')
  try {
    if (view.getUint32(0, true) !== ELF_MAGIC || view.getUint8(ELF_CLASS_OFFSET) !== ELF_CLASS_32) throw damaged
    const table = view.getUint32(SECTION_TABLE_OFFSET, true)
    const entryBytes = view.getUint16(SECTION_ENTRY_BYTES_OFFSET, true)
    const count = view.getUint16(SECTION_COUNT_OFFSET, true)
    const namesHeader = table + view.getUint16(SECTION_NAMES_INDEX_OFFSET, true) * entryBytes
    const names = view.getUint32(namesHeader + SECTION_FILE_OFFSET, true)
    for (let index = 0; index < count; index++) {
      const header = table + index * entryBytes
      if (!startsWith(elf, names + view.getUint32(header + SECTION_NAME, true), `${MODINFO_SECTION}\0`)) continue
      const start = view.getUint32(header + SECTION_FILE_OFFSET, true)
      return modinfoPairs(elf.subarray(start, start + view.getUint32(header + SECTION_BYTES, true)))
    }
    return []
  } catch (error) {
    throw error instanceof RangeError ? damaged : error
  }
}

function startsWith(bytes: Uint8Array, offset: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (bytes[offset + index] !== text.charCodeAt(index)) return false
  }
  return true
}

function modinfoPairs(section: Uint8Array): [string, string][] {
  const pairs: [string, string][] = []
  for (const text of new TextDecoder('latin1').decode(section).split('\0')) {
    const equals = text.indexOf('=')
    if (equals > 0) pairs.push([text.slice(0, equals), text.slice(equals + 1)])
  }
  return pairs
}

/** What a module says about itself. `path` is below /lib/modules/<version>/. */
export function moduleInfo(elf: Uint8Array, path: string): ModuleInfo {
  const info: ModuleInfo = { name: moduleName(path), path, depends: [], softDepends: [], aliases: [] }
  for (const [key, value] of readModinfo(elf, path)) {
    if (key === 'depends') info.depends.push(...value.split(',').filter(Boolean).map(moduleName))
    if (key === 'alias') info.aliases.push(value)
    if (key === 'softdep') info.softDepends.push(...softPreDependencies(value))
  }
  return info
}

/** `pre: a b post: c` => [a, b]; names without a heading count for neither. */
function softPreDependencies(text: string): string[] {
  const names: string[] = []
  let before = false
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (word.endsWith(':')) before = word === 'pre:'
    else if (before) names.push(word)
  }
  return names
}

/** Names of the modules that are linked into the kernel, from the text of modules.builtin. */
export function builtinNames(modulesBuiltin: string): Set<string> {
  return new Set(modulesBuiltin.split('\n').filter(Boolean).map(moduleName))
}

/**
 * Closure of `wanted` over dependencies, each module behind everything it needs.
 * Names that are built in are left out. Throws PCError('no-guest') for a wanted name or hard dependency that does not
 * exist, and for a dependency cycle.
 */
export function loadOrder(
  wanted: readonly string[],
  all: readonly ModuleInfo[],
  builtin: ReadonlySet<string>,
): ModuleInfo[] {
  const byName = new Map(all.map(info => [info.name, info]))
  const byAlias = new Map<string, ModuleInfo>()
  for (const info of all) {
    for (const alias of info.aliases) {
      // Several modules may serve one alias: the generic one runs on every CPU, the others need CPU extensions.
      if (!byAlias.has(alias) || info.name.endsWith('_generic')) byAlias.set(alias, info)
    }
  }
  const order: ModuleInfo[] = []
  const done = new Set<ModuleInfo>()
  const path: ModuleInfo[] = []
  const visit = (info: ModuleInfo): void => {
    if (done.has(info)) return
    if (path.includes(info)) {
      const cycle = [...path.slice(path.indexOf(info)), info].map(({ name }) => name).join(' -> ')
      throw new PCError('no-guest', `kernel modules need each other: ${cycle}`, 'Use the modules of one whole kernel.')
    }
    path.push(info)
    for (const name of info.depends) {
      if (!builtin.has(name)) visit(required(byName.get(name), name, `module ${info.name} needs`))
    }
    for (const name of info.softDepends) {
      const found = byName.get(moduleName(name)) ?? byAlias.get(name)
      if (found && !path.includes(found)) visit(found)
    }
    path.pop()
    done.add(info)
    order.push(info)
  }
  for (const name of wanted.map(moduleName)) {
    if (!builtin.has(name)) visit(required(byName.get(name), name, 'the guest wants'))
  }
  return order
}

function required(info: ModuleInfo | undefined, name: string, who: string): ModuleInfo {
  if (info) return info
  throw new PCError(
    'no-guest',
    `${who} ${name}, which this kernel does not have`,
    'Use the modules of one whole kernel.',
  )
}

/** modules.dep: each module with everything that has to be loaded before it, nearest first, as modprobe wants it. */
export function modulesDep(order: readonly ModuleInfo[]): string {
  const byName = new Map(order.map(info => [info.name, info]))
  const byAlias = new Map(order.flatMap(info => info.aliases.map(alias => [alias, info] as const)))
  const needs = (info: ModuleInfo, found: Set<ModuleInfo>): Set<ModuleInfo> => {
    const direct = [
      ...info.depends.map(name => byName.get(name)),
      ...info.softDepends.map(name => byName.get(moduleName(name)) ?? byAlias.get(name)),
    ]
    for (const module of direct) {
      if (!module || module === info || found.has(module)) continue
      found.add(module)
      needs(module, found)
    }
    return found
  }
  const position = new Map(order.map((info, index) => [info, index]))
  return order
    .map(info => {
      const before = [...needs(info, new Set())].filter(module => module !== info)
      before.sort((left, right) => (position.get(right) ?? 0) - (position.get(left) ?? 0))
      return `${info.path}:${before.map(({ path }) => ` ${path}`).join('')}\n`
    })
    .join('')
}

/** modules.alias: lets the kernel and modprobe find a module by device or algorithm. */
export function modulesAlias(order: readonly ModuleInfo[]): string {
  return order.flatMap(({ name, aliases }) => aliases.map(alias => `alias ${alias} ${name}\n`)).join('')
}
