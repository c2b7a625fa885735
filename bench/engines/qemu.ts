/** QEMU with its TCG translator on one thread: a native just-in-time emulator as a peer. */
import { spawnSync } from 'node:child_process'
import { type Engine, GUEST_PROGRAMS } from './engine.ts'

const COMMAND = 'qemu-system-i386'

export const qemu: Engine = {
  name: 'qemu',
  boots: true,
  unavailable: () =>
    spawnSync(COMMAND, ['--version']).status === 0
      ? null
      : `${COMMAND} not found (Debian: apt install qemu-system-x86)`,
  version: () => spawnSync(COMMAND, ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0],
  launch: guest => ({
    command: COMMAND,
    args: [
      ...['-accel', 'tcg,thread=single', '-m', `${guest.memoryMiB}`, '-nodefaults', '-no-user-config', '-no-reboot'],
      ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-vga', 'std'],
      ...['-kernel', guest.kernel, '-initrd', guest.initrd, '-append', guest.append]
    ],
    programs: GUEST_PROGRAMS
  })
}
