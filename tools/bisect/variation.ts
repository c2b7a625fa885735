/**
 * A variation: how many regions are compiled, and which one of them is compiled with a difference. `VariedCompiler`
 * compiles so, and notes what it was asked for.
 */
import { type CompiledCode, type CompileRequest, regionOf } from '../../jit/compile.ts'
import type { Region } from '../../jit/regions/region.ts'
import { type Alteration, compileAltered } from '../fuzz/altered-compile.ts'

export interface Variation {
  /** Regions beyond this number, in the order of their requests, are not compiled. */
  readonly most: number
  /** The only one that is compiled, counted from 0. */
  readonly only?: number
  /** How one of them is compiled, counted from 0. */
  readonly altered?: { readonly number: number; readonly alteration: Alteration }
}

/** Compiles a region with a difference: `compileAltered`, or one that is wrong on purpose. */
export type CompileVaried = (request: CompileRequest, alteration: Alteration) => CompiledCode | undefined

export const everything: Variation = { most: Number.POSITIVE_INFINITY }

export class VariedCompiler {
  /** Regions asked for so far. */
  asked = 0
  /** The region numbered `Variation.altered.number`, or the last that is allowed. */
  request: CompileRequest | undefined
  private readonly variation: Variation
  private readonly always: Alteration
  private readonly compileVaried: CompileVaried

  /** `always` is how every region is compiled. */
  constructor(variation: Variation, always: Alteration = {}, compileVaried: CompileVaried = compileAltered) {
    this.variation = variation
    this.always = always
    this.compileVaried = compileVaried
  }

  readonly compile = (request: CompileRequest): CompiledCode | undefined => {
    const { most, only, altered } = this.variation
    const number = this.asked++
    if (number === (altered?.number ?? only ?? most - 1)) this.request = request
    if (number >= most || (only !== undefined && number !== only)) return undefined
    return this.compileVaried(
      request,
      altered?.number === number ? { ...this.always, ...altered.alteration } : this.always,
    )
  }

  /** The region of `request`. */
  get region(): Region | undefined {
    return this.request && regionOf(this.request)
  }
}
