/**
 * Multiboot kernels of a few instructions, assembled by hand, for the specs of the machine and the command line.
 *
 *     const kernel = multibootKernel(print(SERIAL, 'hi'), powerOff)
 *
 * They are loaded at KERNEL_ADDRESS by the address fields of their header and entered in flat 32-bit protected mode.
 * The address is an even number of MiB, so that they survive a closed A20 gate.
 */

export const KERNEL_ADDRESS = 0x200000
const HEADER_BYTES = 32
/** Address of the first instruction. */
export const CODE_ADDRESS = KERNEL_ADDRESS + HEADER_BYTES

export const SERIAL = 0x3f8
export const DEBUG_CONSOLE = 0xe9
export const DEBUG_EXIT = 0xf4
/** PM1_CNT, and its SLP_EN with sleep type 0 (docs: src/devices/acpi.ts). */
const PM1_CONTROL = 0x604
const SLEEP_OFF = 0x2000

/** A piece of machine code. */
export type Code = readonly number[]

const MAGIC = 0x1badb002
const ADDRESS_FIELDS = 1 << 16

/** The file of a kernel whose code is `pieces`, one behind the other. */
export function multibootKernel(...pieces: readonly Code[]): Uint8Array {
  const code = pieces.flat()
  const file = new Uint8Array(HEADER_BYTES + code.length)
  const end = KERNEL_ADDRESS + file.length
  const checksum = -(MAGIC + ADDRESS_FIELDS)
  const header = [MAGIC, ADDRESS_FIELDS, checksum, KERNEL_ADDRESS, KERNEL_ADDRESS, end, end, CODE_ADDRESS]
  const view = new DataView(file.buffer)
  header.forEach((value, i) => {
    view.setUint32(4 * i, value, true)
  })
  file.set(code, HEADER_BYTES)
  return file
}

/** The bytes of a 16-bit and of a 32-bit number, low byte first. */
export const word = (value: number): Code => [value & 0xff, (value >> 8) & 0xff]
export const dword = (value: number): Code => [...word(value), ...word(value >>> 16)]

export const cli: Code = [0xfa]
export const hlt: Code = [0xf4]
export const ud2: Code = [0x0f, 0x0b]
/** JMP to itself. */
export const forever: Code = [0xeb, 0xfe]
/** JMP over nothing but back by the length of `code` and of the jump. */
export const loop = (...pieces: readonly Code[]): Code => {
  const code = pieces.flat()
  return [...code, 0xe9, ...dword(-(code.length + 5))]
}

/** MOV EAX, imm32. */
export const movEax = (value: number): Code => [0xb8, ...dword(value)]
/** MOV DX, imm16. */
const movDx = (port: number): Code => [0x66, 0xba, ...word(port)]
/** MOV DX, port; IN AL, DX. */
export const in8 = (port: number): Code => [...movDx(port), 0xec]
/** MOV DX, port; OUT DX, AL. */
export const outAl = (port: number): Code => [...movDx(port), 0xee]
/** MOV DX, port; MOV AL, value; OUT DX, AL. */
export const out8 = (port: number, value: number): Code => [...movDx(port), 0xb0, value, 0xee]
/** MOV DX, port; MOV AX, value; OUT DX, AX. */
export const out16 = (port: number, value: number): Code => [...movDx(port), 0x66, 0xb8, ...word(value), 0x66, 0xef]
/** MOV DX, port; MOV EAX, value; OUT DX, EAX. */
export const out32 = (port: number, value: number): Code => [...movDx(port), ...movEax(value), 0xef]
/** MOV AL, [address]. */
export const loadAl = (address: number): Code => [0xa0, ...dword(address)]
/** MOV BYTE [address], value. */
export const store8 = (address: number, value: number): Code => [0xc6, 0x05, ...dword(address), value]
/** TEST AL, mask; JZ over `code`. */
export const ifAl = (mask: number, ...code: readonly Code[]): Code => skipUnless(0xa8, mask, 0x84, code)
/** TEST AL, mask; JNZ over `code`. */
export const unlessAl = (mask: number, ...code: readonly Code[]): Code => skipUnless(0xa8, mask, 0x85, code)
/** CMP AL, value; JNE over `code`. */
export const ifAlIs = (value: number, ...code: readonly Code[]): Code => skipUnless(0x3c, value, 0x85, code)

function skipUnless(test: number, operand: number, jump: number, pieces: readonly Code[]): Code {
  const code = pieces.flat()
  return [test, operand, 0x0f, jump, ...dword(code.length), ...code]
}

/** Writes text to a port, byte by byte. */
export const print = (port: number, text: string): Code =>
  [...text].flatMap(character => out8(port, character.charCodeAt(0)))

/** Switches the power off through ACPI. */
export const powerOff: Code = out16(PM1_CONTROL, SLEEP_OFF)

/** LIDT with a limit of 0 (its operand stands in the code, jumped over), then UD2: a triple fault. */
export const tripleFault: Code = [0xeb, 6, 0, 0, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0, 0x58, 0x0f, 0x01, 0x58, 0xf5, ...ud2]
