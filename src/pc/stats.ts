/** Figures of a PC, as `pc.stats()` gives them. */

/** Code that has been compiled. */
export interface CompiledFigures {
  /** Regions in place now, and the bytes of their WebAssembly. */
  readonly count: number
  readonly codeBytes: number
  /** Sent to the compiler, and put in place, since power-on. */
  readonly requested: number
  readonly installed: number
  /** Time in the compile worker, in ms. */
  readonly compileMilliseconds: number
}

export interface PCStats {
  /** Guest instructions retired since power-on. */
  readonly instructions: number
  /** Host seconds spent running guest code. */
  readonly seconds: number
  /** Millions of instructions per second over `seconds`. */
  readonly mips: number
  /** Millions of instructions a second of host time, over the last second; 0 while the guest sleeps. */
  readonly currentMips: number
  /** Part of the last second in which the CPU was at work: 0 to 1. */
  readonly load: number
  /** How often the guest has reset the machine. */
  readonly restarts: number
  /** Exits from the CPU core by the name of their reason. */
  readonly exits: Readonly<Record<string, number>>
  /** Runs of code decoded, and dropped because their bytes changed. */
  readonly decodedRuns: number
  readonly invalidations: number
  /** Absent when everything is interpreted. */
  readonly compiled?: CompiledFigures
  /** Bytes of WebAssembly memory: guest RAM, video memory, records of decoded code. */
  readonly memoryBytes: number
  /** Whether the page shares memory with the machine's thread. */
  readonly isIsolated: boolean
}
