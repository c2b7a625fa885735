/**
 * Brings the firmware that comes with tabpc to build/firmware/: SeaBIOS and its VGA BIOS from the Debian package
 * `seabios` (LGPL 3; its licence comes along). `npm run firmware [-- --force] [-- --mirror URL]`
 */
import { copyFileSync, mkdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cacheDirectory } from './guest/cache.ts'
import { runCommand } from './guest/command-line.ts'
import { fetchGuestPackages } from './guest/fetch.ts'

const PACKAGE = 'seabios'
const FILES = [
  'usr/share/seabios/bios-256k.bin', 'usr/share/seabios/vgabios-stdvga.bin', `usr/share/doc/${PACKAGE}/copyright`,
]

await runCommand(async onProgress => {
  const { values } = parseArgs({ options: { force: { type: 'boolean' }, mirror: { type: 'string' } } })
  const packages = await fetchGuestPackages([PACKAGE], { cache: cacheDirectory(), onProgress, ...values })
  const directory = packages.get(PACKAGE)?.directory ?? ''
  const folder = fileURLToPath(new URL('../build/firmware/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  const copies = FILES.map(file => join(folder, basename(file)))
  FILES.forEach((file, i) => {
    copyFileSync(join(directory, file), copies[i])
  })
  return { results: copies, messages: [`${PACKAGE} ${packages.get(PACKAGE)?.version}`] }
})
