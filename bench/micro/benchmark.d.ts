/** The part of the package `benchmark` that the micro-benchmarks use; the package brings no types. */
declare module 'benchmark' {
  interface Stats {
    /** Seconds for one call. */
    readonly mean: number
    /** Half of the 95 % confidence interval, in percent of the mean. */
    readonly rme: number
  }

  interface Options {
    /** Seconds that sampling may take. */
    readonly maxTime?: number
    readonly minSamples?: number
  }

  export default class Benchmark {
    constructor(name: string, test: () => void, options?: Options)
    readonly stats: Stats
    /** Set when the test has thrown. */
    readonly error?: Error
    run(): this
  }
}
