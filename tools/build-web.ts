/**
 * The browser's part of `npm run build`: build/web/ with the ESM bundles, core.wasm and the firmware, which is what
 * the package's exports and `tabpc copy-assets` name.
 *
 * and build/site/, the demo site with all of that beside it, which any web server can serve.
 *
 *   index.js (PC)   element.js   v86.js   machine-worker.js   compile-worker.js   core.wasm   *.bin
 */
import { copyFileSync, cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const FIRMWARE = ['bios-256k.bin', 'vgabios-stdvga.bin']

/** Entries that pages import: they share what they have in common, so that there is one class `PC`. */
const pageEntries = { index: 'src/web/index.ts', element: 'src/element.ts', v86: 'src/v86.ts' }
/** Scripts of workers: each is whole in itself, so that it can be copied anywhere. */
const workerEntries = { 'machine-worker': 'src/web/machine-worker.ts', 'compile-worker': 'src/web/compile-worker.ts' }

/**
 * Fills a folder of build/ anew, beside the old one, which it replaces at the end: a server that runs meanwhile misses
 * nothing, and pieces of the last build (which are named by what they hold) do not stay.
 */
async function replaceFolder(root: string, name: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const folder = join(root, 'build', name)
  const part = `${folder}.part`
  rmSync(part, { recursive: true, force: true })
  mkdirSync(part, { recursive: true })
  await fill(part)
  rmSync(folder, { recursive: true, force: true })
  renameSync(part, folder)
}

/** Builds build/web/ in the project at `root`. core.wasm must be there. */
export async function buildWeb(root: string): Promise<void> {
  await replaceFolder(root, 'web', folder => fillWeb(root, folder))
}

async function fillWeb(root: string, folder: string): Promise<void> {
  const common = {
    absWorkingDir: root, outdir: folder, bundle: true, platform: 'browser', format: 'esm', target: 'es2022',
    minify: true, sourcemap: 'linked', sourcesContent: false, legalComments: 'none', logLevel: 'warning',
  } as const
  await build({ ...common, entryPoints: pageEntries, splitting: true, chunkNames: 'shared-[hash]' })
  await build({ ...common, entryPoints: workerEntries })
  copyFileSync(join(root, 'build/core.wasm'), join(folder, 'core.wasm'))
  for (const name of FIRMWARE) {
    const image = join(root, 'build/firmware', name)
    if (existsSync(image)) copyFileSync(image, join(folder, name))
  }
}

/** Builds build/site/. build/web/ must be there. */
export async function buildSite(root: string): Promise<void> {
  await replaceFolder(root, 'site', folder => fillSite(root, folder))
}

async function fillSite(root: string, folder: string): Promise<void> {
  await build({
    absWorkingDir: root, outdir: folder, bundle: true, platform: 'browser', format: 'esm', target: 'es2022',
    minify: true, legalComments: 'linked', logLevel: 'warning', entryPoints: { app: 'src/site/main.ts' },
  })
  // The style sheets of xterm.js and of the site become one.
  await build({
    absWorkingDir: root, outfile: join(folder, 'app.css'), bundle: true, minify: true, logLevel: 'warning',
    stdin: { contents: "@import '@xterm/xterm/css/xterm.css'; @import './src/site/app.css';", resolveDir: root, loader: 'css' },
  })
  for (const name of ['index.html', 'icon.svg']) copyFileSync(join(root, 'src/site', name), join(folder, name))
  const isNeeded = (path: string): boolean => !/\.map$|(?:index|element|v86|shared-\w+)\.js$/.test(path)
  cpSync(join(root, 'build/web'), folder, { recursive: true, filter: isNeeded })
}
