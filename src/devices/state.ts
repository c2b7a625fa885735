/**
 * Saved states of devices: a device keeps its registers in one plain object, copies it out in `save()` and
 * calls `restore(name, registers, state)` in `load()`.
 */
import { PCError } from '../errors.ts'
import type { DeviceState } from './device.ts'

type StateValue = DeviceState[string]

function misfit(device: string, key: string): PCError {
  return new PCError(
    'bad-state',
    `The saved state of '${device}' does not fit: field '${key}' is missing or has another shape.`,
    'Load the state into a machine with the same devices and the same version of tabpc.',
  )
}

function sameShape(value: StateValue | undefined, model: StateValue): boolean {
  if (model instanceof Uint8Array) return value instanceof Uint8Array && value.length === model.length
  if (typeof model === 'number') return Number.isSafeInteger(value)
  if (Array.isArray(model)) return Array.isArray(value) && value.every((v) => Number.isSafeInteger(v))
  return typeof value === typeof model
}

/**
 * Overwrites each field of `registers` with the field of the same name in `state`. The field must have the type
 * the register has now: integer, boolean, string, byte array of the same length, or list of integers of any length.
 * Nothing is changed when one does not fit. Throws `PCError` 'bad-state'.
 */
export function restore(device: string, registers: DeviceState, state: DeviceState): void {
  for (const key of Object.keys(registers)) {
    if (!sameShape(state?.[key], registers[key])) throw misfit(device, key)
  }
  for (const key of Object.keys(registers)) {
    const value = state[key]
    const register = registers[key]
    if (register instanceof Uint8Array) register.set(value as Uint8Array)
    else registers[key] = Array.isArray(value) ? (value as number[]).slice() : value
  }
}

/** A copy of `registers` that later changes do not touch. */
export function snapshot(registers: DeviceState): DeviceState {
  const copy: DeviceState = {}
  for (const [key, value] of Object.entries(registers)) {
    if (value instanceof Uint8Array) copy[key] = value.slice()
    else copy[key] = Array.isArray(value) ? (value as number[]).slice() : value
  }
  return copy
}

/** The nested state under `key`. Throws `PCError` 'bad-state' when there is none. */
export function childState(device: string, state: DeviceState, key: string): DeviceState {
  const child = state?.[key]
  if (child === null || typeof child !== 'object' || Array.isArray(child) || child instanceof Uint8Array) {
    throw misfit(device, key)
  }
  return child
}
