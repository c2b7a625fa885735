/** What every source file keeps to: its size, its name, its header, and what may not stand in it. */
import { describe, expect, it } from 'vitest'
import { codeOf, type SourceFile, sourceFiles } from './source-files.ts'

const typescript = sourceFiles(['.ts'])
const files = [...typescript, ...sourceFiles(['.c', '.h'])]

const MOST_LINES = 600

/** Paths of the files that are `wrong`, with what `say` has to say. */
function offenders(among: readonly SourceFile[], say: (file: SourceFile) => string | false): string[] {
  return among.flatMap(file => {
    const complaint = say(file)
    return complaint === false ? [] : [`${file.path}: ${complaint}`]
  })
}

/** Lines of code, numbered from 1, that match; comments and strings do not count. */
function linesMatching(text: string, pattern: RegExp): number[] {
  // Comments keep their line ends, so that numbers stay true.
  const code = codeOf(text.replace(/\/\*[\s\S]*?\*\//g, comment => comment.replace(/[^\n]/g, '')))
  return code.split('\n').flatMap((line, i) => (pattern.test(line) ? [i + 1] : []))
}

const anyType = /(?:[:|&<,(]|\bas|=>)\s*any\b|\bany\s*(?:\[\]|[|&>])/

describe('source files', () => {
  it(`have at most ${MOST_LINES} lines`, () => {
    const long = offenders(files, ({ text }) => {
      const lines = text.split('\n').length - 1
      return lines > MOST_LINES && `${lines} lines`
    })
    expect(long).toEqual([])
  })

  it('are named after their subject', () => {
    const vague = /(?:^|[/-])(?:utils?|helpers?|misc|common|stuff)\.\w+$/
    expect(offenders(files, ({ path }) => vague.test(path) && 'says nothing')).toEqual([])
  })

  it('begin with a comment that says what they are for', () => {
    expect(offenders(files, ({ text }) => !/^(?:#![^\n]*\n)?(?:\/\*|\/\/)/.test(text) && 'no header')).toEqual([])
  })

  it('hold no notes of unfinished work', () => {
    const notes = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`)
    expect(offenders(files, ({ text }) => notes.test(text) && String(notes.exec(text)?.[0]))).toEqual([])
  })

  it('use no `any`', () => {
    expect(linesMatching('const a: any = 1\n/*\n*/ const b = c as any\nlet d: any[]\n// : any\n', anyType)).toEqual([1, 3, 4])
    const found = offenders(typescript, ({ text }) => {
      const lines = linesMatching(text, anyType)
      return lines.length > 0 && `lines ${lines.join(', ')}`
    })
    expect(found).toEqual([])
  })

  it('switch no checker off, but for decorators of AssemblyScript', () => {
    const switches = /@ts-(?:ignore(?!: decorator\n)|nocheck|expect-error)|biome-ignore-all|eslint-disable/
    const others = typescript.filter(file => !file.path.startsWith('test/specs/structure/'))
    expect(offenders(others, ({ text }) => switches.test(text) && String(switches.exec(text)?.[0]))).toEqual([])
  })
})
