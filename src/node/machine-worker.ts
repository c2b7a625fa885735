/** The machine's worker of a `PC` in Node (build/machine-worker.js); started by pc-thread.ts. */
import { parentPort } from 'node:worker_threads'
import { MachineService } from '../worker/machine-service.ts'
import type { ToMachine } from '../worker/protocol.ts'
import { FileDisk } from './file-disk.ts'
import { loadFirmware, loadVgaBios } from './firmware.ts'
import { createMachine } from './machine.ts'

const service = new MachineService({
  send: (message, transfer = []) => parentPort?.postMessage(message, transfer as ArrayBuffer[]),
  createMachine: async () => createMachine,
  ownFirmware: () => ({
    bios: async () => loadFirmware({}).bios,
    vgaBios: async () => loadVgaBios(),
  }),
  openFile: (path, role, readOnly) => new FileDisk(path, role, { readOnly }),
})
parentPort?.on('message', (message: ToMachine) => void service.receive(message))
