/**
 * `npm run explain -- 01 d8`: what becomes of an instruction's bytes, stage by stage.
 *
 *     bytes -> Instruction -> record of the interpreter
 *                          -> definition in its intermediate form -> hot handler, general handler, region
 *
 * Several instructions are explained one after the other, and their records are those of one run. --short leaves
 * the wasm text out. --bits 16 decodes 16-bit real-mode code; the default is flat 32-bit protected mode.
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { decode } from '../jit/decode/decoder.ts'
import { format, registerName } from '../jit/decode/disassembler.ts'
import type { AddressSize, Instruction, Operand } from '../jit/decode/instruction.ts'
import { definitionText } from '../jit/definition-text.ts'
import { definitions } from '../jit/definitions/index.ts'
import { regionOf } from '../jit/compile.ts'
import { definedStatements, generalHandlerText, hotHandlerText, regionText } from '../jit/explain-module.ts'
import { factsOf, isHot, signatureOf } from '../jit/handlers.ts'
import { normalise } from '../jit/normalise.ts'
import { PAGE_BYTES } from '../runtime/memory-map.ts'
import { ModeBit, Segment } from '../runtime/state.ts'
import { complain } from '../src/cli/complain.ts'
import { PCError } from '../src/errors.ts'
import { recordsText } from './explain-records.ts'

const USAGE = 'write npm run explain -- 01 d8 [--bits 16] [--short]'
/** More is a program, for which lockstep and traces are better tools. */
const MOST_BYTES = 256
/** Behind the bytes of a region: an instruction that it leaves to the interpreter. */
const HLT = 0xf4

interface Request {
  readonly bytes: Uint8Array
  readonly bits: 16 | 32
  readonly short: boolean
}

/** Reads the arguments. Throws `PCError` 'usage'. */
function readArguments(argv: readonly string[]): Request | 'help' {
  let parsed: { positionals: string[]; values: { bits?: string; short?: boolean; help?: boolean } }
  try {
    parsed = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { bits: { type: 'string' }, short: { type: 'boolean' }, help: { type: 'boolean' } },
    })
  } catch (error) {
    const message = error instanceof Error ? error.message.split(/[.\n]/)[0] : String(error)
    throw new PCError('usage', message, USAGE)
  }
  const { positionals, values } = parsed
  if (values.help) return 'help'
  const bits = Number(values.bits ?? 32)
  if (bits !== 16 && bits !== 32) throw new PCError('usage', `--bits cannot be '${values.bits}'`, 'write 16 or 32')
  return { bytes: readBytes(positionals), bits, short: values.short ?? false }
}

function readBytes(words: readonly string[]): Uint8Array {
  const digits = words.flatMap(word => word.split(',')).map(word => word.replace(/^0x/i, ''))
  const wrong = digits.find(word => !/^([0-9a-f]{2})+$/i.test(word))
  if (wrong !== undefined)
    throw new PCError('usage', `'${wrong}' is no byte in base 16`, 'write two digits for each byte, such as 01 d8')
  const bytes = new Uint8Array(Buffer.from(digits.join(''), 'hex'))
  if (bytes.length === 0) throw new PCError('usage', 'there are no bytes to explain', USAGE)
  if (bytes.length > MOST_BYTES) throw new PCError('usage', 'there are too many bytes', `give at most ${MOST_BYTES}`)
  return bytes
}

const hexOf = (bytes: Uint8Array): string => [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join(' ')

/** Decodes all bytes. Throws `PCError` 'bad-file' at bytes that are no instruction. */
function decodeAll({ bytes, bits }: Request): { instruction: Instruction; offset: number }[] {
  const decoded: { instruction: Instruction; offset: number }[] = []
  for (let offset = 0; offset < bytes.length; ) {
    const outcome = decode(bytes, offset, bytes.length, { bits })
    if (!outcome.ok) throw notAnInstruction(outcome.failure, hexOf(bytes.subarray(offset)), bits)
    decoded.push({ instruction: outcome.instruction, offset })
    offset += outcome.instruction.length
  }
  return decoded
}

function notAnInstruction(failure: 'undefined' | 'length' | 'truncated', hex: string, bits: number): PCError {
  if (failure === 'truncated')
    return new PCError('usage', `the instruction goes on behind ${hex}`, 'add the bytes that are missing')
  if (failure === 'length')
    return new PCError('usage', `${hex} has more than 15 bytes: executing it raises #GP(0)`, 'leave out prefixes')
  return new PCError(
    'usage', `${hex} is undefined in ${bits}-bit code: executing it raises #UD`, 'npm run coverage lists what is defined',
  )
}

function operandText(operand: Operand, addressSize: AddressSize): string {
  switch (operand.kind) {
    case 'register': return `register ${registerName(operand)} (${operand.class} ${operand.index})`
    case 'memory': {
      const name = (index: number): string =>
        registerName({ kind: 'register', class: `gpr${addressSize}`, index, size: addressSize })
      const parts = [`memory of ${operand.size} bits, segment ${Segment[operand.segment].toLowerCase()}`]
      if (operand.base >= 0) parts.push(`base ${name(operand.base)}`)
      if (operand.index >= 0) parts.push(`index ${name(operand.index)} << ${operand.scale}`)
      return [...parts, `displacement ${operand.displacement}`].join(', ')
    }
    case 'far': return `far ${operand.selector}:${operand.offset}`
    default: return `${operand.kind} ${operand.value}, ${operand.size} bits`
  }
}

/** The hot handler serves flat 32-bit code (RecordWriter chooses likewise). */
function usesHotHandler(instruction: Instruction, bits: number): boolean {
  return (
    bits === 32 && isHot(factsOf(instruction)) &&
    instruction.operands.every(
      operand => operand.kind !== 'memory' || (instruction.addressSize === 32 && operand.segment <= Segment.Ds),
    )
  )
}

function section(title: string, lines: readonly string[]): string {
  return `\n${title}\n${lines.map(line => `  ${line}`.trimEnd()).join('\n')}\n`
}

function explainInstruction(decoded: Instruction, offset: number, hex: string, record: string, request: Request): string {
  const instruction = normalise(decoded)
  const facts = factsOf(instruction)
  const { operands, operandSize, addressSize } = instruction
  const extras = [instruction.lock ? 'lock' : '', instruction.repeat === 'none' ? '' : instruction.repeat]
  let text = `${hex}   ${format(instruction, offset)}\n`
  text += section('instruction', [
    `row ${instruction.opcode}   form ${instruction.form || '-'}   operand size ${operandSize}   address size ${addressSize}   ` +
      extras.filter(Boolean).join(' '),
    ...operands.map((operand, i) => `operand ${i}: ${operandText(operand, addressSize)}`),
  ])
  if (!definitions.has(facts.mnemonic))
    return `${text}\n${facts.mnemonic} has no definition in this version: executing it raises #UD\n`
  text += section('record', [record])
  text += section(
    `definition of ${facts.mnemonic}${facts.repeat === 'none' ? '' : ', one step'}, recorded for ${signatureOf(facts)}`,
    definitionText(definedStatements(facts)),
  )
  if (request.short) return text
  const indexed = operands.some(operand => operand.kind === 'memory' && operand.index >= 0)
  if (isHot(facts)) {
    const note = usesHotHandler(instruction, request.bits) ? '' : '; this instruction uses the general one'
    text += section(`hot handler, inline in the interpreter${note}`, hotHandlerText(facts, indexed))
  }
  return text + section('general handler, a function (record, eipDelta) -> outcome', generalHandlerText(facts))
}

/** The function that all the instructions together compile to, when the first is at the entry of a region. */
function explainRegion({ bytes, bits }: Request): string {
  if (bits !== 32) return '\nregion form: none, regions exist for flat 32-bit code only\n'
  const page = new Uint8Array(PAGE_BYTES).fill(HLT)
  page.set(bytes)
  const mode = ModeBit.Code32 | ModeBit.Stack32 | ModeBit.Flat | ModeBit.Protected
  const region = regionOf({ entry: 0, mode, pages: [{ linear: 0, physical: 0, bytes: page }] })
  if (!region) return '\nregion form: none, regions leave the first instruction to the interpreter\n'
  return section(`region form of all ${region.instructions} instructions, entered at 0`, regionText(region))
}

/** The text for the arguments of the command. Throws `PCError` when they are no instructions. */
export function explain(argv: readonly string[]): string {
  const request = readArguments(argv)
  if (request === 'help') return `${USAGE}\n`
  const instructions = decodeAll(request)
  const records = recordsText(request.bytes, request.bits, instructions.length)
  const texts = instructions.map(({ instruction, offset }, i) => {
    const hex = hexOf(request.bytes.subarray(offset, offset + instruction.length))
    return explainInstruction(instruction, offset, hex, records[i], request)
  })
  return texts.join('\n') + (request.short ? '' : explainRegion(request))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.stdout.write(explain(process.argv.slice(2)))
  } catch (error) {
    const { text, status } = complain(error)
    process.stderr.write(`${text.replace(/^tabpc/, 'explain')}\n`)
    process.exitCode = status
  }
}
