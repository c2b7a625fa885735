/**
 * docs/api.md, the reference of the package, from the docstrings of what its entries export:
 * `npm run docs`. With --check it only tells whether the file is up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const types = join(root, 'build/types')
const output = join(root, 'docs/api.md')

const entries = [
  { name: 'tabpc', file: 'src/web/index.d.ts', about: 'For web pages.' },
  { name: 'tabpc/node', file: 'src/node/index.d.ts', about: 'The same class in Node, with files and the terminal. What it shares with `tabpc` stands there.' },
  { name: 'tabpc/element', file: 'src/element.d.ts', about: 'Defines `<tabpc-screen>`; see the [guide](embedding.md#the-element) for its attributes, parts and custom properties.' },
  { name: 'tabpc/v86', file: 'src/v86.d.ts', about: 'A class for pages that use v86 today; see [moving from v86](v86.md).' },
]

interface Declaration {
  readonly name: string
  readonly comment: string
  readonly code: string
}

/** Declarations that a file exports by itself or passes on, by name. */
function exportsOf(file: string): Map<string, Declaration> {
  const text = readFileSync(file, 'utf8')
  const found = new Map<string, Declaration>()
  for (const [, names, path] of text.matchAll(/export (?:type )?\{([^}]*)\} from '([^']*)\.js'/g)) {
    const others = declarations(join(dirname(file), `${path}.d.ts`))
    for (const name of names.split(',').map(part => part.replace(/\btype\b/, '').trim()).filter(Boolean)) {
      const declaration = others.get(name)
      if (declaration) found.set(name, declaration)
    }
  }
  for (const [name, declaration] of declarations(file)) if (!name.startsWith('_')) found.set(name, declaration)
  return found
}

/** What a declaration file declares with `export`, with the comment before it. */
function declarations(file: string): Map<string, Declaration> {
  const text = readFileSync(file, 'utf8')
  const found = new Map<string, Declaration>()
  const start = /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?export (?:declare )?(?:abstract )?(?:class|interface|type|const|function) (\w+)/g
  for (const match of text.matchAll(start)) {
    const begin = match.index + match[0].indexOf('export ')
    const code = text.slice(begin, endOf(text, begin))
    found.set(match[2], { name: match[2], comment: plain(match[1] ?? ''), code: withoutPrivate(code) })
  }
  return found
}

/** Where a declaration ends: behind its outermost brace or its semicolon. */
function endOf(text: string, begin: number): number {
  let depth = 0
  const hasBody = /^export (?:declare )?(?:abstract )?(?:class|interface)/.test(text.slice(begin, begin + 60))
  for (let i = begin; i < text.length; i++) {
    if (text.startsWith('/*', i)) i = text.indexOf('*/', i) + 1
    else if ('{(['.includes(text[i])) depth++
    else if ('})]'.includes(text[i])) {
      depth--
      if (depth === 0 && text[i] === '}' && hasBody) return i + 1
    } else if (text[i] === ';' && depth === 0) return i + 1
  }
  return text.length
}

function plain(comment: string): string {
  return comment.split('\n').map(line => line.replace(/^\s*\*? ?/, '')).join('\n').trim()
}

function withoutPrivate(code: string): string {
  return code
    .replace(/^export (?:declare )?/, '')
    .split('\n')
    .filter(line => !/^\s*(?:private|protected|#)/.test(line))
    .join('\n')
    .replace(/^ {4}/gm, '  ')
}

function section({ name, comment, code }: Declaration): string {
  return `### ${name}\n\n${comment ? `${comment}\n\n` : ''}\`\`\`ts\n${code}\n\`\`\`\n`
}

function document(): string {
  const known = new Set<string>()
  const parts = entries.map(({ name, file, about }) => {
    const exported = exportsOf(join(types, file))
    // What PC has comes from its base, which has no name outside.
    const base = name === 'tabpc' ? declarations(join(types, 'src/pc.d.ts')).get('PCBase') : undefined
    const events = name === 'tabpc' ? declarations(join(types, 'src/pc/events.d.ts')).get('PCEventMap') : undefined
    const own = [...exported.values()].filter(one => name !== 'tabpc/node' || !known.has(one.name) || one.name === 'PC')
      .filter(one => !known.has(one.name) || one.name === 'PC' || name === 'tabpc')
    for (const one of own) known.add(one.name)
    const sections = own.flatMap(one => {
      if (one.name === 'PC' && base) return [section(one), section({ ...base, name: 'Every PC', comment: 'What `PC` has, in pages and in Node.' })]
      return one.name === 'PCEventMap' && events ? [section(events)] : [section(one)]
    })
    return `## ${name}\n\n${about}\n\n${sections.join('\n')}`
  })
  return `# API reference\n\nMade from the docstrings by \`tools/api-docs.ts\`; the [guide](embedding.md) tells how the parts go together.\n\n${parts.join('\n')}`
}

const made = document()
if (!process.argv.includes('--check')) writeFileSync(output, made)
else if (readFileSync(output, 'utf8') !== made) {
  console.error('docs/api.md is out of date: npm run docs')
  process.exitCode = 1
}
