/**
 * Build time: makes core.wasm, the interpreter, from the definitions and the AssemblyScript helpers.
 *
 *   decode every opcode -> one sample per signature -> definition -> HotLowering | GeneralLowering -> core.wasm
 *
 * The interpreter is one function, `run`:
 *
 *   loop dispatch                 attend to events, find the run at EIP
 *     loop next                   br_table on the record's handler number
 *       hot handlers, inline      go on, follow a link, or leave for one of:
 *       default                   call_indirect of a general handler, act on its Outcome
 *     fault                       put EIP back, deliver the exception
 *     indirect                    jump cache
 *
 * `run` returns every few milliseconds by its budget: V8 replaces no running wasm frame by optimised code.
 */
import binaryen from 'binaryen'
import { ExitReason, RegionOutcome } from '../runtime/exits.ts'
import {
  JumpCacheField, MAX_RUN_INSTRUCTIONS, PAGE_BYTES, RECORD_BYTES, REGION_DESCRIPTORS_BASE, REGION_SLOTS,
} from '../runtime/memory-map.ts'
import {
  MOST_REGION_INSTRUCTIONS, NOT_CROSSING, RecordField, RecordFlag, REGION_DESCRIPTOR_BYTES, RegionDescriptor, RunHeader,
} from '../runtime/records.ts'
import { FAULT_STEP, Segment, Vector } from '../runtime/state.ts'
import { GENERAL_LOCALS, GeneralLowering, Outcome, RepeatLowering } from './backends/general-handler.ts'
import { valueTypes } from './backends/handler.ts'
import { HotLowering } from './backends/hot-handler.ts'
import { type Expression, LocalPool, } from './backends/value.ts'
import { Builder, type Facts } from './definitions/builder.ts'
import { definitions } from './definitions/index.ts'
import { addHandleRecord } from './handle-record.ts'
import { type HandlerTable, isHot, signatureOf, type SpecialHandler } from './handlers.ts'
import { frame, InterpreterExpressions, OUTCOME_LOCAL, SCRATCH_LOCAL, UNDER_WAY_LOCAL } from './interpreter-expressions.ts'
import type { ValueType } from './ir.ts'
import { forgetJump, isJumpKnown, jumpCacheField, jumpCachePlace, nameRegion } from './jump-cache.ts'
import { collectSamples } from './samples.ts'
import { noteInRing } from './trace-ring.ts'

/** core.wasm and the numbers of its handlers. */
export interface InterpreterModule {
  readonly binary: Uint8Array
  readonly handlers: HandlerTable
}

const FIRST_SCRATCH = 9

const REGION_TABLE = 'regions'
/** Flat code, whose EIP is a linear address, and all other code have loops of their own for entering regions. */
enum Addressing { Flat = 'flat', Unflat = 'unflat' }
const ENTER_LOOP = { flat: 'enter', unflat: 'enterUnflat' } as const
const CHAIN_LOOP = { flat: 'chain', unflat: 'chainUnflat' } as const

const HANDLER_TABLE = 'handlers'

const jumpFacts: Facts = {
  mnemonic: 'jmp', condition: -1, operandSize: 32, addressSize: 32, repeat: 'none',
  operands: [{ kind: 'relative', size: 32 }],
}

class InterpreterGenerator extends InterpreterExpressions {
  private readonly generalNames: string[] = []
  private readonly hotLabels: string[] = []
  private readonly hotBodies: Expression[][] = []
  private readonly pool = new LocalPool(FIRST_SCRATCH)
  /** Number of the handler `enter`; `enterUnflat` follows it. */
  private enterNumber = 0

  // --- handlers ---

  private addHot(label: string, body: Expression[]): number {
    this.hotLabels.push(label)
    this.hotBodies.push(body)
    return this.hotLabels.length - 1
  }

  private hotHandler(facts: Facts, name: string, indexed: boolean): number {
    this.pool.release()
    const builder = new Builder(facts)
    definitions.get(facts.mnemonic)?.(builder, facts)
    const lowering = new HotLowering(this.m, this.pool, facts, this.helperNames, frame, indexed)
    return this.addHot(name, lowering.lower(builder.statements))
  }

  private addGeneral(name: string, body: Expression[], types: readonly ValueType[]): number {
    const { m } = this
    m.addFunction(
      name,
      binaryen.createType([binaryen.i32, binaryen.i32]),
      binaryen.i32,
      types.map(type => valueTypes[type]),
      m.block(null, [...body, this.constant(Outcome.Next)], binaryen.i32),
    )
    this.generalNames.push(name)
    return this.generalNames.length - 1
  }

  private generalHandler(facts: Facts, name: string): number {
    const pool = new LocalPool(GENERAL_LOCALS)
    const builder = new Builder(facts)
    definitions.get(facts.mnemonic)?.(builder, facts)
    const Lowering = facts.repeat === 'none' ? GeneralLowering : RepeatLowering
    const lowering = new Lowering(this.m, pool, facts, this.helperNames)
    return this.addGeneral(name, lowering.lower(builder.statements), pool.types)
  }

  /** Whether control never goes on to the next record behind an instruction. */
  private endsRun(facts: Facts): boolean {
    const builder = new Builder(facts)
    definitions.get(facts.mnemonic)?.(builder, facts)
    return builder.statements.some(node => node.op === 'jump' || node.op === 'jumpTo' || node.op === 'endRun')
  }

  /** A handler that only raises an exception: bytes that are no instruction. */
  private raisingHandler(name: string, vector: Vector): number {
    const { m } = this
    return this.addGeneral(
      name,
      [
        this.setState('fault', this.constant(vector + 1)),
        this.setState('faultErrorCode', this.constant(0)),
        m.return(this.constant(Outcome.Fault)),
      ],
      [],
    )
  }

  /** The end of a run outside flat code: go on at the next offset. */
  private endGeneralHandler(): number {
    const { m } = this
    const eip = m.i32.add(this.local(1), m.i32.load16_u(RecordField.Next, 2, this.local(0)))
    // Beyond the limit the jump cache may know code of another segment.
    const beyond = m.i32.gt_u(this.state('eip'), this.state('segmentLimit', Segment.Cs))
    const outcome = m.select(beyond, this.constant(Outcome.Dispatch), this.constant(Outcome.Jump))
    return this.addGeneral('end', [this.setState('eip', eip), m.return(outcome)], [])
  }

  private staleHandler(): Expression[] {
    const { m } = this
    const executed = m.i32.sub(
      this.recordField(RecordField.Ordinal), m.i32.ne(this.recordField(RecordField.Length), this.constant(0)),
    )
    const linear = m.i32.add(this.state('eip'), this.state('segmentBase', Segment.Cs))
    return [
      this.setState('eip', this.currentEip()),
      this.countDown(executed),
      // What led here may be the jump cache, which is asked again.
      forgetJump(m, jumpCachePlace(m, linear)),
      m.local.set(frame.linkFrom, this.constant(0)),
      m.br(frame.dispatch),
    ]
  }

  /** The first record of a run whose region is compiled: enters the region, or does what stood here. */
  private enterHandler(addressing: Addressing): Expression[] {
    const { m } = this
    const linear = (offset: Expression) => (addressing === Addressing.Flat ? offset : this.linear(offset))
    const slot = SCRATCH_LOCAL
    const offset = () => m.i32.mul(this.local(slot), this.constant(REGION_DESCRIPTOR_BYTES))
    const descriptor = (field: RegionDescriptor) => m.i32.load(REGION_DESCRIPTORS_BASE + field, 4, offset())
    const inPlace = m.if(
      m.i32.eq(descriptor(RegionDescriptor.ValidatedKey), this.state('key')),
      this.constant(1),
      this.helper('validateRegion', [this.local(slot)], binaryen.i32),
    )
    // The run may be reached through another linear page than the one that the region's addresses belong to.
    const enough = m.i32.and(
      m.i32.ge_s(this.local(frame.remaining), descriptor(RegionDescriptor.Instructions)),
      m.i32.eq(linear(this.local(frame.eipDelta)), descriptor(RegionDescriptor.FirstPage)),
    )
    const place = () => this.local(frame.linkFrom)
    const enter = m.block(null, [
      m.local.set(frame.target, linear(this.currentEip())),
      m.local.set(frame.linkFrom, jumpCachePlace(m, this.local(frame.target))),
      m.if(
        isJumpKnown(m, place, this.local(frame.target), this.state('key')),
        nameRegion(m, place, () => this.local(slot), offset()),
      ),
      m.local.set(frame.linkFrom, this.constant(0)),
      m.loop(CHAIN_LOOP[addressing], this.callRegion(slot, addressing)),
    ])
    const find = m.local.set(slot, this.header(RunHeader.Region))
    return [
      m.loop(ENTER_LOOP[addressing], m.block(null, [find, m.if(enough, m.if(inPlace, enter))])),
      ...this.original(),
      m.br(frame.next),
    ]
  }

  /** Calls the region in a slot, known to be in place, and goes where it leads. */
  private callRegion(slot: number, addressing: Addressing): Expression {
    const { m } = this
    const is = (outcome: RegionOutcome) => m.i32.eq(this.local(OUTCOME_LOCAL), this.constant(outcome))
    return m.block(null, [
      this.setState('remaining', this.local(frame.remaining)),
      m.local.set(
        OUTCOME_LOCAL, m.call_indirect(REGION_TABLE, this.local(slot), [], binaryen.none, binaryen.i32),
      ),
      m.local.set(frame.remaining, this.state('remaining')),
      m.local.set(frame.target, this.state('eip')),
      // A transfer may have changed privilege.
      m.local.set(frame.tlb, this.state('tlbBase')),
      m.if(is(RegionOutcome.Jump), this.chain(addressing)),
      m.if(
        is(RegionOutcome.Interpret),
        m.if(
          this.helper('noteMiss', [this.linear(this.local(frame.target))], binaryen.i32), m.return(this.constant(ExitReason.Review)),
        ),
        m.if(
          m.i32.ne(this.local(OUTCOME_LOCAL), this.constant(RegionOutcome.Jump)),
          m.block(null, [
            m.if(is(RegionOutcome.Fault), m.block(null, this.deliver())),
            m.local.set(OUTCOME_LOCAL, this.constant(RegionOutcome.Jump)),
            m.br(frame.dispatch),
          ]),
        ),
      ),
      m.br(frame.indirect),
    ])
  }

  /**
   * before: back to the dispatch loop after each region => after: straight into the next one, when the jump cache
   * names it or at least its run.
   */
  private chain(addressing: Addressing): Expression {
    const { m } = this
    const place = SCRATCH_LOCAL
    const flat = addressing === Addressing.Flat
    const target = () => (flat ? this.local(frame.target) : this.linear(this.local(frame.target)))
    const field = (name: JumpCacheField) => jumpCacheField(m, name, this.local(place))
    const isEnter = flat ? m.i32.eq(this.recordField(RecordField.Handler), this.constant(this.enterNumber)) : this.isAnyEnter()
    const atLeast = (instructions: number) => m.i32.ge_s(this.local(frame.remaining), this.constant(instructions))
    const eipDelta = flat
      ? m.i32.and(this.local(frame.target), this.constant(-PAGE_BYTES))
      : m.i32.sub(this.local(frame.target), m.i32.and(target(), this.constant(PAGE_BYTES - 1)))
    return m.block(null, [
      m.local.set(place, jumpCachePlace(m, target())),
      m.if(
        isJumpKnown(m, () => this.local(place), target(), this.state('key')),
        m.block(null, [
          m.local.set(frame.record, field(JumpCacheField.Run)),
          m.local.set(place, field(JumpCacheField.Region)),
          m.if(
            m.i32.and(m.i32.ne(this.local(place), this.constant(0)), atLeast(MOST_REGION_INSTRUCTIONS)),
            m.block(null, [m.local.set(SCRATCH_LOCAL, m.i32.sub(this.local(place), this.constant(1))), m.br(CHAIN_LOOP[addressing])]),
          ),
          // Near the end of the budget, not even the run that the region stands for may be begun.
          m.if(
            m.i32.and(isEnter, atLeast(MAX_RUN_INSTRUCTIONS)),
            m.block(null, [m.local.set(frame.eipDelta, eipDelta), m.br(ENTER_LOOP[addressing])]),
          ),
        ]),
      ),
    ])
  }

  /** Whether a region may be entered at `record`. */
  private isAnyEnter(): Expression {
    const { m } = this
    return m.i32.le_u(m.i32.sub(this.recordField(RecordField.Handler), this.constant(this.enterNumber)), this.constant(1))
  }

  /** To the instruction that stood where `enter` stands: it has a copy, behind which a `goto` leads back. */
  private original(): Expression[] {
    return [this.m.local.set(frame.record, this.header(RunHeader.FirstRecord))]
  }

  /** Passes over a region that begins at `record`, if the last one has left its first instruction to the interpreter. */
  private passOverRegion(): Expression {
    const { m } = this
    return m.if(
      this.local(OUTCOME_LOCAL),
      m.block(null, [
        m.local.set(OUTCOME_LOCAL, this.constant(RegionOutcome.Jump)), m.if(this.isAnyEnter(), m.block(null, this.original())),
      ]),
    )
  }

  /** Counts an entry into the run at `record`; a run that has become hot is reported. */
  private heat(): Expression[] {
    const { m } = this
    const header = m.i32.sub(this.local(frame.record), this.constant(RECORD_BYTES))
    return [
      m.local.set(SCRATCH_LOCAL, m.i32.add(this.header(RunHeader.Heat), this.constant(1))),
      m.i32.store(RunHeader.Heat, 4, header, this.local(SCRATCH_LOCAL)),
      m.if(
        m.i32.eq(this.local(SCRATCH_LOCAL), this.state('heatThreshold')),
        m.block(null, [
          this.setState('eip', this.currentEip()),
          this.setState('remaining', this.local(frame.remaining)),
          this.setState('exitArgument', this.local(frame.record)),
          m.return(this.constant(ExitReason.Hot)),
        ]),
      ),
    ]
  }

  // --- the function ---

  /** Notes the offset in the ring of the last places. */
  private note(eip: Expression): Expression[] {
    return noteInRing(this.m, SCRATCH_LOCAL, eip)
  }

  /** Fills in the link of the branch that has led to `record`, where the branch may be linked. */
  private link(): Expression {
    const { m } = this
    const linkable = m.i32.and(
      this.recordField(RecordField.Flags, this.local(frame.linkFrom)), this.constant(RecordFlag.Linkable),
    )
    const secondPage = this.header(RunHeader.SecondPage)
    return m.if(
      this.local(frame.linkFrom),
      m.block(null, [
        m.if(
          m.i32.and(m.i32.ne(linkable, this.constant(0)), m.i32.eq(secondPage, this.constant(NOT_CROSSING))),
          m.i32.store(RecordField.Link, 4, this.local(frame.linkFrom), this.local(frame.record)),
        ),
        m.local.set(frame.linkFrom, this.constant(0)),
      ]),
    )
  }

  private faultCode(): Expression[] {
    const { m } = this
    const executed = m.i32.sub(this.recordField(RecordField.Ordinal), this.constant(1))
    return [
      // A task switch that fails in the new task leaves EIP there.
      m.if(m.i32.eqz(this.state('eipMoved')), this.setState('eip', this.currentEip())),
      this.countDown(executed),
      ...this.deliver(),
      m.br(frame.dispatch),
    ]
  }

  /** Delivers the pending exception, or turns the request for a step into one. */
  private deliver(): Expression[] {
    const { m } = this
    const step = m.i32.eq(this.state('fault'), this.constant(FAULT_STEP + 1))
    return [
      m.local.set(frame.linkFrom, this.constant(0)),
      m.if(
        step,
        m.block(null, [this.setState('fault', this.constant(0)), this.setState('stepRequest', this.constant(1))]),
        m.block(null, [
          this.setState('trapBefore', this.constant(0)),
          m.if(
            this.helper('deliverException', [], binaryen.i32),
            m.block(null, [
              this.setState('remaining', this.local(frame.remaining)),
              m.return(this.constant(ExitReason.TripleFault)),
            ]),
          ),
        ]),
      ),
    ]
  }

  private indirectCode(): Expression[] {
    const { m } = this
    const entry = SCRATCH_LOCAL
    const linear = () => m.i32.add(this.local(frame.target), this.state('segmentBase', Segment.Cs))
    const hit = isJumpKnown(m, () => this.local(entry), linear(), this.state('key'))
    const delta = m.i32.sub(this.local(frame.target), m.i32.and(linear(), this.constant(PAGE_BYTES - 1)))
    return [
      m.if(
        m.i32.ge_s(this.local(frame.remaining), this.constant(MAX_RUN_INSTRUCTIONS)),
        m.block(null, [
          m.local.set(entry, jumpCachePlace(m, linear())),
          m.if(
            hit,
            m.block(null, [
              m.local.set(frame.record, jumpCacheField(m, JumpCacheField.Run, this.local(entry))),
              m.local.set(frame.eipDelta, delta),
              this.link(),
              ...this.note(this.local(frame.target)),
              ...this.heat(),
              this.passOverRegion(),
              m.br(frame.next),
            ]),
          ),
        ]),
      ),
      this.setState('eip', this.local(frame.target)),
      m.br(frame.dispatch),
    ]
  }

  /** Calls a general handler and acts on its outcome. */
  private generalCode(): Expression[] {
    const { m } = this
    const number = m.i32.sub(this.recordField(RecordField.Handler), this.constant(this.hotLabels.length))
    const call = m.call_indirect(
      HANDLER_TABLE, number, [this.local(frame.record), this.local(frame.eipDelta)],
      binaryen.createType([binaryen.i32, binaryen.i32]), binaryen.i32,
    )
    const outcome = SCRATCH_LOCAL
    const is = (wanted: Outcome) => m.i32.eq(this.local(outcome), this.constant(wanted))
    // Handlers that ask for the time (IN, RDTSC) see the instructions before theirs as retired.
    const before = m.i32.sub(this.local(frame.remaining), m.i32.sub(this.recordField(RecordField.Ordinal), this.constant(1)))
    return [
      this.setState('remaining', before),
      m.local.set(outcome, call),
      m.if(
        m.i32.eqz(this.local(outcome)),
        m.block(null, [
          m.local.set(frame.record, m.i32.add(this.local(frame.record), this.constant(RECORD_BYTES))),
          m.br(frame.next),
        ]),
      ),
      m.br_if(frame.fault, is(Outcome.Fault)),
      this.countDown(this.recordField(RecordField.Ordinal)),
      m.local.set(frame.linkFrom, this.constant(0)),
      m.br_if(frame.dispatch, m.i32.or(is(Outcome.Dispatch), this.state('stepping'))),
      m.local.set(frame.target, this.state('eip')),
      m.br(frame.indirect),
    ]
  }

  private dispatchCode(): Expression[] {
    const { m } = this
    const exit = SCRATCH_LOCAL
    const pageOffset = m.i32.and(
      m.i32.add(this.state('eip'), this.state('segmentBase', Segment.Cs)), this.constant(PAGE_BYTES - 1),
    )
    return [
      this.setState('remaining', this.local(frame.remaining)),
      m.local.set(exit, this.helper('attend', [], binaryen.i32)),
      m.if(this.local(exit), m.return(this.local(exit))),
      // A device may have brought the end of the budget forward.
      m.local.set(frame.remaining, this.state('remaining')),
      m.if(this.state('stepping'), m.local.set(frame.linkFrom, this.constant(0))),
      m.local.set(frame.record, this.helper('findRun', [], binaryen.i32)),
      m.if(
        m.i32.eqz(this.local(frame.record)),
        m.block(null, [
          m.if(
            this.state('fault'),
            m.block(null, [...this.note(this.state('eip')), ...this.deliver(), m.br(frame.dispatch)]),
          ),
          m.return(this.constant(ExitReason.Decode)),
        ]),
      ),
      ...this.note(this.state('eip')),
      m.local.set(frame.tlb, this.state('tlbBase')),
      m.local.set(frame.eipDelta, m.i32.sub(this.state('eip'), pageOffset)),
      this.link(),
      // Code that interrupts, exceptions and their returns lead to comes this way. A step is not to be interrupted:
      // `attend` would take it for ended.
      m.if(m.i32.gt_u(this.local(UNDER_WAY_LOCAL), this.state('stepping')), m.block(null, this.heat())),
      m.local.set(UNDER_WAY_LOCAL, this.constant(1)),
      this.passOverRegion(),
    ]
  }

  private runFunction(): void {
    const { m } = this
    const labels = this.hotLabels.map((_name, i) => `h${i}`)
    let body: Expression = m.block(labels[0], [m.switch(labels, 'general', this.recordField(RecordField.Handler))])
    this.hotBodies.forEach((code, i) => {
      body = m.block(i + 1 < labels.length ? labels[i + 1] : 'general', [body, ...code])
    })
    const withFault = m.block(frame.fault, [body, ...this.generalCode()])
    const withIndirect = m.block(frame.indirect, [withFault, ...this.faultCode()])
    const handled = m.block(frame.linked, [withIndirect, ...this.indirectCode()])
    const linked = [m.local.set(frame.record, this.local(frame.target)), ...this.heat(), m.br(frame.next)]
    const nextLoop = m.loop(frame.next, m.block(null, [handled, ...linked]))
    const whole = m.loop(frame.dispatch, m.block(null, [...this.dispatchCode(), nextLoop]))
    const fixed = Array.from({ length: FIRST_SCRATCH }, () => binaryen.i32)
    m.addFunction(
      'run', binaryen.none, binaryen.i32, [...fixed, ...this.pool.types.map(type => valueTypes[type])],
      m.block(null, [m.local.set(frame.remaining, this.state('remaining')), whole, m.unreachable()], binaryen.i32),
    )
    m.addFunctionExport('run', 'run')
  }

  /** Adds everything to the module; gives the numbers. */
  generate(samples: readonly Facts[]): HandlerTable {
    const hot: [string, number, number][] = []
    const general: [string, number, number][] = []
    const special = {} as Record<SpecialHandler, number>
    special.stale = this.addHot('stale', this.staleHandler())
    this.enterNumber = this.hotLabels.length
    special.enter = this.addHot('enter', this.enterHandler(Addressing.Flat))
    special.enterUnflat = this.addHot('enterUnflat', this.enterHandler(Addressing.Unflat))
    special.goto = this.addHot('goto', [
      this.m.local.set(frame.record, this.m.i32.load(RecordField.Link, 4, this.local(frame.record))),
      this.m.br(frame.next),
    ])
    special.end = this.hotHandler(jumpFacts, 'end', false)
    for (const facts of samples) {
      const signature = signatureOf(facts)
      general.push([signature, this.generalHandler(facts, signature), this.endsRun(facts) ? 1 : 0])
      if (!isHot(facts)) continue
      const plain = this.hotHandler(facts, signature, false)
      const hasMemory = facts.operands.some(operand => operand.kind === 'memory')
      hot.push([signature, plain, hasMemory ? this.hotHandler(facts, `${signature} indexed`, true) : plain])
    }
    special.undefined = this.raisingHandler('undefined', Vector.UD)
    special.tooLong = this.raisingHandler('tooLong', Vector.GP)
    special.endGeneral = this.endGeneralHandler()
    const { m, generalNames, hotLabels } = this
    m.addTable(HANDLER_TABLE, generalNames.length, generalNames.length)
    m.addActiveElementSegment(HANDLER_TABLE, 'general', generalNames, this.constant(0))
    m.addTable(REGION_TABLE, REGION_SLOTS, REGION_SLOTS)
    m.addTableExport(REGION_TABLE, REGION_TABLE)
    addHandleRecord(m, this.helperNames, this.hotLabels.length, HANDLER_TABLE)
    this.runFunction()
    const shift = (number: number) => number + hotLabels.length
    for (const name of ['undefined', 'tooLong', 'endGeneral'] as const) special[name] = shift(special[name])
    return { hot, general: general.map(([signature, number, ends]) => [signature, shift(number), ends] as const), special }
  }
}

/** Makes the interpreter from the compiled helpers (output of asc, with the memory imported). */
export function buildInterpreter(helpers: Uint8Array): InterpreterModule {
  // Names in the binary make profiles and stack traces readable.
  binaryen.setDebugInfo(true)
  const m = binaryen.readBinary(helpers)
  m.setFeatures(
    binaryen.Features.BulkMemory | binaryen.Features.BulkMemoryOpt | binaryen.Features.SignExt | binaryen.Features.MutableGlobals |
      binaryen.Features.NontrappingFPToInt | binaryen.Features.SIMD128 | binaryen.Features.ReferenceTypes,
  )
  const helperNames = new Map<string, string>()
  for (let i = 0; i < m.getNumExports(); i++) {
    const info = binaryen.getExportInfo(m.getExportByIndex(i))
    if (info.kind === binaryen.ExternalFunction) helperNames.set(info.name, info.value)
  }
  const handlers = new InterpreterGenerator(m, helperNames).generate(collectSamples())
  if (!m.validate()) throw new Error('core.wasm does not validate')
  return { binary: m.emitBinary(), handlers }
}
