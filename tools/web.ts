/**
 * `npm run web [-- options] [images…]`: the demo site with the guests of the cache: Debian (built when it is not
 * there), and memtest, invaders and the installer when their packages have been fetched.
 *
 *   --fetch      fetch those packages too      --out DIR    write a site for any web server, and end
 * Other options are those of `tabpc serve`.
 */
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runInProcess } from '../src/cli/process-host.ts'
import { serveCommand } from '../src/cli/serve.ts'
import { PCError } from '../src/errors.ts'
import { entryOf, filesOf, type LocalGuest } from '../src/node/demo-site.ts'
import { createMachine } from '../src/node/machine.ts'
import { buildGuest } from './guest/build-guest.ts'
import { cacheDirectory } from './guest/cache.ts'
import { fetchGuestPackages } from './guest/fetch.ts'
import { createProgressReporter } from './guest/progress.ts'

const site = fileURLToPath(new URL('../build/site', import.meta.url))
const INSTALLER = 'debian-installer-12-netboot-i386'
const INSTALLER_FILES = 'usr/lib/debian-installer/images/12/i386'
const packageNames = ['memtest86+', 'grub-invaders', INSTALLER]

/** A guest from a package, or an entry that says how to get it. */
function packaged(name: string, guest: Omit<LocalGuest, 'files'>, files: LocalGuest['files']): LocalGuest {
  const folder = join(cacheDirectory(), 'guests', name)
  const paths = Object.fromEntries(Object.entries(files).map(([field, path]) => [field, join(folder, path)]))
  if (Object.values(paths).every(path => existsSync(path))) return { ...guest, files: paths }
  return { ...guest, files: {}, missing: 'npm run web -- --fetch' }
}

function packagedGuests(): LocalGuest[] {
  const installer = (kind: 'text' | 'gtk') => ({
    kernel: `${INSTALLER_FILES}/${kind}/debian-installer/i386/linux`, initrd: `${INSTALLER_FILES}/${kind}/debian-installer/i386/initrd.gz`,
  })
  return [
    packaged('grub-invaders', {
      id: 'invaders', name: 'Invaders', about: 'A space invaders clone that needs no operating system: arrow keys and Ctrl.',
      memory: '16M', shows: 'screen', colors: ['#05060c', '#7ee787'],
      preview: ['   ▄▀▄     ▄▀▄     ▄▀▄', '  ▟█▀█▙   ▟█▀█▙   ▟█▀█▙', '   ▘ ▝     ▘ ▝     ▘ ▝', '', '            ╵', '', '        ▟▙', '  ▄▄   ▟██▙    ▄▄   '],
    }, { kernel: 'boot/invaders.exec' }),
    packaged('memtest86+', {
      id: 'memtest', name: 'Memtest86+', about: 'Tests the memory of a PC that has none but what this tab gives it.',
      memory: '64M', shows: 'screen', colors: ['#00109c', '#d7dcff'],
      preview: ['Memtest86+ v6.10      | i686', '-----------------------------', 'CLK/Temp :  1000 MHz', 'Pass  2% #', 'Test 34% ############', 'Test #3  [Moving inversions]', 'Testing: 1MB - 63MB'],
    }, { kernel: 'boot/memtest86+ia32.bin' }),
    packaged(INSTALLER, {
      id: 'installer', name: 'Debian installer', about: 'The text installer of Debian 12, up to the disk and the network card it will ask for.',
      memory: '512M', shows: 'screen', cmdline: 'vga=normal fb=false modprobe.blacklist=bochs mitigations=off', colors: ['#1a1fa8', '#f2f2f2'],
      preview: ['┌─── [!!] Select a language ──┐', '│                             │', '│  C                          │', '│  Albanian                   │', '│ >English                  < │', '│  Esperanto                  │', '│    <Go Back>                │', '└─────────────────────────────┘'],
    }, installer('text')),
    packaged(INSTALLER, {
      id: 'installer-gtk', name: 'Debian installer, graphical', about: 'The same with windows: a frame buffer, a mouse, and a minute or two of patience.',
      memory: '768M', shows: 'screen', cmdline: 'mitigations=off', colors: ['#f3f3f4', '#30333a'],
      preview: ['┌─────────────────────────────┐', '│ debian ◉            12      │', '├─────────────────────────────┤', '│ Select a language           │', '│ ▓▓ English        ▓▓▓▓▓▓▓▓▓ │', '│    Español                  │', '│    Esperanto      [Continue]│', '└─────────────────────────────┘'],
    }, installer('gtk')),
  ]
}

async function debian(): Promise<LocalGuest> {
  const { onProgress, finish } = createProgressReporter(process.stderr)
  const { kernel, initrd } = await buildGuest({ cache: cacheDirectory(), onProgress }).finally(finish)
  return {
    id: 'debian', name: 'Debian Linux', about: "Debian's own kernel and a busybox shell, in about five seconds.", memory: '256M', shows: 'serial',
    cmdline: 'console=tty0 console=ttyS0 mitigations=off cryptomgr.notests noisapnp nokaslr', files: { kernel, initrd },
    preview: ['[    0.000000] Linux version 6.1', '[    0.412208] smpboot: CPU0', '[    1.802655] Run /init', '', 'GUEST-READY kernel=6.1.0-50-686', 'root@tabpc:~# uname -sm', 'Linux i686', 'root@tabpc:~# '],
  }
}

/** A folder that any web server can serve. */
function writeSite(folder: string, guests: readonly LocalGuest[]): void {
  cpSync(site, folder, { recursive: true })
  for (const [path, file] of filesOf(guests)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true })
    cpSync(file, join(folder, path), { dereference: true })
  }
  writeFileSync(join(folder, 'guests.json'), JSON.stringify(guests.map(entryOf)))
}

await runInProcess(async host => {
  const argv = process.argv.slice(2)
  const fetchIndex = argv.indexOf('--fetch')
  if (fetchIndex >= 0) {
    argv.splice(fetchIndex, 1)
    const { onProgress, finish } = createProgressReporter(process.stderr)
    await fetchGuestPackages(packageNames, { cache: cacheDirectory(), onProgress }).finally(finish)
  }
  const guests = [await debian(), ...packagedGuests()]
  const out = argv.indexOf('--out')
  if (out < 0) return await serveCommand(argv, host, guests)
  const folder = argv[out + 1]
  if (folder === undefined) throw new PCError('usage', '--out needs a folder', 'write --out DIR')
  writeSite(folder, guests.filter(({ missing }) => !missing))
  host.stderr.write(`tabpc: the site is in ${folder}\n`)
  return 0
}, async options => createMachine(options))
