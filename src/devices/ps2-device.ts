/** What the keyboard controller (i8042.ts) sees of what is plugged into it. */
export interface Ps2Device {
  /** A byte from the host system. */
  receive(byte: number): void
  /** Whether a byte waits to be sent. */
  readonly ready: boolean
  /** Takes the next byte to be sent; call it only when `ready`. */
  take(): number
  /** Set by the controller; the device calls it when it becomes ready. */
  onReady: (() => void) | undefined
}

export const PS2_ACK = 0xfa
export const PS2_RESEND = 0xfe
export const PS2_SELF_TEST_PASSED = 0xaa
