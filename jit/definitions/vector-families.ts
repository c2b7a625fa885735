/** All families of vector instructions together, and which of them regions execute themselves. */
import { aes } from './aes.ts'
import type { Definition } from './builder.ts'
import { vectorArithmetic } from './sse-arithmetic.ts'
import { vectorConversions } from './sse-convert.ts'
import { vectorIntegers } from './sse-integer.ts'
import { vectorMoves } from './sse-move.ts'
import { vectorShuffles } from './sse-shuffle.ts'
import { sse4 } from './sse4.ts'

export const vectorDefinitions: Readonly<Record<string, Definition>> = {
  ...vectorMoves, ...vectorIntegers, ...vectorShuffles, ...vectorArithmetic, ...vectorConversions, ...sse4, ...aes,
}

/** Instructions that do nothing here, in no family. */
const idle = ['lfence', 'mfence', 'sfence', 'prefetchnta', 'prefetcht0', 'prefetcht1', 'prefetcht2', 'prefetchw']

/** Their helpers access memory or take general registers, which regions keep in locals. */
const interpreted = new Set(['maskmovq', 'maskmovdqu', 'crc32'])

export const regionVectorMnemonics: ReadonlySet<string> = new Set(
  [...Object.keys(vectorDefinitions), ...idle].filter(mnemonic => !interpreted.has(mnemonic)),
)
