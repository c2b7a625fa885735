/**
 * The system-level helpers that definitions, the run loop and the machine call. This file only names them.
 *
 * "raises" means: an exception is pending afterwards and nothing else has changed. Selectors are 16 bits, `size` is
 * an operand size in bits (16 or 32), offsets are relative to a segment, `next` is the offset of the next instruction.
 *
 *   segments       loadSegment(segment, selector)            LxS; raises #GP #NP #SS
 *                  moveToSegment(segment, selector)          MOV Sreg: the same with the interrupt shadow of SS
 *                  segmentRead/Write(segment, offset, bytes) limit and type check; linear address; raises #GP #SS
 *   stack          popSegment(segment, size)                 POP Sreg; raises as its parts do
 *   transfers      farJump(selector, offset, size, next)     JMP far, also through gates and to tasks
 *                  farCall(selector, offset, size, next)     CALL far, likewise
 *                  farReturn(size, releaseBytes)             RET far
 *                  iret(size, next)                          IRET, IRETD
 *   interrupts     deliverInterrupt(vector, next, kind)      INT n (0), INT3 and INTO (1), INT1 (2)
 *                  interruptOnOverflow(next)                 INTO
 *                  deliverException()                        delivers the pending fault; 1 on a triple fault
 *                  deliverHardwareInterrupt(vector)          the same for an interrupt from outside
 *                  deliverDebugTrap(dr6Bits)                 the same for #DB as a trap
 *   tables         loadGdtr/loadIdtr(limit, base, size)      LGDT, LIDT; raise #GP
 *                  loadLdtr(selector), loadTr(selector)      LLDT, LTR; raise #UD #GP #NP
 *                  storeLdtr(), storeTr()                    SLDT, STR; raise #UD
 *   protection     cli(), sti()                              raise #GP
 *                  pushFlagsImage(size), popFlags(image, size)   PUSHF, POPF; raise #GP
 *                  requirePrivilege0(), requireProtectedMode()   raise #GP, #UD; 1 if allowed
 *                  loadAccessRights(selector), loadSegmentLimit(selector)
 *                                                            LAR, LSL: value, and ZF in `result`; raise #UD
 *                  verifyRead(selector), verifyWrite(selector)   VERR, VERW: ZF; raise #UD
 *   control        readControlRegister(index), writeControlRegister(index, value)   MOV CR; raise #UD #GP
 *                  loadMachineStatusWord(value), storeMachineStatusWord(), clearTaskSwitched()   LMSW, SMSW, CLTS
 *                  invalidatePage(segment, offset), flushCaches(), halt()   INVLPG, INVD/WBINVD, HLT; raise #GP
 *   debug          readDebugRegister(index), writeDebugRegister(index, value)       MOV DR; raise #UD #GP #DB
 *   msr            readMsr(msr), writeMsr(msr, value)        RDMSR, WRMSR, 64-bit values; raise #GP
 *                  readTimeStamp(), readPerformanceCounter() RDTSC, RDPMC; raise #GP
 *   cpuid          cpuid(leaf)                               EAX EBX ECX EDX to `result` 0..3
 *   io             checkIo(port, bytes)                      raises #GP
 *                  portIn(port, bits), portOut(port, bits, value)   IN, OUT with the check
 *   sysenter       sysenter(), sysexit()                     raise #GP
 */
export {
  clearTaskSwitched,
  flushCaches,
  halt,
  invalidatePage,
  loadMachineStatusWord,
  readControlRegister,
  storeMachineStatusWord,
  writeControlRegister,
} from './control-registers'
export { cpuid } from './cpuid'
export { readDebugRegister, writeDebugRegister } from './debug-registers'
export {
  deliverDebugTrap,
  deliverException,
  deliverHardwareInterrupt,
  deliverInterrupt,
  interruptOnOverflow,
} from './interrupts'
export { checkIo, portIn, portOut } from './io-permission'
export { readMsr, readPerformanceCounter, readTimeStamp, timeStampAt, writeMsr } from './msr'
export {
  cli,
  loadAccessRights,
  loadSegmentLimit,
  popFlags,
  pushFlagsImage,
  requirePrivilege0,
  requireProtectedMode,
  sti,
  tryCli,
  trySti,
  verifyRead,
  verifyWrite,
} from './protection'
export { loadSegment, moveToSegment, segmentRead, segmentWrite, tryLoadSegment } from './segments'
export { popSegment } from './stack'
export { sysenter, sysexit } from './sysenter'
export { loadGdtr, loadIdtr, loadLdtr, loadTr, storeLdtr, storeTr } from './system-tables'
export { farCall, farJump, farReturn, iret } from './transfers'
