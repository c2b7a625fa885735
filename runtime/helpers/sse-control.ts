/**
 * MXCSR, and what MMX and SSE instructions look at first.
 *
 * Source: Intel SDM vol. 1, 10.2.3 (MXCSR), 11.5 (SIMD floating-point exceptions); vol. 2, LDMXCSR, STMXCSR; vol. 3,
 * tables 2-2 (MMX) and 13-1 (CR0.EM, CR0.TS, CR4.OSFXSR).
 */
import {
  CR0, CR0_EM, CR0_TS, CR4, CR4_OSFXSR, CR4_OSXMMEXCPT, MXCSR, VECTOR_GP, VECTOR_NM, VECTOR_UD,
  VECTOR_XM,
} from '../../build/helpers/layout'
import { MXCSR_MASK } from './fxsave'
import { raise, raiseCode } from './memory'
import { reportPending } from './x87-control'

/** Raises #UD or #NM for an SSE instruction when the control registers say so. */
export function sseUnavailable(): void {
  if ((load<u32>(CR0) & CR0_EM) != 0 || (load<u32>(CR4) & CR4_OSFXSR) == 0) raise(VECTOR_UD)
  else if ((load<u32>(CR0) & CR0_TS) != 0) raise(VECTOR_NM)
}

/** Raises #UD, #NM or what reports a pending x87 exception for an MMX instruction that must not begin; called when one of the three may be due. */
export function mmxUnavailable(): void {
  const cr0 = load<u32>(CR0)
  if ((cr0 & CR0_EM) != 0) raise(VECTOR_UD)
  else if ((cr0 & CR0_TS) != 0) raise(VECTOR_NM)
  else reportPending()
}

/** LDMXCSR. #GP(0) when a reserved bit is set. */
export function loadMxcsr(value: u32): void {
  if ((value & ~MXCSR_MASK) != 0) raiseCode(VECTOR_GP, 0)
  else store<u32>(MXCSR, value)
}

/** Raises the exception of an unmasked SIMD floating-point exception: #XM, or #UD when the system does not handle it. */
export function raiseSimdException(): void {
  raise((load<u32>(CR4) & CR4_OSXMMEXCPT) != 0 ? VECTOR_XM : VECTOR_UD)
}
