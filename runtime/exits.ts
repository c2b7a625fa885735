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
  /** The run whose first record is `exitArgument` has become hot. EIP is its first instruction. */
  Hot = 7,
  /** An instruction has made its region leave for the interpreter so often that it should be compiled otherwise. */
  Review = 8,
}

/** How a compiled region was left. EIP, registers, flags and the instruction count in the state are exact. */
export enum RegionOutcome {
  /** Go on at EIP. */
  Jump = 0,
  /** The instruction at EIP is for the interpreter: it may fault, or touches what only the slow path can. */
  Interpret = 1,
  /** The instruction at EIP has raised the pending exception. */
  Fault = 2,
  /** Go on at EIP after a look around: what may interrupt has changed, or the region's own code. */
  Dispatch = 3,
}
