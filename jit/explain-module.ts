/**
 * One instruction's handlers, or a region's function, as wasm text, for `npm run explain`: a module with nothing but
 * that function, the helpers imported, and its memory accesses annotated with the state field or record field that
 * they touch.
 *
 *   facts  -> definition -> HotLowering | GeneralLowering | RepeatLowering \
 *   region ------------------------------------------------> lowerRegion ---> binaryen text -> notes
 */
import binaryen from 'binaryen'
import { RecordField } from '../runtime/records.ts'
import { Gpr, Segment, stateFields } from '../runtime/state.ts'
import { GENERAL_LOCALS, GeneralLowering, RepeatLowering } from './backends/general-handler.ts'
import { valueTypes } from './backends/handler.ts'
import { type HotFrame, HotLowering } from './backends/hot-handler.ts'
import { type Expression, LocalPool, type Module } from './backends/value.ts'
import { lowerRegion } from './compile.ts'
import { Builder, type Facts } from './definitions/builder.ts'
import { definitions } from './definitions/index.ts'
import { helperSignatures } from './helper-signatures.ts'
import type { Node } from './ir.ts'
import type { Region } from './regions/region.ts'

/** The locals of the interpreter's one function and its labels (interpreter-module.ts). */
const frame: HotFrame = {
  record: 0, eipDelta: 1, remaining: 2, tlb: 3, target: 4, linkFrom: 5,
  next: 'next', fault: 'fault', linked: 'linked', indirect: 'indirect', dispatch: 'dispatch',
}
const frameLocals = Object.entries(frame).flatMap(([name, local]) => (typeof local === 'number' ? [name] : []))
const frameLabels = Object.values(frame).filter(label => typeof label === 'string')

/** binaryen's typings look for these in a module, where they are not. */
const { getNumLocals, setLocalName } = (binaryen as unknown as Pick<Module, 'Function'>).Function

const FUNCTION = 'handler'
const PAGES = 1

/** The statements that a definition records for `facts`. Throws when there is no definition. */
export function definedStatements(facts: Facts): readonly Node[] {
  const definition = definitions.get(facts.mnemonic)
  if (!definition) throw new Error(`${facts.mnemonic} has no definition`)
  const builder = new Builder(facts)
  definition(builder, facts)
  return builder.statements
}

function emptyModule(): { m: Module; helpers: Map<string, string> } {
  const m = new binaryen.Module()
  m.setFeatures(binaryen.Features.SignExt | binaryen.Features.BulkMemory | binaryen.Features.MutableGlobals | binaryen.Features.SIMD128)
  m.setMemory(PAGES, PAGES)
  const helpers = new Map<string, string>()
  for (const [name, { parameters, result }] of helperSignatures) {
    const types = binaryen.createType(parameters.map(type => valueTypes[type]))
    m.addFunctionImport(name, 'helpers', name, types, result === 'none' ? binaryen.none : valueTypes[result])
    helpers.set(name, name)
  }
  return { m, helpers }
}

/** Adds the function, names its locals, and gives the module's text, annotated. */
function emit(m: Module, names: readonly string[], parameters: number, pool: LocalPool, body: Expression): string[] {
  const types = names.slice(0, parameters).map(() => binaryen.i32)
  const fixed = names.slice(parameters).map(() => binaryen.i32)
  const scratch = pool.types.map(type => valueTypes[type])
  const reference = m.addFunction(FUNCTION, binaryen.createType(types), binaryen.i32, [...fixed, ...scratch], body)
  names.forEach((name, i) => {
    setLocalName(reference, i, name)
  })
  pool.types.forEach((_type, i) => {
    setLocalName(reference, names.length + i, `t${i + 1}`)
  })
  if (!m.validate()) throw new Error('the handler does not validate')
  const lines = m.emitText().split('\n')
  m.dispose()
  return annotate(lines)
}

/** Lines of what stands in the expression that begins at the line which `opening` finds. */
function extract(lines: readonly string[], opening: RegExp): string[] {
  const start = lines.findIndex(line => opening.test(line))
  const margin = ' '.repeat(lines[start].search(/\S/))
  const length = lines.slice(start).indexOf(`${margin})`)
  return compact(lines.slice(start + 1, start + length).join('\n'))
}

/** A wasm expression as it is written: its head, with immediates and notes, and its operands. */
interface Written {
  readonly head: string
  readonly operands: readonly Written[]
}

const WIDTH = 100

/** The same expressions with as many on a line as fit: binaryen writes one to a line. */
function compact(text: string): string[] {
  const tokens = text.match(/\(;.*?;\)|[()]|[^\s()]+/g) ?? []
  let position = 0
  const read = (): Written => {
    let head = ''
    const operands: Written[] = []
    while (position < tokens.length && tokens[position] !== ')') {
      const token = tokens[position++]
      if (token === '(') {
        operands.push(read())
        position++
      } else head += head === '' ? token : ` ${token}`
    }
    return { head, operands }
  }
  const oneLine = ({ head, operands }: Written): string => `(${[head, ...operands.map(oneLine)].join(' ')})`
  const write = (expression: Written, indent: string): string[] => {
    const line = indent + oneLine(expression)
    // Control flow keeps its shape.
    if (line.length <= WIDTH && !/^(?:if|then|else|loop|block)\b/.test(expression.head)) return [line]
    const inner = expression.operands.flatMap(operand => write(operand, `${indent}  `))
    return [`${indent}(${expression.head}`, ...inner, `${indent})`]
  }
  return read().operands.flatMap(expression => write(expression, ''))
}

/** The body of an instruction's inline handler; `indexed` says whether its memory operand has an index register. */
export function hotHandlerText(facts: Facts, indexed: boolean): string[] {
  const { m, helpers } = emptyModule()
  const pool = new LocalPool(frameLocals.length)
  const code = new HotLowering(m, pool, facts, helpers, frame, indexed).lower(definedStatements(facts))
  // A block for each label that the handler may leave for; only the handler inside is shown.
  const within = frameLabels.reduce(
    (inner, label) => m.block(label, [inner, m.return(m.i32.const(0))]), m.block('body', code),
  )
  const body = m.block(null, [within, m.unreachable()], binaryen.i32)
  return extract(emit(m, frameLocals, 0, pool, body), /^\s*\(block \$body/)
}

/** The function of an instruction's general handler. */
export function generalHandlerText(facts: Facts): string[] {
  const { m, helpers } = emptyModule()
  const pool = new LocalPool(GENERAL_LOCALS)
  const Lowering = facts.repeat === 'none' ? GeneralLowering : RepeatLowering
  const code = new Lowering(m, pool, facts, helpers).lower(definedStatements(facts))
  const body = m.block(null, [...code, m.i32.const(0)], binaryen.i32)
  return extract(emit(m, frameLocals.slice(0, GENERAL_LOCALS), GENERAL_LOCALS, pool, body), /^\s*\(func \$handler/)
}

/** Locals of a compiled region, in the order of backends/region.ts; scratch locals follow. */
const regionLocals = [
  'eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi', 'remaining', 'exitEip', 'outcome', 'flagA', 'flagB', 'flagC',
  'flagE', 'flagO', 'flagK',
]

/** The function of a compiled region, without its list of locals. */
export function regionText(region: Region): string[] {
  const m = new binaryen.Module()
  m.setFeatures(binaryen.Features.SignExt)
  try {
    lowerRegion(m, region)
    const reference = m.getFunction('region')
    for (let i = 0; i < getNumLocals(reference); i++)
      setLocalName(reference, i, regionLocals[i] ?? `t${i - regionLocals.length + 1}`)
    const lines = extract(annotate(m.emitText().split('\n')), /^\s*\(func \$region/)
    return lines.filter(line => !line.startsWith('(local $'))
  } finally {
    m.dispose()
  }
}

/** Name of the state field at an address in linear memory, with the element or the byte within it. */
export function stateFieldAt(address: number): string | undefined {
  const field = Object.values(stateFields).find(
    candidate => address >= candidate.address && address < candidate.address + candidate.bytes * candidate.count,
  )
  if (!field) return undefined
  const offset = address - field.address
  const index = Math.floor(offset / field.bytes)
  const names: Readonly<Record<number, string>> =
    field.name === 'gpr' ? Gpr : field.name.startsWith('segment') ? Segment : {}
  const element = field.count === 1 ? '' : index in names ? `.${names[index].toLowerCase()}` : `[${index}]`
  const byte = offset % field.bytes
  return `${field.name}${element}${byte > 0 ? `+${byte}` : ''}`
}

/** Adds `(;state.name;)` or `(;record.Name;)` to accesses at a constant address or at the record. */
function annotate(lines: readonly string[]): string[] {
  return lines.map((line, i) => {
    const access = /^\s*\(i(?:32|64)\.(?:load|store)\w*(?: offset=(\d+))?/.exec(line)
    if (!access) return line
    const offset = Number(access[1] ?? 0)
    const base = lines[i + 1]?.trim()
    if (base === '(i32.const 0)') return `${line} (;state.${stateFieldAt(offset)};)`
    if (base === '(local.get $record)') return `${line} (;record.${RecordField[offset]};)`
    return line
  })
}
