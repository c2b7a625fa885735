/**
 * System instructions (SDM vol. 2): flags that need privilege, ports, control and debug registers, system tables,
 * MSRs, CPUID. Privilege is checked before operands are touched, as the CPU does.
 */
import { Lazy } from '../../runtime/flags.ts'
import { Eflags, Gpr } from '../../runtime/state.ts'
import { declareHelpers } from '../helper-signatures.ts'
import type { Builder, Definition, Value } from './builder.ts'

declareHelpers(`
  cli()! sti()! pushFlagsImage(i32):i32! popFlags(i32,i32)!
  checkIo(i32,i32)! portIn(i32,i32):i32! portOut(i32,i32,i32)!
  readControlRegister(i32):i32! writeControlRegister(i32,i32)! readDebugRegister(i32):i32! writeDebugRegister(i32,i32)!
  loadMachineStatusWord(i32)! storeMachineStatusWord():i32 clearTaskSwitched()! invalidatePage(i32,i32)!
  flushCaches()! halt()!
  loadGdtr(i32,i32,i32)! loadIdtr(i32,i32,i32)! loadLdtr(i32)! loadTr(i32)! storeLdtr():i32! storeTr():i32!
  readMsr(i32):i64! writeMsr(i32,i64)! readTimeStamp():i64! readPerformanceCounter()! cpuid(i32)
  requirePrivilege0():i32! requireProtectedMode():i32! randomWord():i32
`)

/** CLI    IF (or VIF) := 0. */
const cli: Definition = b => void b.call('cli')

/** STI    IF (or VIF) := 1; interrupts stay off for one more instruction. */
const sti: Definition = b => {
  b.call('sti')
  b.endRun()
}

/** PUSHF, PUSHFD    push EFLAGS, VM and RF as 0. */
const pushf: Definition = (b, { operandSize }) => {
  b.push(b.call('pushFlagsImage', operandSize), operandSize)
}

/** POPF, POPFD    EFLAGS := pop, as far as privilege allows. */
const popf: Definition = (b, { operandSize }) => {
  const image = b.top(operandSize)
  b.call('popFlags', image, operandSize)
  b.release(operandSize / 8)
  // TF, IF and the trap after this instruction may have changed.
  b.endRun()
}

/** IN accumulator, imm8 or DX    the device may have changed its interrupt request. */
const input: Definition = b => {
  b.write(0, b.call('portIn', b.and(b.read(1), 0xffff), b.sizeOf(0)))
  b.endRun()
}

/** OUT imm8 or DX, accumulator. */
const output: Definition = b => {
  b.call('portOut', b.and(b.read(0), 0xffff), b.sizeOf(1), b.read(1))
  b.endRun()
}

/** HLT    waits for an interrupt. */
const hlt: Definition = b => {
  b.call('halt')
  b.endRun()
}

/** MOV r32, CRn and MOV CRn, r32. */
const movcr: Definition = (b, { operands }) => {
  if (operands[0].class !== 'control') {
    b.write(0, b.call('readControlRegister', b.read(1)))
    return
  }
  b.call('writeControlRegister', b.read(0), b.read(1))
  b.endRun()
}

/** MOV r32, DRn and MOV DRn, r32. */
const movdr: Definition = (b, { operands }) => {
  if (operands[0].class !== 'debug') {
    b.write(0, b.call('readDebugRegister', b.read(1)))
    return
  }
  b.call('writeDebugRegister', b.read(0), b.read(1))
  b.endRun()
}

/** LGDT, LIDT m16&32    with 16-bit operand size the base has 24 bits. */
function loadTable(helper: 'loadGdtr' | 'loadIdtr'): Definition {
  return (b, { operandSize }) => {
    b.call('requirePrivilege0')
    const limit = b.loadOperand(0, 16)
    const base = b.loadOperand(0, 32, 2)
    b.call(helper, limit, base, operandSize)
  }
}

/** SGDT, SIDT m16&32    all 32 bits of the base are stored whatever the operand size. */
function storeTable(table: 'gdtr' | 'idtr'): Definition {
  return b => {
    // The second store may fault after the first; doing both again gives the same bytes.
    b.restartable()
    b.storeOperand(0, 16, b.field(`${table}Limit`))
    b.storeOperand(0, 32, b.field(`${table}Base`), 2)
  }
}

/** LLDT, LTR r/m16. */
function loadSystemSegment(helper: 'loadLdtr' | 'loadTr'): Definition {
  return b => {
    b.call('requireProtectedMode')
    b.call('requirePrivilege0')
    b.call(helper, b.read(0))
  }
}

/** SLDT, STR r/m    a wide register takes the selector zero-extended. */
function storeSystemSegment(helper: 'storeLdtr' | 'storeTr'): Definition {
  return b => b.write(0, b.call(helper))
}

/** SMSW r/m    the low bits of CR0; not privileged. */
const smsw: Definition = b => b.write(0, b.truncate(b.call('storeMachineStatusWord'), b.sizeOf(0)))

/** LMSW r/m16    MP, EM, TS := source; PE can only be set. */
const lmsw: Definition = b => {
  b.call('requirePrivilege0')
  b.call('loadMachineStatusWord', b.read(0))
  b.endRun()
}

/** CLTS    CR0.TS := 0. */
const clts: Definition = b => void b.call('clearTaskSwitched')

/** INVLPG m    forgets the translation of one page. No segment check. */
const invlpg: Definition = b => {
  b.call('invalidatePage', b.effectiveSegment(), b.addressOf(0))
  b.endRun()
}

/** INVD, WBINVD    there is no cache to empty. */
const flushCaches: Definition = b => void b.call('flushCaches')

/** EDX:EAX := a 64-bit value. */
function setEdxEax(b: Builder, value: Value): void {
  b.setRegister(Gpr.Eax, 32, b.wrap(value))
  b.setRegister(Gpr.Edx, 32, b.wrap(b.shr(value, 32)))
}

/** RDTSC    EDX:EAX := time-stamp counter. */
const rdtsc: Definition = b => setEdxEax(b, b.call('readTimeStamp'))

/** RDRAND r    dst := random bits; CF := 1, as there always are some, the other flags := 0. */
const rdrand: Definition = b => {
  const size = b.sizeOf(0)
  b.write(0, b.truncate(b.call('randomWord'), size))
  b.setFlags(Lazy.Explicit, 32, b.constant(1), undefined, b.constant(Eflags.CF), b.constant(1))
}

/** RDPMC    no counter exists: #GP(0). */
const rdpmc: Definition = b => void b.call('readPerformanceCounter')

/** RDMSR    EDX:EAX := MSR[ECX]. */
const rdmsr: Definition = b => setEdxEax(b, b.call('readMsr', b.register(Gpr.Ecx, 32)))

/** WRMSR    MSR[ECX] := EDX:EAX. */
const wrmsr: Definition = b => {
  const high = b.shl(b.widenU(b.register(Gpr.Edx, 32)), 32)
  b.call('writeMsr', b.register(Gpr.Ecx, 32), b.or(high, b.widenU(b.register(Gpr.Eax, 32))))
  b.endRun()
}

/** CPUID    EAX, EBX, ECX, EDX := what leaf EAX says. */
const cpuid: Definition = b => {
  b.call('cpuid', b.register(Gpr.Eax, 32))
  const answers = [Gpr.Eax, Gpr.Ebx, Gpr.Ecx, Gpr.Edx]
  answers.forEach((register, i) => {
    b.setRegister(register, 32, b.field('result', i))
  })
}

export const system: Readonly<Record<string, Definition>> = {
  cli,
  sti,
  pushf,
  popf,
  hlt,
  movcr,
  movdr,
  smsw,
  lmsw,
  clts,
  invlpg,
  rdtsc,
  rdrand,
  rdpmc,
  rdmsr,
  wrmsr,
  cpuid,
  in: input,
  out: output,
  lgdt: loadTable('loadGdtr'),
  lidt: loadTable('loadIdtr'),
  sgdt: storeTable('gdtr'),
  sidt: storeTable('idtr'),
  lldt: loadSystemSegment('loadLdtr'),
  ltr: loadSystemSegment('loadTr'),
  sldt: storeSystemSegment('storeLdtr'),
  str: storeSystemSegment('storeTr'),
  invd: flushCaches,
  wbinvd: flushCaches,
}
