/**
 * What a running engine costs the host: CPU time of all its threads and its resident memory, for a whole process tree.
 * Place in the flow: sessions (process-session.ts) read it at every serial marker.
 * Source: proc(5): /proc/PID/stat, /proc/PID/task/TID/schedstat, /proc/PID/status.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** CPU time and memory of a process tree at one moment. */
export interface Usage {
  /** User and system time of all threads, alive or ended, in milliseconds. */
  cpuMs: number
  /** Resident memory now, in bytes. */
  residentBytes: number
  /** The most that was ever resident, in bytes: the sum of each process's own high-water mark. */
  peakResidentBytes: number
}

/** Fields of /proc/PID/stat counted from the state letter, which follows the name in parentheses. */
const STAT_PARENT = 1
const STAT_USER_TICKS = 11
const STAT_SYSTEM_TICKS = 12
const STAT_CHILD_USER_TICKS = 13
const STAT_CHILD_SYSTEM_TICKS = 14
/** USER_HZ is 100 on every Linux that Node runs on. */
const MS_PER_TICK = 10
const NS_PER_MS = 1e6
const BYTES_PER_KB = 1024

/** The fields of /proc/PID/stat after the command name, which itself may hold spaces and parentheses. */
export function parseStat(text: string): string[] {
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** A size in kB from /proc/PID/status, in bytes; 0 if the field is absent (kernel threads, zombies). */
export function parseStatusBytes(text: string, field: string): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)
  return match ? Number(match[1]) * BYTES_PER_KB : 0
}

/** A file of /proc, or an empty text when its process has just ended. */
function readProc(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

function listProc(path: string): string[] {
  try {
    return readdirSync(path).filter(name => /^\d+$/.test(name))
  } catch {
    return []
  }
}

/** A process and its descendants, parents first. */
function processTree(root: number): number[] {
  const parents = new Map<number, number>()
  for (const name of listProc('/proc')) {
    const stat = readProc(`/proc/${name}/stat`)
    if (stat) parents.set(Number(name), Number(parseStat(stat)[STAT_PARENT]))
  }
  const tree = parents.has(root) ? [root] : []
  for (const member of tree) {
    for (const [pid, parent] of parents) if (parent === member) tree.push(pid)
  }
  return tree
}

/** CPU time of one process: ticks are complete but coarse, schedstat is fine but forgets threads that ended. */
function processCpuMs(pid: number, stat: string[]): number {
  const ticks = Number(stat[STAT_USER_TICKS]) + Number(stat[STAT_SYSTEM_TICKS])
  let fineMs = 0
  for (const task of listProc(`/proc/${pid}/task`)) {
    fineMs += Number(readProc(`/proc/${pid}/task/${task}/schedstat`).split(' ')[0] ?? 0) / NS_PER_MS
  }
  return Math.max(ticks * MS_PER_TICK, fineMs)
}

/** Usage of a process and all its descendants; null once it has ended or where /proc is missing. */
export function readUsage(pid: number): Usage | null {
  const tree = processTree(pid)
  if (tree.length === 0) return null
  const usage: Usage = { cpuMs: 0, residentBytes: 0, peakResidentBytes: 0 }
  for (const member of tree) {
    const text = readProc(`/proc/${member}/stat`)
    if (!text) continue
    const stat = parseStat(text)
    const endedChildren = Number(stat[STAT_CHILD_USER_TICKS]) + Number(stat[STAT_CHILD_SYSTEM_TICKS])
    usage.cpuMs += processCpuMs(member, stat) + endedChildren * MS_PER_TICK
    const status = readProc(`/proc/${member}/status`)
    usage.residentBytes += parseStatusBytes(status, 'VmRSS')
    usage.peakResidentBytes += parseStatusBytes(status, 'VmHWM')
  }
  return usage
}
