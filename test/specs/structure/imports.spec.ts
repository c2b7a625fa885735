/** The direction of imports: src -> jit -> runtime and never back; benchmarks, specs and tools may use them all. */
import { describe, expect, it } from 'vitest'
import { codeOf, type Folder, folders, importedFolder, importsOf, type SourceFile, sourceFiles } from './source-files.ts'

const files = sourceFiles(['.ts'])

/** What each folder may import; `build` is the generated layout of the state, for the AssemblyScript helpers. */
const allowed: Readonly<Record<Folder, readonly string[]>> = {
  runtime: ['runtime', 'build'],
  jit: ['jit', 'runtime'],
  src: ['src', 'jit', 'runtime', 'package.json'],
  bench: folders,
  test: [...folders, 'build'],
  tools: folders,
}

/** Lines of `file: imports specifier` for the imports that `isWrong`. */
function offences(isWrong: (file: SourceFile, specifier: string) => boolean): string[] {
  return files.flatMap(file =>
    importsOf(file.text).filter(specifier => isWrong(file, specifier)).map(specifier => `${file.path}: ${specifier}`),
  )
}

const isPackage = (specifier: string): boolean => !specifier.startsWith('.')

describe('imports', () => {
  it('are found in all their forms', () => {
    const text = [
      "import a from 'a'", "import type { B } from './b.ts'", 'import {\n  c,\n} from "../c.ts"', "import 'd'",
      "export * from './e.ts'", "const f = await import('./f.ts')", "// import g from 'g'", "/* import h from 'h' */",
    ].join('\n')
    expect(importsOf(text)).toEqual(['a', './b.ts', '../c.ts', 'd', './e.ts', './f.ts'])
    expect(codeOf("x('a // b') // c\n/* d */y")).toBe("x('') \ny")
  })

  it('read the whole tree', () => {
    for (const folder of folders) expect(files.some(file => file.folder === folder), folder).toBe(true)
    expect(files.flatMap(file => importsOf(file.text)).length).toBeGreaterThan(500)
  })

  it('go src -> jit -> runtime, never back', () => {
    const isBackward = (file: SourceFile, specifier: string): boolean => {
      const folder = importedFolder(file, specifier)
      return folder !== undefined && !allowed[file.folder].includes(folder)
    }
    expect(offences(isBackward)).toEqual([])
  })

  it('leave runtime without packages, and jit with binaryen alone', () => {
    expect(offences((file, specifier) => file.folder === 'runtime' && isPackage(specifier))).toEqual([])
    expect(
      offences((file, specifier) => file.folder === 'jit' && isPackage(specifier) && specifier !== 'binaryen'),
    ).toEqual([])
  })

  it('keep binaryen behind jit', () => {
    expect(offences((file, specifier) => file.folder === 'src' && specifier === 'binaryen')).toEqual([])
  })

  it('keep Node behind src/node and src/cli', () => {
    const isPortable = (file: SourceFile): boolean =>
      ['src', 'jit', 'runtime'].includes(file.folder) && !/^src\/(node|cli)\//.test(file.path)
    expect(offences((file, specifier) => isPortable(file) && specifier.startsWith('node:'))).toEqual([])
  })

  it('make no circle between files', () => {
    expect(circles()).toEqual([])
  })
})

/**
 * Circles of value imports, as 'a -> b -> a'. Types vanish when compiled, so they may refer to each other; the
 * AssemblyScript helpers are functions of one module, which nothing runs while it loads.
 */
function circles(): string[] {
  const judged = files.filter(({ path, folder }) => folder !== 'test' && !path.startsWith('runtime/helpers/'))
  const graph = new Map(judged.map(file => [file.path, valueImports(file)]))
  const found: string[] = []
  const finished = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    const seen = trail.indexOf(path)
    if (seen >= 0) {
      found.push([...trail.slice(seen), path].join(' -> '))
      return
    }
    if (finished.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    finished.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
  return found
}

function valueImports(file: SourceFile): string[] {
  const withoutTypes = file.text.replace(/^(?:import|export) type [^'"]*from\s+['"][^'"]*['"]/gm, '')
  const base = `file:///${file.path}`
  return importsOf(withoutTypes)
    .filter(specifier => !isPackage(specifier))
    .map(specifier => new URL(specifier.endsWith('.ts') ? specifier : `${specifier}.ts`, base).pathname.slice(1))
}
