/** The gallery's list: guests.json, which `tabpc serve` and `npm run web` write, and what boots from an address. */
import type { DiskSource } from '../pc/disk-source.ts'
import type { DriveName, PCOptions } from '../pc/options.ts'
import { disk } from '../web/index.ts'

/** A guest as guests.json describes it; addresses are relative to the site. */
export interface GuestEntry {
  readonly id: string
  readonly name: string
  readonly about: string
  readonly memory?: string
  readonly kernel?: string
  readonly initrd?: string
  readonly cmdline?: string
  readonly cdrom?: string
  readonly hda?: string
  readonly fda?: string
  readonly boot?: 'hda' | 'cdrom' | 'fda'
  /** Where the guest shows itself first. */
  readonly shows: 'serial' | 'screen'
  /** Lines of its card, and their colours. */
  readonly preview?: readonly string[]
  readonly colors?: readonly [paper: string, ink: string]
  /** What is fetched, in bytes. */
  readonly bytes?: number
  /** How to get it when it is not there. */
  readonly missing?: string
}

/** A guest that can be started. */
export interface Guest {
  readonly name: string
  readonly shows: 'serial' | 'screen'
  readonly options: PCOptions
  /** It goes on where it was; this is the last of what it has said on COM1 before, if anybody knows. */
  readonly resumed?: { readonly said?: string }
  /** Parameters of an address that starts it again; absent for files of this computer. */
  readonly parameters?: Readonly<Record<string, string>>
  /** The same, of an address that only this browser understands. */
  readonly local?: Readonly<Record<string, string>>
}

const addressed = ['cdrom', 'hda', 'fda'] as const

/** Reads guests.json; an empty list when there is none. */
export async function fetchGuests(): Promise<readonly GuestEntry[]> {
  const response = await fetch('guests.json').catch(() => undefined)
  if (!response?.ok) return []
  return (await response.json()) as readonly GuestEntry[]
}

/** The options that an entry, or the parameters of an address, stand for. */
function optionsOf(entry: Partial<GuestEntry>): PCOptions {
  const disks: Partial<Record<DriveName, DiskSource | null>> = { cdrom: null }
  for (const drive of addressed) {
    const url = entry[drive]
    if (url) disks[drive] = drive === 'fda' ? disk.download(url) : disk.http(url)
  }
  const { memory = '256M', kernel, initrd, cmdline } = entry
  const boot = entry.boot ?? addressed.find(drive => entry[drive])
  return { memory, disks, ...(kernel ? { boot: { kernel, initrd, cmdline } } : boot && { boot: { drive: boot } }) }
}

export function guestOf(entry: GuestEntry): Guest {
  return { name: entry.name, shows: entry.shows, options: optionsOf(entry), parameters: { guest: entry.id } }
}

/** A saved PC that goes on. */
export function savedGuest(name: string, shows: Guest['shows'], state: Blob, said?: string): Guest {
  return { name, shows, options: { state }, resumed: { said } }
}

/** The guest that the address of the page asks for, if any. */
export function guestOfAddress(parameters: URLSearchParams, entries: readonly GuestEntry[]): Guest | undefined {
  const id = parameters.get('guest')
  const known = entries.find(entry => entry.id === id && !entry.missing)
  if (known) return guestOf({ ...known, memory: parameters.get('memory') ?? known.memory })
  const names = ['kernel', 'initrd', 'cmdline', 'cdrom', 'hda', 'fda', 'memory', 'boot', 'name'] as const
  const given = Object.fromEntries(names.flatMap(name => {
    const value = parameters.get(name)
    return value ? [[name, value]] : []
  })) as Partial<Record<(typeof names)[number], string>>
  const image = given.kernel ?? given.cdrom ?? given.hda ?? given.fda
  if (!image) return undefined
  return {
    name: given.name ?? image.split('/').pop() ?? image,
    shows: given.kernel && /ttyS0/.test(given.cmdline ?? '') ? 'serial' : 'screen',
    options: optionsOf(given as Partial<GuestEntry>),
    parameters: given as Record<string, string>,
  }
}
