/**
 * Reads the opcode tables: text rows, one per opcode, become `OpcodeRow`s.
 *
 *     [prefix] opcode [modrm] [mem|reg]   MNEMONIC   operands   attributes
 *     01                                  ADD        Ev_Gv      lock
 *     66 0F 6F                            MOVDQA     Vdq_Wdq
 *     0F BA /5                            BTS        Ev_Ib      lock
 *     D8 C0+i                             FADD       ST0_STi
 *     0F 80+cc                            JCC        Jz         f64
 *
 * prefix    NP none of 66, F3, F2; NFx neither F3 nor F2; 66, F3, F2 mandatory; absent: prefixes do not select the row
 * opcode    +r eight opcodes whose low bits are a register; +cc sixteen whose low bits are a condition
 * modrm     /n the reg field; XX a whole ModR/M byte (register form); XX+i eight of them; mem, reg: mod not 3, mod 3
 * attributes
 *   lock    LOCK is allowed when the first operand is memory
 *   string  a string instruction: reports its REP prefix
 *   i64     invalid in 64-bit mode          o64  only in 64-bit mode
 *   d64     64-bit operand size by default in 64-bit mode, 16 with 66       f64  always 64 bits there
 *   o8 o16  operand size fixed              y    32 bits, or 64 with REX.W     z    16 or 32 bits
 */
import { operandForms } from './operand-forms.ts'

/** Map number: one-byte, 0F, 0F 38, 0F 3A. */
export type OpcodeMapIndex = 0 | 1 | 2 | 3
export type PrefixSelector = 'any' | 'NP' | 'NFx' | '66' | 'F3' | 'F2'
export type ModSelector = 'any' | 'memory' | 'register'
export type SizingAttribute = 'v' | 'o8' | 'o16' | 'y' | 'z'

export interface OpcodeRow {
  /** The row's identity: all tokens before the mnemonic, for example '66 0F 6F' or 'D8 C0+i'. */
  readonly opcode: string
  readonly mnemonic: string
  /** Operand codes joined by '_'; '' without operands. */
  readonly form: string
  readonly operands: readonly string[]
  readonly map: OpcodeMapIndex
  readonly prefix: PrefixSelector
  /** First opcode byte after the map's escape. */
  readonly byte: number
  /** Opcodes that the row covers: 1, 8 (+r) or 16 (+cc). */
  readonly span: 1 | 8 | 16
  readonly hasCondition: boolean
  readonly hasModrm: boolean
  /** ModR/M.reg that the row is for, or -1. */
  readonly reg: number
  /** Whole ModR/M byte (C0..FF) that the row is for, or -1; `modrmSpan` is how many, 1 or 8. */
  readonly modrm: number
  readonly modrmSpan: 1 | 8
  readonly mod: ModSelector
  readonly lock: boolean
  readonly string: boolean
  readonly modes: 'all' | 'legacy' | 'long'
  readonly sizing: SizingAttribute
  /** Operand size in 64-bit mode: by prefixes, 64 by default, or always 64. */
  readonly longSize: 'v' | 'd64' | 'f64'
}

const ATTRIBUTES = new Set(['lock', 'string', 'i64', 'o64', 'd64', 'f64', 'o8', 'o16', 'y', 'z'])
const PREFIXES = new Set(['NP', 'NFx', '66', 'F3', 'F2'])
const BYTE_WITH_SPAN = /^([0-9A-F]{2})(\+r|\+cc|\+i)?$/

class Tokens {
  private next = 0
  readonly row: string
  private readonly words: readonly string[]

  constructor(row: string) {
    this.row = row
    this.words = row.trim().split(/\s+/)
  }

  peek(ahead = 0): string {
    return this.words[this.next + ahead] ?? ''
  }

  take(): string {
    if (this.next >= this.words.length) throw this.error('ends too early')
    return this.words[this.next++]
  }

  get done(): boolean {
    return this.next >= this.words.length
  }

  error(what: string): Error {
    return new Error(`opcode row "${this.row}" ${what}`)
  }
}

function readMap(tokens: Tokens): OpcodeMapIndex {
  if (tokens.peek() !== '0F' || !BYTE_WITH_SPAN.test(tokens.peek(1))) return 0
  tokens.take()
  const second = tokens.peek()
  if (BYTE_WITH_SPAN.test(tokens.peek(1)) && (second === '38' || second === '3A')) {
    tokens.take()
    return second === '38' ? 2 : 3
  }
  return 1
}

function sizingOf(
  attributes: ReadonlySet<string>,
  operands: readonly string[],
  prefix: PrefixSelector,
): SizingAttribute {
  for (const fixed of ['o8', 'o16', 'y', 'z'] as const) if (attributes.has(fixed)) return fixed
  const forms = operands.map((code) => operandForms[code])
  if (forms[0]?.byte) return 'o8'
  // Where prefixes select the row, 66 is not an operand-size prefix unless an operand says so.
  if (prefix !== 'any' && prefix !== 'NFx' && !forms.some((form) => form.sized)) return 'y'
  return 'v'
}

/** Parses one row. Throws on a row that breaks the notation. */
export function parseRow(text: string): OpcodeRow {
  const tokens = new Tokens(text)
  const identity: string[] = []
  const note = (word: string): string => {
    identity.push(word)
    return word
  }
  let prefix: PrefixSelector = 'any'
  if (PREFIXES.has(tokens.peek()) && BYTE_WITH_SPAN.test(tokens.peek(1))) prefix = note(tokens.take()) as PrefixSelector
  const map = readMap(tokens)
  if (map > 0) note('0F')
  if (map > 1) note(map === 2 ? '38' : '3A')

  const [, hex, suffix] = BYTE_WITH_SPAN.exec(note(tokens.take())) ?? []
  if (hex === undefined || suffix === '+i') throw tokens.error('has no opcode byte')
  let reg = -1
  let modrm = -1
  let modrmSpan: 1 | 8 = 1
  let mod: ModSelector = 'any'
  const modrmMatch = BYTE_WITH_SPAN.exec(tokens.peek())
  if (modrmMatch !== null) {
    note(tokens.take())
    modrm = Number.parseInt(modrmMatch[1], 16)
    if (modrm < 0xc0) throw tokens.error('has a ModR/M byte below C0')
    if (modrmMatch[2] === '+i') modrmSpan = 8
  } else if (/^\/[0-7]$/.test(tokens.peek())) {
    reg = Number(note(tokens.take())[1])
  }
  if (tokens.peek() === 'mem' || tokens.peek() === 'reg') mod = note(tokens.take()) === 'mem' ? 'memory' : 'register'

  const mnemonic = tokens.take().toLowerCase()
  const form = tokens.done || ATTRIBUTES.has(tokens.peek()) ? '' : tokens.take()
  const attributes = new Set<string>()
  while (!tokens.done) {
    const attribute = tokens.take()
    if (!ATTRIBUTES.has(attribute)) throw tokens.error(`has the unknown attribute "${attribute}"`)
    attributes.add(attribute)
  }

  const operands = form === '' ? [] : form.split('_')
  let hasModrm = reg >= 0 || modrm >= 0 || mod !== 'any'
  for (const code of operands) {
    const operand = operandForms[code]
    if (operand === undefined) throw tokens.error(`has the unknown operand "${code}"`)
    if (operand.modrm !== 'none') hasModrm = true
    if (operand.modrm === 'memory' || operand.modrm === 'register') {
      if (mod !== 'any' && mod !== operand.modrm) throw tokens.error('contradicts itself about mod')
      mod = operand.modrm
    }
  }
  return Object.freeze({
    opcode: identity.join(' '),
    mnemonic,
    form,
    operands,
    map,
    prefix,
    byte: Number.parseInt(hex, 16),
    span: suffix === '+r' ? 8 : suffix === '+cc' ? 16 : 1,
    hasCondition: suffix === '+cc',
    hasModrm,
    reg,
    modrm,
    modrmSpan,
    mod,
    lock: attributes.has('lock'),
    string: attributes.has('string'),
    modes: attributes.has('i64') ? 'legacy' : attributes.has('o64') ? 'long' : 'all',
    sizing: sizingOf(attributes, operands, prefix),
    longSize: attributes.has('d64') ? 'd64' : attributes.has('f64') ? 'f64' : 'v',
  })
}

/** Parses a table: one row per line, blank lines ignored. */
export function parseTable(table: string): OpcodeRow[] {
  return table
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parseRow)
}
