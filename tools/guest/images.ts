/** Boot media for the ladder: files of Debian packages, and discs made of them with xorriso. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { cacheDirectory } from './cache.ts'
import { fetchGuestPackages } from './fetch.ts'

const INSTALLER_PACKAGE = 'debian-installer-12-netboot-i386'
const INSTALLER_FILES = 'usr/lib/debian-installer/images/12/i386'
const SECTORS_LOADED = '4'

/** The path of a file of a package, which is fetched if need be. */
export async function packageFile(name: string, path: string): Promise<string> {
  const packages = await fetchGuestPackages([name], { cache: cacheDirectory() })
  return join(packages.get(name)?.directory ?? '', path)
}

/** Whether discs can be made here. */
export function canMakeDiscs(): boolean {
  try {
    execFileSync('xorriso', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export interface IsolinuxDisc {
  /** Files at the root of the disc. */
  readonly files: readonly string[]
  /** Modules of SYSLINUX that the configuration needs. */
  readonly modules?: readonly string[]
  /** Text of isolinux.cfg. */
  readonly configuration: string
}

/** Makes a disc that ISOLINUX boots; its path. One that was made before with the same configuration is taken again. */
export async function isolinuxDisc(name: string, { files, modules = [], configuration }: IsolinuxDisc): Promise<string> {
  const folder = join(cacheDirectory(), 'discs')
  const image = join(folder, `${name}.iso`)
  const content = join(folder, name)
  if (existsSync(image)) return image
  rmSync(content, { recursive: true, force: true })
  mkdirSync(content, { recursive: true })
  copyFileSync(await packageFile('isolinux', 'usr/lib/ISOLINUX/isolinux.bin'), join(content, 'isolinux.bin'))
  for (const module of ['ldlinux.c32', ...modules])
    copyFileSync(await packageFile('syslinux-common', `usr/lib/syslinux/modules/bios/${module}`), join(content, module))
  for (const file of files) copyFileSync(file, join(content, basename(file)))
  writeFileSync(join(content, 'isolinux.cfg'), configuration)
  execFileSync('xorriso', [
    '-as', 'mkisofs', '-o', `${image}.part`, '-b', 'isolinux.bin', '-c', 'boot.cat', '-no-emul-boot',
    '-boot-load-size', SECTORS_LOADED, '-boot-info-table', '-R', '-J', content,
  ], { stdio: 'ignore' })
  execFileSync('mv', [`${image}.part`, image])
  return image
}

/** The Debian installer as a disc, with its text or its graphical interface. */
export async function installerDisc(kind: 'text' | 'gtk', append: string): Promise<string> {
  const folder = `${INSTALLER_FILES}/${kind}/debian-installer/i386`
  const files = await Promise.all(['linux', 'initrd.gz'].map(file => packageFile(INSTALLER_PACKAGE, `${folder}/${file}`)))
  return isolinuxDisc(`installer-${kind}-${append.replace(/[^a-z0-9]+/gi, '-')}`, {
    files,
    configuration: `default i\nprompt 0\nlabel i\n kernel linux\n append initrd=initrd.gz ${append}\n`,
  })
}
