/** Why `run` returned to the machine. Every exit has a name; `--stats` counts them. */
export enum ExitReason {
  None = 0,
  /** The instruction budget is used up. */
  Budget = 1,
  /** Code at CS:EIP is not decoded yet. `exitArgument` is its physical address. */
  Decode = 2,
  /** A maskable interrupt is pending and may be taken now. */
  Interrupt = 3,
  /** HLT executed. */
  Halt = 4,
  /** Triple fault: the machine resets or stops. */
  TripleFault = 5,
  /** A device asked the machine to leave the run loop (power off, reset). */
  Request = 6,
}
