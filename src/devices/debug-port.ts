/**
 * Debug console: bytes written to port E9h go to the host, as in Bochs and QEMU's `debugcon`; 402h likewise, where
 * SeaBIOS and OVMF write.
 *
 *     new DebugPort({ bus, onByte: byte => log.push(byte) })
 *
 * Ports: E9h, 402h. They read as E9h, by which guests find them.
 */
import type { Bus, Device, DeviceState } from './device.ts'

const PORTS = [0xe9, 0x402]
const PRESENT = 0xe9

export interface DebugPortOptions {
  bus: Bus
  onByte: (byte: number) => void
}

export class DebugPort implements Device {
  readonly name = 'debug-port'

  constructor(options: DebugPortOptions) {
    for (const port of PORTS)
      options.bus.claimPorts(port, port, { read8: () => PRESENT, write8: (_port, value) => options.onByte(value) })
  }

  /** The port has no state. */
  reset(): void {}

  save(): DeviceState {
    return {}
  }

  /** Any state fits: there is none. */
  load(_state: DeviceState): void {}
}
