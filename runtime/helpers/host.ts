/** What the machine gives to the helpers: the imports of core.wasm, in one place. */

/** Reads device memory at a physical address; `bits` is 8, 16 or 32. */
@external('host', 'readDevice')
export declare function readDevice(physical: u32, bits: i32): u32

/** Writes device memory at a physical address. */
@external('host', 'writeDevice')
export declare function writeDevice(physical: u32, bits: i32, value: u32): void

/** Reads an I/O port. */
@external('host', 'readPort')
export declare function readPort(port: u32, bits: i32): u32

/** Writes an I/O port. */
@external('host', 'writePort')
export declare function writePort(port: u32, bits: i32, value: u32): void

/** A store has hit a granule that holds decoded code: drop what the bytes belong to. */
@external('host', 'codeWritten')
export declare function codeWritten(physical: u32, bytes: u32): void

/** The time-stamp counter, in cycles since power-on: a whole number. A float spares the host a BigInt. */
@external('host', 'timestamp')
export declare function timestamp(): f64

/** IA32_APIC_BASE has been written; the state has it. */
@external('host', 'apicBaseWritten')
export declare function apicBaseWritten(): void

/** FERR# is asserted: an unmasked x87 exception is to be reported by IRQ 13. */
@external('host', 'floatError')
export declare function floatError(): void

/** 32 bits of entropy. */
@external('host', 'random')
export declare function random(): u32
