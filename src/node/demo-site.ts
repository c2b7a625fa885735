/**
 * Serves the demo site: its page (build/site), the browser's files (build/web) and the guests' images, which stay
 * where they are.
 *
 *   /  index.html app.js app.css …      /guests.json      /guests/<id>/<file> -> the file of the entry
 */
import { existsSync, statSync } from 'node:fs'
import { basename, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatOf } from '../devices/floppy/formats.ts'
import { PCError } from '../errors.ts'
import type { GuestEntry } from '../site/guests.ts'
import { type FileServer, isolationHeaders, startFileServer } from './file-server.ts'
import { fileProblem } from './files.ts'

/** The names under which an entry has files. */
const fileFields = ['kernel', 'initrd', 'cdrom', 'hda', 'fda'] as const
type FileField = (typeof fileFields)[number]

/** A guest whose files lie on this host: `files` has their paths. */
export interface LocalGuest extends Omit<GuestEntry, FileField> {
  readonly files: Readonly<Partial<Record<FileField, string>>>
}

const addressOf = (guest: LocalGuest, field: FileField): string =>
  `guests/${guest.id}/${encodeURIComponent(basename(guest.files[field] as string))}`

/** The entry as guests.json has it. */
export function entryOf(guest: LocalGuest): GuestEntry {
  const { files, ...entry } = guest
  const fields = fileFields.filter(field => files[field] !== undefined)
  const bytes = fields.reduce((sum, field) => sum + (statSync(files[field] as string, { throwIfNoEntry: false })?.size ?? 0), 0)
  return {
    ...entry, ...(bytes > 0 && { bytes }),
    ...Object.fromEntries(fields.map(field => [field, addressOf(guest, field)])),
  }
}

/** Paths below the site's root, and the files there. */
export function filesOf(guests: readonly LocalGuest[]): ReadonlyMap<string, string> {
  return new Map(guests.flatMap(guest => fileFields.flatMap(field => {
    const file = guest.files[field]
    return file === undefined ? [] : [[`/${decodeURIComponent(addressOf(guest, field))}`, file] as const]
  })))
}

/** A guest that boots an image of this host. Throws `PCError` 'bad-file'. */
export function guestOfImage(path: string, number: number): LocalGuest {
  let bytes: number
  try {
    bytes = statSync(path).size
  } catch (error) {
    throw fileProblem(error, 'the image', path)
  }
  const name = basename(path)
  const drive = /\.iso$/i.test(extname(path)) ? 'cdrom' : formatOf(bytes) ? 'fda' : 'hda'
  const what = { cdrom: 'CD-ROM', fda: 'Floppy disk', hda: 'Hard disk' }[drive]
  return {
    id: `image${number}`, name, about: `${what} image of this computer.`, memory: '512M', shows: 'screen', boot: drive,
    files: { [drive]: path }, preview: ['SeaBIOS', '', `Booting from ${what} …`, name],
  }
}

function folder(name: string): string {
  const found = [`./${name}`, `../../build/${name}`].map(path => fileURLToPath(new URL(path, import.meta.url)))
    .find(path => existsSync(path))
  if (!found) throw new PCError('assets', `build/${name} is missing`, 'build it with `npm run build`')
  return found
}

/** Where the browser's files lie: the bundles, core.wasm, the firmware. */
export const webFolder = (): string => folder('web')

export interface SiteOptions {
  readonly guests: readonly LocalGuest[]
  readonly port?: number
  readonly host?: string
  /** Send the headers that let the page share memory between threads. */
  readonly isolated: boolean
}

/** Starts the site. Breaks its promise with `PCError`: 'assets', or 'usage' for a port that is taken. */
export async function startDemoSite({ guests, port, host, isolated }: SiteOptions): Promise<FileServer> {
  const site = folder('site')
  const images = filesOf(guests)
  try {
    return await startFileServer({
      port, host, headers: isolated ? isolationHeaders : {},
      answer: path => {
        if (path === '/guests.json') return { body: JSON.stringify(guests.map(entryOf)), type: 'application/json' }
        const image = images.get(path)
        if (image !== undefined) return { file: image }
        if (path.includes('..') || path.includes('\0')) return undefined
        return { file: join(site, path === '/' ? 'index.html' : path) }
      },
    })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') throw error
    throw new PCError('usage', `port ${port} cannot be used (${String(error.code)})`, 'give another with --port')
  }
}
