/**
 * Type declarations of the package: build/types/, for the entries and what they refer to. Run before packing; the
 * checkout itself needs none.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, 'build/types')
const entries = ['src/web/index', 'src/node/index', 'src/element', 'src/v86']

/** Compiles declarations of the entries and of all that they import. */
function emit(): void {
  const settings = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false, declaration: true, emitDeclarationOnly: true, stripInternal: true, rootDir: root, outDir: folder,
    },
    files: entries.map(entry => join(root, `${entry}.ts`)),
    include: [],
  }
  mkdirSync(folder, { recursive: true })
  const file = join(root, 'build/tsconfig.types.json')
  writeFileSync(file, JSON.stringify(settings))
  const result = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', file], { stdio: ['ignore', 2, 2] })
  rmSync(file)
  if (result.status !== 0) process.exit(1)
}

const specifier = /((?:from|import)\s*\(?\s*['"])(\.[^'"]*)\.ts(['"])/g

/** Declarations that can be reached from the entries; others are removed, and `.ts` in imports becomes `.js`. */
function keepReachable(): number {
  const reachable = new Set<string>()
  const visit = (file: string): void => {
    if (reachable.has(file) || !existsSync(file)) return
    reachable.add(file)
    const text = readFileSync(file, 'utf8')
    for (const [, , path] of text.matchAll(specifier)) visit(`${join(dirname(file), path)}.d.ts`)
    writeFileSync(file, text.replace(specifier, '$1$2.js$3'))
  }
  for (const entry of entries) visit(join(folder, `${entry}.d.ts`))
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = join(folder, name)
    if (file.endsWith('.d.ts') && !reachable.has(file)) rmSync(file)
  }
  return reachable.size
}

rmSync(folder, { recursive: true, force: true })
emit()
console.error(`${relative(root, folder)}: ${keepReachable()} declarations`)
