/**
 * Deliberate faults of the compiler, each a line that is easily got wrong: `npm run fuzz -- --mutants` plants them one
 * by one and says which of them random programs notice (mutation-check.ts). What is not here: changes that cost speed
 * alone, since leaving a region for no reason is always right.
 */

/** A text that stands once in a file of the compiler, and what stands there instead. */
export interface Mutant {
  readonly name: string
  readonly file: string
  readonly before: string
  readonly after: string
}

const FLAGS = 'jit/regions/flag-flow.ts'
const SHAPE = 'jit/regions/flag-shape.ts'
const FLAG_LOCALS = 'jit/backends/region-flags.ts'
const GROUPS = 'jit/regions/access-groups.ts'
const MEMORY = 'jit/backends/region-memory.ts'
const REGION = 'jit/backends/region.ts'
const FRAME = 'jit/backends/region-frame.ts'
const VECTOR = 'jit/backends/region-vector.ts'
const X87 = 'jit/backends/region-x87.ts'
const X87_FLOW = 'jit/regions/x87-flow.ts'
const X87_VALUES = 'jit/backends/x87-values.ts'
const DISCOVERY = 'jit/regions/discovery.ts'
const CHOICE = 'jit/regions/lowering-choice.ts'
const MANAGER = 'jit/region-manager.ts'
const CACHE = 'runtime/code-cache.ts'

export const mutants: readonly Mutant[] = [
  // Flags.
  { name: 'flags-dead-at-exits', file: FLAGS, before: 'flags.reads || flags.exits', after: 'flags.reads' },
  { name: 'flags-dead-behind-return', file: FLAGS, before: 'targets === undefined ||', after: 'targets !== undefined &&' },
  { name: 'flags-dead-on-back-edge', file: FLAGS, before: '|| this.structure.isBackEdge(block.eip, to) ||', after: '||' },
  { name: 'flags-overflow-shape', file: FLAGS, before: 'shape.overflowLocal || overflow', after: 'overflow' },
  { name: 'flags-inc-forgets-carry', file: SHAPE, before: 'node.number === Lazy.Inc || node.number === Lazy.Dec', after: 'node.number === Lazy.Inc' },
  { name: 'flags-shape-key-size', file: SHAPE, before: 'shape.size} ', after: 'shape.kind} ' },
  { name: 'flags-dec-overflow', file: FLAG_LOCALS, before: '0x7fffffff : (1 << top) - 1', after: '0x7fffffff : 1 << top' },
  { name: 'flags-sbb-overflow', file: FLAG_LOCALS, before: "case Lazy.Sbb: return both(this.get('B'), this.get('E'), this.get('B'), this.get('A'))", after: "case Lazy.Sbb: return both(this.get('B'), this.get('A'), this.get('E'), this.get('A'))" },
  { name: 'flags-spill-right', file: FLAG_LOCALS, before: "this.setState('flagRight', top(this.get('E')))", after: "this.setState('flagRight', this.get('E'))" },
  { name: 'flags-dynamic-carry', file: REGION, before: 'private settleDynamic(out: Expression[]): void {\n    if (', after: 'private settleDynamic(out: Expression[]): void {\n    if (out.length >= 0 || ' },

  // Groups of accesses.
  { name: 'group-end', file: GROUPS, before: 'found.end = Math.max(found.end, place.offset + bytes)', after: 'found.end = Math.max(found.end, place.offset)' },
  { name: 'group-first', file: GROUPS, before: 'found.first = Math.min(found.first, place.offset)', after: '' },
  { name: 'group-writes', file: GROUPS, before: 'found.writes ||= writes', after: '' },
  { name: 'group-segments', file: GROUPS, before: 'segment <= Segment.Ds ? root : this.root(', after: 'segment <= Segment.Gs ? root : this.root(' },
  { name: 'group-conditional-move', file: GROUPS, before: 'if (place !== before[register] || this.registers[register] !== before[register])', after: 'if (place !== before[register])' },
  { name: 'group-handler-registers', file: GROUPS, before: 'if (!quiet || written.has(register))', after: 'if (written.has(register))' },
  { name: 'group-back-edges', file: GROUPS, before: 'if (eip === order[0].eip) return', after: 'if (this.structure.position.get(from)! >= this.structure.position.get(eip)!) return' },
  { name: 'group-index', file: GROUPS, before: 'const bytes = node.size / 8 + place.index', after: 'const bytes = node.size / 8' },

  // Memory.
  { name: 'memory-last-byte', file: MEMORY, before: 'm.i32.and(this.plus(this.local(linear), bytes - 1)', after: 'm.i32.and(this.local(linear)' },
  { name: 'memory-careful-last-byte', file: MEMORY, before: 'const last = () => this.plus(this.local(linear), size / BITS - 1)', after: 'const last = () => this.local(linear)' },
  { name: 'memory-granule', file: MEMORY, before: 'const both = m.i32.or(bit(this.local(linear)), bit(last()))', after: 'const both = bit(this.local(linear))' },
  { name: 'memory-alignment', file: MEMORY, before: "if (access.name === 'aligned') this.checkAlignment", after: 'if (access.size === 0) this.checkAlignment' },
  { name: 'memory-aligned-leader', file: MEMORY, before: "leader.name === 'aligned' && (distance & low) === 0", after: "leader.name === 'aligned'" },
  { name: 'memory-write-tag', file: MEMORY, before: 'const tag = this.tlbField(write ? TlbField.WriteTag : TlbField.ReadTag, host)', after: 'const tag = this.tlbField(TlbField.ReadTag, host)' },
  { name: 'memory-table-base', file: FRAME, before: 'return local ? m.i32.add(fixed, this.local(local.base)) : fixed', after: 'return fixed' },

  // Registers, handlers and ways out.
  { name: 'region-handler-stores', file: REGION, before: '!quiet || named.used.has(register)', after: 'named.used.has(register)' },
  { name: 'region-handler-loads', file: REGION, before: 'const loads = quiet ? [...named.written]', after: 'const loads = quiet || named.written.size > 1 ? [...named.written]' },
  { name: 'region-handler-flags', file: REGION, before: 'const loud = !isQuiet(instruction)', after: "const loud = !isQuiet(instruction) && instruction.repeat === 'none'" },
  { name: 'region-handler-code', file: REGION, before: 'm.select(is(HandlerResult.CodeWritten), this.constant(next | 0), state(\'eip\'))', after: 'state(\'eip\')' },
  { name: 'region-handler-count', file: REGION, before: '...this.leave(RegionOutcome.Dispatch, this.before + 1)', after: '...this.leave(RegionOutcome.Dispatch, this.before)' },
  { name: 'region-segment-loads', file: REGION, before: 'if (loadsBase(instruction)) out.push(...this.openSegments())\n    if (shadowed)', after: 'if (shadowed)' },
  { name: 'region-handled-segment-loads', file: REGION, before: 'if (transfers) return\n    if (loadsBase(instruction)) out.push(...this.openSegments())', after: 'if (transfers) return' },
  { name: 'region-shadow-stays', file: REGION, before: "if (shadowed) out.push(this.setState(stateAddress('interruptShadow'), this.constant(0)))", after: '' },
  { name: 'region-shadow-exit', file: FRAME, before: 'return this.shadowed ? RegionOutcome.Dispatch : RegionOutcome.Interpret', after: 'return RegionOutcome.Interpret' },
  { name: 'region-requires', file: REGION, before: 'if (!this.required.has(unitOf(node)))', after: 'if (this.required.size > 99)' },
  { name: 'region-requires-once', file: REGION, before: '    this.required.clear()\n    this.x87?.begin(block.eip)', after: '    this.x87?.begin(block.eip)' },
  { name: 'region-budget', file: REGION, before: 'this.constant(this.region.instructions)', after: 'this.constant(0)' },
  { name: 'region-time-stamp', file: REGION, before: "if (node.name === 'readTimeStamp') {\n      const remaining = this.m.i32.sub(this.local(REMAINING), this.constant(this.before))", after: "if (node.name === 'readTimeStamp') {\n      const remaining = this.local(REMAINING)" },
  { name: 'region-branch-table', file: REGION, before: '...targets.map(to => this.ifTarget(block, to)), m.br(unknown)', after: '...targets.slice(0, 1).flatMap(to => this.edge(block.eip, to))' },
  { name: 'region-high-byte', file: FRAME, before: 'const mask = size === 16 ? 0xffff : high ? 0xff00 : 0xff', after: 'const mask = size === 16 || high ? 0xffff : 0xff' },
  { name: 'region-segment-limit', file: FRAME, before: 'm.i32.and(m.i32.eq(access, this.constant(OPEN_ACCESS)), wide)', after: 'm.i32.eq(access, this.constant(OPEN_ACCESS))' },
  { name: 'region-segment-access', file: FRAME, before: 'm.i32.and(m.i32.eq(access, this.constant(OPEN_ACCESS)), wide)', after: 'wide' },
  { name: 'choice-segment-override', file: CHOICE, before: "if (operand.kind === 'memory' && operand.segment === Segment.Cs) return false\n    if (operand.kind === 'register' &&", after: "if (operand.kind === 'register' &&" },
  { name: 'choice-quiet-flags', file: CHOICE, before: "'fcomi', 'fcomip', 'fucomi', 'fucomip', ", after: '' },

  // Vectors.
  { name: 'vector-helper-stores', file: REGION, before: '...this.store(vectorsOf(named.used).filter(register => this.written.has(register))),', after: '' },
  { name: 'vector-helper-loads', file: REGION, before: '...this.load(vectorsOf(named.written)),', after: '' },
  { name: 'vector-fault-stays', file: VECTOR, before: 'if (!signature.faults) return out', after: 'if (signature.faults) return out' },
  { name: 'vector-blocked', file: VECTOR, before: "if (unit === 'sse') return field('sseBlocked')", after: "if (unit === 'sse') return m.i32.const(0)" },
  { name: 'vector-mmx-pending', file: VECTOR, before: "m.i32.or(blocked, m.i32.and(field('fpuStatus'), m.i32.const(X87_SUMMARY)))", after: 'blocked' },
  { name: 'vector-low-part', file: VECTOR, before: '(i < size / 8 ? i : XMM_BYTES + i)', after: '(i < size / 8 ? i : i < 8 ? XMM_BYTES : XMM_BYTES + i)' },

  // x87.
  { name: 'x87-c1', file: X87, before: "values.out.push(this.set(this.up, up ? up() : m.i64.const(0n)))", after: 'if (up) values.out.push(this.set(this.up, up()))' },
  { name: 'x87-precision-exception', file: X87, before: 'm.i64.or(this.getWide(this.lost), lost())', after: 'lost()' },
  { name: 'x87-odd-rounding', file: X87, before: 'this.unless(this.get(this.oddRounding))', after: '' },
  { name: 'x87-store-rounding', file: X87, before: 'this.unless(this.m.i32.ne(fields, this.int(Control.PM)))', after: 'this.m.drop(fields)' },
  { name: 'x87-control-loaded', file: X87, before: "this.frame.required.delete('rounding')", after: '' },
  { name: 'x87-stack-full', file: X87, before: 'const free = pushes ? (1 << slotOf(known, -1)) & ~known.empty : 0', after: 'const free = 0' },
  { name: 'x87-stack-empty', file: X87, before: 'const full = bits & ~known.full', after: 'const full = 0 & bits' },
  { name: 'x87-edge-tags', file: X87, before: '...this.settleTags(turn(target.full, -by), turn(target.empty, -by)), ...this.enterPending()', after: '...this.enterPending()' },
  { name: 'x87-last-instruction', file: X87, before: '...this.settleTags(0, 0), ...this.enterPending()', after: '...this.settleTags(0, 0)' },
  { name: 'x87-handler-knowledge', file: X87_FLOW, before: '...unknown, depth: (before.depth + (handledMoves', after: '...before, depth: (before.depth + (handledMoves' },
  { name: 'x87-turned-merge', file: X87_FLOW, before: 'full: old.full & turn(left.full, by)', after: 'full: old.full & left.full' },
  { name: 'x87-exchange-sound', file: X87_FLOW, before: '(sound & a ? b : 0) | (sound & b ? a : 0)', after: '(sound & a ? a : 0) | (sound & b ? b : 0)' },
  { name: 'x87-unsound', file: X87_VALUES, before: 'return numbers.filter(({ sound }) => !sound).map', after: 'return numbers.filter(({ sound }) => !sound && false).map' },
  { name: 'x87-ties', file: X87_VALUES, before: 'up.set(m.i64.and(whole(), this.long(1n)))),\n      rounded.set(dropped', after: 'up.set(this.long(1n))),\n      rounded.set(dropped' },
  { name: 'x87-far-addend', file: X87_VALUES, before: 'const SUM_DISTANCE = 62', after: 'const SUM_DISTANCE = 66' },
  { name: 'x87-sticky', file: X87_VALUES, before: 'm.i64.or(m.i64.shl(sig(), this.long(64n - dropped)), sticky())', after: 'm.i64.shl(sig(), this.long(64n - dropped))' },
  { name: 'x87-zero-sum-sign', file: X87_VALUES, before: 'm.i32.and(a.se(), b.se()), one))', after: 'm.i32.or(a.se(), b.se()), one))' },

  // Which code a region holds, and when it goes.
  { name: 'code-span', file: DISCOVERY, before: 'return [eip, last.eip + last.instruction.length]', after: 'return [eip, last.eip + 1]' },
  { name: 'code-late', file: MANAGER, before: 'if (page.bytes[i] !== bytes[now + i]) return false', after: 'if (page.bytes[i] === -1) return false' },
  { name: 'code-pages', file: MANAGER, before: 'used.set(page.linear | 0, page.physical)', after: 'if (used.size === 0) used.set(page.linear | 0, page.physical)' },
  { name: 'code-shadows', file: DISCOVERY, before: "const plain = next?.lowering === Lowering.Inline && !ENDERS.has(next.instruction.mnemonic)", after: 'const plain = next !== undefined' },
  { name: 'code-overlap', file: CACHE, before: 'span.start < end && start < span.end', after: 'span.start <= start && start < span.end' },
]
