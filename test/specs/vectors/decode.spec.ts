/**
 * The decoder against the vectors: each captured instruction decodes to the length that the CPU gave it (EIP moved by
 * that much) and to the mnemonic, operand size and LOCK that the generator meant.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { decode } from '../../../jit/decode/decoder.ts'
import { codeBits } from '../../vectors/environment.ts'
import { readVectors, type Vector } from '../../vectors/format.ts'
import { rowName } from './replay.ts'

const folder = fileURLToPath(new URL('../../vectors/', import.meta.url))
const files = readdirSync(folder).filter(name => name.endsWith('.vectors.gz'))
const SECONDS = 1000
const UNDEFINED_OPCODE = 6
const NOP = 0x90
const LOCK = 0xf0
const PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, LOCK, 0xf2, 0xf3]
/** Instructions that the emulated processors do not have: there they are BSF and BSR. */
const OPTIONAL = ['lzcnt', 'tzcnt']

function prefixesOf(v: Vector): number[] {
  const end = v.bytes.findIndex(byte => !PREFIXES.includes(byte))
  return [...v.bytes.subarray(0, end)]
}

/** What is wrong with the decoding, or undefined. */
function complaint(v: Vector): string | undefined {
  const decoded = decode(v.bytes, 0, v.bytes.length, { bits: codeBits(v.environment) })
  if (!decoded.ok) {
    if (v.bytes.length > 15) return decoded.failure === 'length' ? undefined : `failure ${decoded.failure}`
    return v.fault?.vector === UNDEFINED_OPCODE ? undefined : `failure ${decoded.failure}`
  }
  const { instruction: i } = decoded
  if (i.length !== v.bytes.length) return `length ${i.length}, not ${v.bytes.length}`
  if (v.row.mnemonic === 'undefined' || v.fault?.vector === UNDEFINED_OPCODE) return undefined
  const meant = v.row.form === 'Zv_eAX' && v.bytes[v.bytes.length - 1] === NOP ? 'nop' : v.row.mnemonic
  if (i.mnemonic !== meant) return `mnemonic ${i.mnemonic}`
  if (i.lock !== prefixesOf(v).includes(LOCK)) return `lock ${i.lock}`
  return undefined
}

it(
  'decodes every captured instruction',
  () => {
    const wrong = new Map<string, number>()
    for (const name of files) {
      for (const vector of readVectors(readFileSync(folder + name))) {
        if (OPTIONAL.includes(vector.row.mnemonic)) continue
        const text = complaint(vector)
        if (!text) continue
        const key = `${name} ${rowName(vector)}: ${text}`
        wrong.set(key, (wrong.get(key) ?? 0) + 1)
      }
    }
    expect([...wrong].map(([key, count]) => `${key} (${count})`)).toEqual([])
  },
  120 * SECONDS,
)
