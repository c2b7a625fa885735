/** `tabpc copy-assets DIR`: the files that a page fetches at run time, for bundlers that do not find them. */
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { PCError } from '../errors.ts'
import { webFolder } from '../node/demo-site.ts'
import { fileProblem } from '../node/files.ts'
import type { RunHost } from './run.ts'

/** Workers, core.wasm and firmware; the entries themselves belong to the bundler. */
const isAsset = (name: string): boolean => /^(?:machine-worker|compile-worker)\.js$|\.wasm$|\.bin$/.test(name)

/** Copies into a folder, which is made if need be. Throws `PCError`. */
export async function copyAssetsCommand(argv: readonly string[], host: RunHost): Promise<number> {
  const [folder, ...rest] = argv
  if (folder === '--help' || folder === '-h') {
    host.stdout.write('Usage: tabpc copy-assets DIR\n\nCopies what a page fetches at run time; give PC.create the option assets: \'/DIR/\'.\n')
    return 0
  }
  if (folder === undefined || folder.startsWith('-') || rest.length > 0)
    throw new PCError('usage', 'copy-assets takes one folder', 'write tabpc copy-assets public/tabpc')
  const from = webFolder()
  const names = readdirSync(from).filter(isAsset)
  try {
    mkdirSync(folder, { recursive: true })
    for (const name of names) copyFileSync(join(from, name), join(folder, name))
  } catch (error) {
    throw fileProblem(error, 'the folder', folder)
  }
  host.stderr.write(`tabpc: ${names.length} files copied to ${folder}: ${names.join(', ')}\n`)
  return 0
}
