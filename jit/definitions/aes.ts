/** AES-NI and PCLMULQDQ (SDM vol. 2): a helper each. */
import { declareHelpers } from '../helper-signatures.ts'
import type { Definition } from './builder.ts'
import { sourceAddress } from './sse4.ts'
import { begin, formOf, stashImmediate } from './vector.ts'

declareHelpers('aesRound(i32)@ aesGenerateKey(i32)@ carrylessMultiply(i32)@')

/** Low bits of the form of `aesRound`. */
const DECRYPT = 1
const LAST = 2
const MIX_ONLY = 4

/** AESENC AESENCLAST AESDEC AESDECLAST    one round on dst with the key src. AESIMC    dst := src, columns mixed back. */
const round =
  (kind: number): Definition =>
  b => {
    begin(b)
    b.call('aesRound', formOf(b, kind, b.read(0), sourceAddress(b)))
  }

/** An instruction that a helper does with the immediate. */
const withImmediate =
  (helper: string): Definition =>
  b => {
    begin(b)
    const source = sourceAddress(b)
    stashImmediate(b, b.read(2))
    b.call(helper, formOf(b, 0, b.read(0), source))
  }

export const aes: Readonly<Record<string, Definition>> = {
  aesenc: round(0), aesenclast: round(LAST), aesdec: round(DECRYPT), aesdeclast: round(DECRYPT | LAST),
  aesimc: round(MIX_ONLY), aeskeygenassist: withImmediate('aesGenerateKey'), pclmulqdq: withImmediate('carrylessMultiply'),
}
