/**
 * The package as it is published: packed, checked by publint and attw, and installed into a fresh Vite project and a
 * plain page with an import map, where the README's lines boot Debian.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { build, createServer, type InlineConfig } from 'vite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FileServer, startFileServer } from '../../src/node/file-server.ts'
import { guestFolder, hasFirmware, hasGuest, launch, missing, root } from './browser.ts'

const MOST_PACKED_BYTES = 4_000_000
const READY_MILLISECONDS = 240_000

let folder = ''
let tarball: string
let installed: string

const npm = (args: readonly string[], cwd: string): string =>
  execFileSync('npm', [...args], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 240_000 })

/** The script of the README's section on embedding. */
function readmeLines(): string {
  const text = readFileSync(join(root, 'README.md'), 'utf8')
  const script = /<script type="module">\n([\s\S]*?)<\/script>/.exec(text)?.[1]
  if (!script) throw new Error('the README has no page')
  return script
}

/** A project with the package and the guest, and the README's page. */
function makeProject(name: string, head = ''): string {
  const project = join(folder, name)
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }))
  npm(['install', '--offline', '--no-audit', '--no-fund', tarball], project)
  const files = join(project, 'public')
  mkdirSync(files)
  for (const file of ['vmlinuz', 'initrd.gz']) cpSync(join(guestFolder, file), join(files, file), { dereference: true })
  writeFileSync(join(project, 'index.html'),
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${name}</title>${head}<canvas id="screen"></canvas>\n` +
    `<script type="module">\n${readmeLines()}</script>`)
  return project
}

/** Opens the page and waits for what the README's last line prints. */
async function boots(browser: Browser, url: string): Promise<void> {
  const page: Page = await (await browser.newContext()).newPage()
  const said: string[] = []
  page.on('console', message => said.push(message.text()))
  page.on('pageerror', error => said.push(String(error)))
  await page.goto(url)
  const deadline = performance.now() + READY_MILLISECONDS
  while (!said.some(text => /Linux tabpc/.test(text)) && performance.now() < deadline && !said.some(text => /Error/.test(text)))
    await new Promise(resolve => setTimeout(resolve, 200))
  expect(said.join('\n')).toMatch(/Linux tabpc 6\.[\s\S]*i686/)
  expect(page.workers().length).toBeGreaterThan(0)
  await page.context().close()
}

beforeAll(() => {
  // Packing brings the firmware along.
  if (!hasFirmware) return
  folder = mkdtempSync(join(tmpdir(), 'tabpc-package-'))
  const [{ filename }] = JSON.parse(npm(['pack', '--json', '--pack-destination', folder], root).replace(/^[^[]*/, '')) as { filename: string }[]
  tarball = join(folder, filename)
  installed = join(folder, 'unpacked')
  mkdirSync(installed)
  execFileSync('tar', ['-xzf', tarball, '-C', installed])
}, 300_000)
afterAll(() => folder !== '' && rmSync(folder, { recursive: true, force: true }))

describe.skipIf(!hasFirmware)('the packed package', () => {
  it('is small and holds what its exports name', () => {
    expect(statSync(tarball).size).toBeLessThan(MOST_PACKED_BYTES)
    const names = readdirSync(join(installed, 'package'), { recursive: true, encoding: 'utf8' })
    for (const file of ['build/web/index.js', 'build/web/core.wasm', 'build/web/machine-worker.js', 'build/web/bios-256k.bin', 'build/cli.js', 'build/node.js', 'build/types/src/web/index.d.ts', 'LICENSE'])
      expect(names, file).toContain(file)
    expect(names.filter(name => /\.ts$/.test(name) && !/\.d\.ts$/.test(name))).toEqual([])
  })

  it('has a reference that is up to date', () => {
    execFileSync(process.execPath, ['--import', 'tsx', 'tools/api-docs.ts', '--check'], { cwd: root, encoding: 'utf8', stdio: 'pipe' })
  })

  it('satisfies publint', async () => {
    const { messages, pkg } = await publint({ pkgDir: join(installed, 'package'), strict: true, pack: false })
    expect(messages.map(message => formatMessage(message, pkg as never))).toEqual([])
  })

  it('satisfies attw, as the ES module that it is', () => {
    const output = execFileSync(process.execPath, [
      join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'), tarball, '--profile', 'esm-only', '--format', 'json',
      '--exclude-entrypoints', './assets/*',
    ], { encoding: 'utf8', timeout: 120_000 })
    const { analysis } = JSON.parse(output) as { analysis: { problems: { kind: string }[], entrypoints: object } }
    expect(Object.keys(analysis.entrypoints)).toEqual(expect.arrayContaining(['.', './node', './element', './v86']))
    // CommonJS is not there on purpose; Node 10 knows no exports.
    expect(analysis.problems.filter(({ kind }) => !['CJSResolvesToESM', 'NoResolution'].includes(kind))).toEqual([])
  })

  it('gives types to strict programs', () => {
    const project = join(folder, 'types')
    mkdirSync(join(project, 'node_modules/@types'), { recursive: true })
    cpSync(join(installed, 'package'), join(project, 'node_modules/tabpc'), { recursive: true })
    for (const name of ['@types/node', 'undici-types']) cpSync(join(root, 'node_modules', name), join(project, 'node_modules', name), { recursive: true })
    writeFileSync(join(project, 'package.json'), '{"type":"module"}')
    writeFileSync(join(project, 'program.ts'), [
      "import { disk, PC, type PCError, type PCOptions } from 'tabpc'", "import { fileDisk, PC as NodePC, tty } from 'tabpc/node'",
      "import { TabpcScreen } from 'tabpc/element'", "import { V86 } from 'tabpc/v86'",
      "const options: PCOptions = { memory: '64M', disks: { cdrom: disk.http('x.iso') } }",
      'export async function start(canvas: HTMLCanvasElement): Promise<string> {', '  const pc: PC = await PC.create(options)',
      "  pc.addEventListener('error', ({ detail }) => { const error: PCError = detail; console.log(error.hint) })",
      '  pc.screen.attach(canvas, { scale: 2 })', "  const { match } = await pc.waitForText(/a(b)/, { timeout: 1 })",
      "  for await (const bytes of pc.serial[0].readable as unknown as AsyncIterable<Uint8Array>) console.log(bytes.length)", '  return match[1]', '}',
      "export const other = NodePC.create({ disks: { hda: fileDisk('x') } }).then(pc => pc.serial[0].attach(tty()))",
      "export const screen = (): TabpcScreen => document.createElement('tabpc-screen')",
      "export const old = () => new V86({ bzimage: { url: 'x' } }).add_listener('serial0-output-byte', byte => byte.toFixed())",
      `// @ts-${'expect'}-error no such option`, 'export const wrong: PCOptions = { memroy: 1 }',
    ].join('\n'))
    for (const [module, moduleResolution] of [['esnext', 'bundler'], ['nodenext', 'nodenext']]) {
      execFileSync(process.execPath, [
        join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022,dom,dom.iterable,esnext.disposable',
        '--module', module, '--moduleResolution', moduleResolution, '--types', 'node', 'program.ts',
      ], { cwd: project, encoding: 'utf8', stdio: 'pipe', timeout: 120_000 })
    }
  })

  it('is a program: help, and copy-assets', () => {
    const program = join(installed, 'package/build/cli.js')
    expect(execFileSync(process.execPath, [program, '--help'], { encoding: 'utf8' })).toMatch(/copy-assets/)
    const target = join(folder, 'assets')
    execFileSync(process.execPath, [program, 'copy-assets', target], { stdio: 'pipe' })
    expect(readdirSync(target).sort()).toEqual(['bios-256k.bin', 'compile-worker.js', 'core.wasm', 'machine-worker.js', 'vgabios-stdvga.bin'])
  })
})

describe.skipIf(missing ?? !(hasGuest && hasFirmware))("the README's page", () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launch()
  })
  afterAll(async () => browser?.close())

  const configOf = (project: string): InlineConfig => ({ root: project, configFile: false, logLevel: 'error', build: { target: 'es2022' } })

  it('boots in a fresh Vite project: built, and by its development server', async () => {
    const project = makeProject('vite-project')
    await build(configOf(project))
    const output = join(project, 'dist')
    expect(existsSync(output)).toBe(true)
    let server: FileServer | undefined
    try {
      server = await startFileServer({ answer: path => ({ file: join(output, path === '/' ? 'index.html' : path) }) })
      await boots(browser, `${server.origin}/`)
    } finally {
      await server?.close()
    }
    const development = await createServer({ ...configOf(project), server: { port: 0, host: '127.0.0.1' } })
    try {
      await development.listen()
      await boots(browser, development.resolvedUrls?.local[0] ?? '')
    } finally {
      await development.close()
    }
  })

  // Webpack is no dependency of this project: npm install --prefix DIR webpack, and TABPC_WEBPACK=DIR.
  it.skipIf(!process.env.TABPC_WEBPACK)('boots in a fresh webpack project', async () => {
    const project = makeProject('webpack-project')
    const entry = join(project, 'main.js')
    writeFileSync(entry, readmeLines())
    const output = join(project, 'dist')
    const program = join(project, 'build.cjs')
    writeFileSync(program, `
      const webpack = require(${JSON.stringify(join(process.env.TABPC_WEBPACK ?? '', 'node_modules/webpack'))})
      const configuration = {
        mode: 'production', context: ${JSON.stringify(project)}, entry: ${JSON.stringify(entry)}, output: { path: ${JSON.stringify(output)}, filename: 'main.js' },
        performance: false,
      }
      webpack(configuration, (error, stats) => {
        const text = error ? String(error) : stats.toString({ all: false, errors: true, warnings: true })
        process.stdout.write(text)
        process.exitCode = text === '' ? 0 : 1
      })`)
    // Neither an error nor a warning.
    expect(execFileSync(process.execPath, [program], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 })).toBe('')
    const page = readFileSync(join(project, 'index.html'), 'utf8').replace(/<script type="module">[\s\S]*?<\/script>/, '<script type="module" src="main.js"></script>')
    const server = await startFileServer({
      answer: path => {
        if (path === '/') return { body: page }
        return { file: /^\/(?:vmlinuz|initrd\.gz)$/.test(path) ? join(project, 'public', path) : join(output, path) }
      },
    })
    try {
      await boots(browser, `${server.origin}/`)
    } finally {
      await server.close()
    }
  })

  it('boots as plain HTML with an import map', async () => {
    const map = '<script type="importmap">{"imports":{"tabpc":"./node_modules/tabpc/build/web/index.js"}}</script>'
    const project = makeProject('plain-page', map)
    const server = await startFileServer({
      answer: path => ({ file: join(project, path === '/' ? 'index.html' : /^\/(?:vmlinuz|initrd\.gz)$/.test(path) ? `public${path}` : path) }),
    })
    try {
      await boots(browser, `${server.origin}/`)
    } finally {
      await server.close()
    }
  })
})
