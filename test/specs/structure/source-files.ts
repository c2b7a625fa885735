/**
 * The source tree as the structure specs see it: every file of the six folders, with its text, the modules that it
 * imports, and its code without comments and string contents.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** The folders that hold source. */
export const folders = ['src', 'jit', 'runtime', 'bench', 'test', 'tools'] as const
export type Folder = (typeof folders)[number]

export interface SourceFile {
  /** Path from the root of the project, with slashes. */
  readonly path: string
  readonly folder: Folder
  readonly text: string
}

function* filesIn(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesIn(path)
    else if (entry.isFile()) yield path
  }
}

/** All files of the folders whose name ends in one of `extensions`. */
export function sourceFiles(extensions: readonly string[]): SourceFile[] {
  return folders.flatMap(folder =>
    [...filesIn(join(root, folder))]
      .filter(path => extensions.some(extension => path.endsWith(extension)))
      .map(path => ({ path: relative(root, path).replaceAll('\\', '/'), folder, text: readFileSync(path, 'utf8') })),
  )
}

/**
 * Code without comments, and with string contents emptied: `'a // b'` becomes `''`. Regular expressions are left
 * alone, so one that holds a quote may hide the rest of its line.
 */
export function codeOf(text: string): string {
  const token = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`/g
  return text.replace(token, found => (found.startsWith('/') ? '' : found[0] + found[0]))
}

/** What a file imports: module specifiers as written. */
export function importsOf(text: string): string[] {
  const withoutComments = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/[^\n]*/gm, '')
  const statement = /(?:^|\s|;)(?:import|export)\s(?:[^'";]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g
  return [...withoutComments.matchAll(statement)].map(match => match[1] ?? match[2])
}

/** Top folder that a relative import leads to ('build' for what the build makes), or undefined for packages. */
export function importedFolder(file: SourceFile, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const target = resolve(root, dirname(file.path), specifier)
  return relative(root, target).split(/[\\/]/)[0]
}
