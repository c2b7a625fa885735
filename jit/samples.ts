/** Build time: one sample of the facts of every signature that has a definition, found by decoding every opcode. */
import { decode } from './decode/decoder.ts'
import type { Instruction } from './decode/instruction.ts'
import type { Facts } from './definitions/builder.ts'
import { definitions } from './definitions/index.ts'
import { factsOf, signatureOf } from './handlers.ts'
import { normalise } from './normalise.ts'

/** Prefixes that may change an instruction's signature, in the combinations that do. */
const prefixSets: readonly (readonly number[])[] = [
  [], [0x66], [0x67], [0x66, 0x67], [0xf3], [0xf2], [0xf3, 0x66], [0xf2, 0x66], [0xf3, 0x67], [0xf2, 0x67],
  [0xf3, 0x66, 0x67], [0xf2, 0x66, 0x67],
]

const maps: readonly (readonly number[])[] = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]]

/** Operand bytes behind an opcode: more than any instruction takes. */
const TAIL_BYTES = 12

/** Calls `visit` with every distinct opcode, ModR/M byte and prefix set that decodes, in both code sizes. */
export function visitInstructions(visit: (instruction: Instruction) => void): void {
  const bytes = new Uint8Array(32)
  for (const bits of [32, 16] as const)
    for (const prefixes of prefixSets)
      for (const map of maps) {
        bytes.fill(0)
        bytes.set([...prefixes, ...map])
        const opcodeAt = prefixes.length + map.length
        for (let opcode = 0; opcode < 256; opcode++)
          // A memory and a register form for every reg field, and every register form for x87's D8..DF.
          for (let modrm = 0; modrm < 256; modrm++) {
            bytes[opcodeAt] = opcode
            bytes[opcodeAt + 1] = modrm
            const decoded = decode(bytes, 0, opcodeAt + 2 + TAIL_BYTES, { bits })
            if (decoded.ok) visit(normalise(decoded.instruction))
          }
      }
}

/** Facts of one instruction of every signature that has a definition, in a fixed order. */
export function collectSamples(): Facts[] {
  const samples = new Map<string, Facts>()
  visitInstructions(instruction => {
    if (!definitions.has(instruction.mnemonic)) return
    const facts = factsOf(instruction)
    const signature = signatureOf(facts)
    if (!samples.has(signature)) samples.set(signature, facts)
  })
  return [...samples.keys()].sort().map(signature => samples.get(signature) as Facts)
}
