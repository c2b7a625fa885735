/**
 * What RDRAND draws from: the host's entropy. With the virtual clock, where a run is repeatable bit for bit, a fixed
 * sequence instead, which is no secret.
 */

/** Words fetched from the host at a time. */
const POOL_WORDS = 256
/** Source of the sequence: Marsaglia, Xorshift RNGs, Journal of Statistical Software 8 (2003). */
const FIXED_SEED = 0x2545f491

function hostEntropy(): () => number {
  const pool = new Uint32Array(POOL_WORDS)
  let left = 0
  return () => {
    if (left === 0) {
      globalThis.crypto.getRandomValues(pool)
      left = POOL_WORDS
    }
    left--
    const word = pool[left]
    pool[left] = 0
    return word
  }
}

function fixedSequence(): () => number {
  let state = FIXED_SEED
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
}

/** Gives 32 bits with each call. */
export function entropySource(clock: 'wall' | 'virtual'): () => number {
  return clock === 'virtual' ? fixedSequence() : hostEntropy()
}
