/**
 * `npm run build`: core.wasm (tools/build-core.ts) when its sources changed, then the command line, the entry
 * for Node and their workers (esbuild), then what pages use (tools/build-web.ts).
 * Everything goes to build/, which is what the package ships.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { buildSite, buildWeb } from './build-web.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const stampFile = `${root}build/core.stamp`

/** V8's default stack is too small for binaryen on the interpreter's thousand nested blocks. */
const CORE_BUILD_STACK_KIB = 4000

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .flatMap(entry => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? sourceFiles(path) : path.endsWith('.ts') ? [path] : []
    })
    .sort()
}

/** A digest of all that core.wasm is made from. */
function coreDigest(): string {
  const hash = createHash('sha256')
  const files = [...sourceFiles('jit'), ...sourceFiles('runtime'), 'tools/build-core.ts', 'tools/build-layout.ts', 'src/core-asset.ts', 'package-lock.json']
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

function buildCore(): void {
  const digest = coreDigest()
  const built = ['build/core.wasm', 'build/handlers.json', 'build/core.stamp'].every(file => existsSync(join(root, file)))
  if (built && readFileSync(stampFile, 'utf8') === digest) return
  process.stderr.write('tabpc: building core.wasm (about 20 s, once)\n')
  const result = spawnSync(
    process.execPath,
    [`--stack-size=${CORE_BUILD_STACK_KIB}`, '--import', 'tsx', 'tools/build-core.ts'],
    { cwd: root, stdio: ['ignore', 2, 2] },
  )
  if (result.status !== 0) process.exit(1)
  writeFileSync(stampFile, digest)
}

mkdirSync(join(root, 'build'), { recursive: true })
buildCore()
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
await build({
  absWorkingDir: root,
  entryPoints: {
    cli: 'src/cli/main.ts', node: 'src/node/index.ts', 'machine-worker': 'src/node/machine-worker.ts',
    'compile-worker': 'src/node/compile-worker.ts',
  },
  outdir: 'build',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  define: { 'process.env.TABPC_VERSION': JSON.stringify(version) },
  logLevel: 'warning',
})
await buildWeb(root)
await buildSite(root)
chmodSync(join(root, 'build/cli.js'), 0o755)
