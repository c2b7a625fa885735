/** Entry of the AssemblyScript module: everything that generated code and the machine call. */
export { bulkMove, bulkStore } from './bulk'
export { enter } from './enter'
export {
  condition, getArithmeticFlags, getEflags, setArithmeticFlags, setEflags,
} from './flags'
export {
  faulted, probeRead, probeWrite, raise, raiseCode, read16, read32, read64, read8, readForModify16, readForModify32,
  readForModify64, readForModify8, write16, write32, write64, write8,
} from './memory'
export { setStep, updateMode } from './mode'
export { closePage, flushPage, flushTlb, peekFetch, peekTranslate, translateFetch } from './paging'
export {
  hostForRead16, hostForRead32, hostForRead8, hostForWrite16, hostForWrite32, hostForWrite8, validateRegion,
} from './regions'
export { attend, cancelStep, findRun, isCalm, noteMiss, notePackedTarget, noteTarget, startTargetProfile } from './runs'
export * from './system'
export { fxrstor, fxsave } from './fxsave'
export { aesGenerateKey, aesRound, carrylessMultiply } from './aes'
export { random as randomWord } from './host'
export { loadMxcsr, mmxUnavailable, sseUnavailable } from './sse-control'
export { vectorArithmetic, vectorCompare, vectorConvert, vectorToInteger } from './sse-operate'
export { compareStrings } from './sse-string'
export { crc32c, leastWord, sumsOfDifferences } from './sse-integer'
export { maskedStore, read128, read128Aligned, write128, write128Aligned } from './vector-memory'
export * from './x87-arithmetic'
export * from './x87-compare'
export * from './x87-control'
export * from './x87-environment'
export * from './x87-move'
export * from './x87-transcendental'
