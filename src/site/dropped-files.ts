/** What files that a person drops are: told by their first bytes and their size. */
import { formatOf } from '../devices/floppy/formats.ts'
import type { DiskSource } from '../pc/disk-source.ts'
import type { DriveName } from '../pc/options.ts'
import { type Guest, savedGuest } from './guests.ts'

type Kind = 'state' | 'kernel' | 'initrd' | 'cdrom' | 'fda' | 'hda'

const HEAD_BYTES = 34 << 10
/** 'HdrS', the magic number of the Linux boot protocol, and its place. */
const LINUX_MAGIC = { at: 0x202, text: 'HdrS' }
/** Standard identifier of the first volume descriptor of ISO 9660. */
const ISO_MAGIC = { at: 0x8001, text: 'CD001' }
/** First bytes of a saved PC (src/state/state-file.ts). */
const STATE_MAGIC = 'tabpc\r\n\x1a'
const compressed = ['\x1f\x8b', '\xfd7zXZ', '\x28\xb5\x2f\xfd', '070701']

const memoryFor = (bytes: number): string => (bytes > 40 << 20 ? '768M' : '256M')

async function kindOf(file: File): Promise<Kind> {
  const head = String.fromCharCode(...new Uint8Array(await file.slice(0, 0x300).arrayBuffer()))
  if (head.startsWith(STATE_MAGIC)) return 'state'
  if (head.startsWith('\x7fELF') || head.startsWith(LINUX_MAGIC.text, LINUX_MAGIC.at)) return 'kernel'
  if (compressed.some(start => head.startsWith(start))) return 'initrd'
  const descriptor = new TextDecoder('latin1').decode(await file.slice(ISO_MAGIC.at, HEAD_BYTES).arrayBuffer())
  if (descriptor.startsWith(ISO_MAGIC.text)) return 'cdrom'
  return formatOf(file.size) ? 'fda' : 'hda'
}

function imagesOf(found: Partial<Record<Kind, File>>): Partial<Record<DriveName, DiskSource>> {
  const disks: Partial<Record<DriveName, DiskSource>> = {}
  for (const drive of ['cdrom', 'hda', 'fda'] as const) if (found[drive]) disks[drive] = found[drive]
  return disks
}

/** A guest of the files. Throws Error with a sentence for people. */
export async function guestOfFiles(files: readonly File[]): Promise<Guest> {
  const found: Partial<Record<Kind, File>> = {}
  for (const file of files) {
    const kind = await kindOf(file)
    if (found[kind]) throw new Error(`Both ${found[kind].name} and ${file.name} look like the same kind of image; drop one of them.`)
    found[kind] = file
  }
  const { state, kernel, initrd } = found
  if (state) return { ...savedGuest(state.name.replace(/\.tabpc$/, ''), 'serial', state), options: { state, disks: imagesOf(found) } }
  if (initrd && !kernel) throw new Error(`${initrd.name} is compressed: unpack it first, or drop it together with its kernel.`)
  const disks = { cdrom: null, ...imagesOf(found) }
  const drive = (['cdrom', 'fda', 'hda'] as const).find(name => found[name])
  const largest = Math.max(...files.map(file => file.size))
  return {
    name: files.map(file => file.name).join(' + '),
    shows: kernel ? 'serial' : 'screen',
    options: {
      memory: kernel || drive === 'cdrom' ? memoryFor(largest) : '256M',
      disks,
      ...(kernel ? { boot: { kernel, initrd, cmdline: 'console=tty0 console=ttyS0' } } : drive && { boot: { drive } }),
    },
  }
}
