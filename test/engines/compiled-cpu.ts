/** The bench with the region compiler: code entered `heatThreshold` times runs compiled, at once or when it is told to. */
import { compile } from '../../jit/compile.ts'
import { type Compiler, RegionManager } from '../../jit/region-manager.ts'
import { CpuBench } from '../specs/cpu/bench.ts'

export class CompiledBench extends CpuBench {
  readonly regions: RegionManager

  constructor(heatThreshold: number, compiler: Compiler = compile) {
    super('flat')
    this.regions = new RegionManager(this.core, this.cache, this.writer, compiler)
    this.core.set('heatThreshold', heatThreshold)
  }

  protected override hot(record: number): void {
    this.regions.hot(record)
  }
}
