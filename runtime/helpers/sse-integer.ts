/** Integer instructions of SSE4.1 and SSE4.2 that are too long for inline code: MPSADBW, PHMINPOSUW, CRC32. */
import { DESTINATION_SHIFT, FORM_ADDRESS_MASK, RESULT, SOURCE_SHIFT, VECTOR_IMMEDIATE } from '../../build/helpers/layout'

/** The polynomial 11EDC6F41, bits reversed (SDM vol. 2, CRC32). */
const CRC32C: u32 = 0x82f63b78

/** MPSADBW: eight sums of the differences of four bytes of the source and four of the destination, from each byte on. */
export function sumsOfDifferences(form: u32): void {
  const destination = (form >> DESTINATION_SHIFT) & FORM_ADDRESS_MASK
  const source = (form >> SOURCE_SHIFT) & FORM_ADDRESS_MASK
  const immediate = load<u32>(VECTOR_IMMEDIATE)
  const left = destination + (immediate & 4)
  const right = source + ((immediate & 3) << 2)
  for (let i: u32 = 0; i < 8; i++) {
    let total: u32 = 0
    for (let k: u32 = 0; k < 4; k++) {
      const a = <i32>load<u8>(left + i + k)
      const b = <i32>load<u8>(right + k)
      total += <u32>(a < b ? b - a : a - b)
    }
    store<u16>(RESULT + (i << 1), <u16>total)
  }
  memory.copy(destination, RESULT, 16)
}

/** PHMINPOSUW: the least word of the source, its number, and zeros. */
export function leastWord(form: u32): void {
  const destination = (form >> DESTINATION_SHIFT) & FORM_ADDRESS_MASK
  const source = (form >> SOURCE_SHIFT) & FORM_ADDRESS_MASK
  let least: u32 = load<u16>(source)
  let position: u32 = 0
  for (let i: u32 = 1; i < 8; i++) {
    const word: u32 = load<u16>(source + (i << 1))
    if (word >= least) continue
    least = word
    position = i
  }
  store<u64>(destination, least | (position << 16))
  store<u64>(destination, 0, 8)
}

/** CRC32: `crc` with the low `bits` bits of `value` taken in. */
export function crc32c(crc: u32, value: u32, bits: u32): u32 {
  let rest = crc ^ value
  for (let i: u32 = 0; i < bits; i++) rest = (rest >> 1) ^ (CRC32C & (0 - (rest & 1)))
  return rest
}
