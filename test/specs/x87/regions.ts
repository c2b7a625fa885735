/**
 * Runs records through compiled regions: FRSTOR, the instruction and FNSAVE are one region, entered as it is. What the
 * region leaves (an operand that is not ordinary, an exception) the interpreter takes over.
 */
import { compile, regionOf } from '../../../jit/compile.ts'
import { PAGE_BYTES, RAM_BASE, RECORD_BYTES, REGION_RECORDS_BASE } from '../../../runtime/memory-map.ts'
import { Interpreter, type Outcome } from './interpreter.ts'

/** More than any of these regions holds. */
const BUDGET = 1000
const RECORDS = 4
const PRECISION_CONTROL = 0x300

export class RegionInterpreter extends Interpreter {
  private readonly regions = new Map<string, () => number>()
  private fpuControl = 0
  /** Instructions that a region has executed, and those that it has left. */
  compiled = 0
  left = 0

  private compileAt(eip: number): () => number {
    const { core, writer } = this
    const linear = eip & -PAGE_BYTES
    const pages = [0, PAGE_BYTES].map(more => ({
      linear: linear + more, physical: linear + more, bytes: core.ram.slice(linear + more, linear + more + PAGE_BYTES),
    }))
    const request = {
      entry: eip, mode: core.get('mode'), pages, records: REGION_RECORDS_BASE + this.regions.size * RECORDS * RECORD_BYTES,
      fpuControl: this.fpuControl,
    }
    regionOf(request)?.handled.forEach(({ instruction, eip: at }, i) => {
      writer.writeAlone(request.records + i * RECORD_BYTES, instruction, at, request.mode)
    })
    const code = compile(request)
    if (!code) throw new Error(`nothing to compile at ${eip.toString(16)}`)
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code.binary as BufferSource), {
      env: { memory: core.memory },
      core: core.exports as unknown as Record<string, WebAssembly.ExportValue>,
    })
    return exports.region as () => number
  }

  override execute(opcode: number, modrm: number, image: Uint8Array, operand: Uint8Array, flags: number): Outcome {
    this.fpuControl = image[0] | (image[1] << 8)
    return super.execute(opcode, modrm, image, operand, flags)
  }

  protected override runUntilHalt(eip: number): void {
    const { core } = this
    // There is code for each precision.
    const key = `${eip} ${this.fpuControl & PRECISION_CONTROL}`
    let region = this.regions.get(key)
    if (!region) {
      region = this.compileAt(eip)
      this.regions.set(key, region)
    }
    core.set('eip', eip)
    core.set('remaining', BUDGET)
    region()
    const address = RAM_BASE + core.get('eip')
    // HLT is left to the interpreter in any case.
    if (core.bytes[address] === 0xf4) this.compiled++
    else this.left++
    super.runUntilHalt(core.get('eip'))
  }
}
