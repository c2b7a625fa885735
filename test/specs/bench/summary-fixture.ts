/** Runs of the benchmark that never happened, for the specs of what is made of them. */
import type { EngineRun } from '../../../bench/run.ts'

export const MIB = 1024 * 1024

export const PROGRAMS = [
  { name: 'sieve', path: '/nowhere/sieve', instructions: 50_000_000 },
  { name: 'pipes', path: '/nowhere/pipes', instructions: null },
  { name: 'sse2', path: '/nowhere/sse2', instructions: null }
]

/** A run whose rounds take the given wall milliseconds and twice as much CPU. */
export function run(engine: string, repeat: number, bootMs: number, rounds: Record<string, number[]>): EngineRun {
  return {
    engine,
    repeat,
    boot: { wallMs: bootMs, cpuMs: bootMs * 2 },
    bootResidentBytes: 290 * MIB,
    programs: Object.entries(rounds).map(([program, wall]) => ({
      engine,
      program,
      repeat,
      rounds: wall.map(wallMs => ({ wallMs, cpuMs: wallMs * 2 })),
      checksum: '0badcafe',
      unsupported: null
    })),
    residentBytes: 300 * MIB,
    peakResidentBytes: 320 * MIB,
    otherCpus: 0,
    failure: null
  }
}

/** Takes a program's rounds away, as if the engine's CPU lacked a feature. */
export function withoutFeature(from: EngineRun, program: string, feature: string): EngineRun {
  const programs = from.programs.map(entry =>
    entry.program === program ? { ...entry, rounds: [], checksum: '', unsupported: feature } : entry
  )
  return { ...from, programs }
}
