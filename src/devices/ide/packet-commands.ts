/**
 * What a CD-ROM drive answers to command packets: a function from packet and disc to data, reads and errors.
 *
 * Sources: MMC-3 (T10 1363D), chapter 6; SPC-2 (INQUIRY, REQUEST SENSE, MODE SENSE); SFF-8020i.
 */

/** Sense key, additional sense code and qualifier. */
export interface Sense { readonly key: number, readonly code: number, readonly qualifier?: number }

export const Senses = {
  noMedium: { key: 2, code: 0x3a },
  readError: { key: 3, code: 0x11 },
  unknownCommand: { key: 5, code: 0x20 },
  outOfRange: { key: 5, code: 0x21 },
  badField: { key: 5, code: 0x24 },
  cannotEject: { key: 5, code: 0x53, qualifier: 2 },
  mediumChanged: { key: 6, code: 0x28 },
} as const satisfies Record<string, Sense>

/** A sense as one number, for saved states: key, code, qualifier in a byte each. */
export function senseNumber({ key, code, qualifier = 0 }: Sense): number {
  return (key << 16) | (code << 8) | qualifier
}
export const NO_SENSE = 0

/** What a packet may ask about. */
export interface DiscView {
  readonly sectors: number
  readonly isLoaded: boolean
  /** The disc was changed and nobody has been told. */
  readonly hasChanged: boolean
  readonly isLocked: boolean
  readonly sense: number
}

export interface PacketAnswer {
  readonly data?: Uint8Array
  readonly read?: { readonly lba: number, readonly sectors: number }
  readonly failure?: Sense
  readonly eject?: boolean
  readonly locked?: boolean
  readonly forgetsChange?: boolean
  /** The sense of the command before stays. */
  readonly keepsSense?: boolean
}

enum Packet {
  TestUnitReady = 0x00, RequestSense = 0x03, Inquiry = 0x12, StartStop = 0x1b, PreventRemoval = 0x1e,
  ReadCapacity = 0x25, Read10 = 0x28, Seek = 0x2b, ReadSubChannel = 0x42, ReadToc = 0x43, GetConfiguration = 0x46,
  GetEventStatus = 0x4a, ReadDiscInformation = 0x51, ReadTrackInformation = 0x52, ModeSelect10 = 0x55,
  ModeSense10 = 0x5a, Read12 = 0xa8, SetSpeed = 0xbb, MechanismStatus = 0xbd, ReadCd = 0xbe,
}

const SECTOR_BYTES = 2048
/** Addresses in minutes, seconds and frames count from two seconds before sector 0. */
const LEAD_IN_FRAMES = 150
const FRAMES_PER_SECOND = 75
const LEAD_OUT = 0xaa
/** Q sub-channel: position, data track. */
const ADR_CONTROL_DATA = 0x14
const PROFILE_CD_ROM = 0x0008
const PAGE_ERROR_RECOVERY = 0x01
const PAGE_CAPABILITIES = 0x2a
const ALL_PAGES = 0x3f
const MEDIUM_DATA_DISC = 0x01
const MEDIUM_NONE = 0x70

/** Commands that say nothing about a changed disc. */
const carefree = [Packet.RequestSense, Packet.Inquiry, Packet.GetConfiguration, Packet.GetEventStatus]
/** Commands that need a disc. */
const needy = [
  Packet.TestUnitReady, Packet.ReadCapacity, Packet.Read10, Packet.Read12, Packet.ReadCd, Packet.Seek, Packet.ReadToc,
  Packet.ReadSubChannel, Packet.ReadDiscInformation, Packet.ReadTrackInformation,
]

class PacketView {
  private readonly view: DataView
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  word(offset: number): number {
    return this.view.getUint16(offset)
  }

  dword(offset: number): number {
    return this.view.getUint32(offset)
  }
}

/** What the drive does about a packet of 12 bytes. */
export function answerPacket(bytes: Uint8Array, disc: DiscView): PacketAnswer {
  const command = bytes[0]
  if (disc.hasChanged && disc.isLoaded && !carefree.includes(command))
    return { failure: Senses.mediumChanged, forgetsChange: true }
  if (!disc.isLoaded && needy.includes(command)) return { failure: Senses.noMedium }
  const packet = new PacketView(bytes)
  switch (command) {
    case Packet.TestUnitReady:
    case Packet.SetSpeed:
      return {}
    case Packet.RequestSense:
      return { data: requestSense(disc.sense).subarray(0, bytes[4]) }
    case Packet.Inquiry:
      return { data: inquiry().subarray(0, packet.word(3)) }
    case Packet.StartStop:
      return startStop(bytes[4], disc)
    case Packet.PreventRemoval:
      return { locked: (bytes[4] & 1) !== 0 }
    case Packet.ReadCapacity:
      return { data: bigEndian([disc.sectors - 1, 4], [SECTOR_BYTES, 4]) }
    case Packet.Read10:
      return read(packet.dword(2), packet.word(7), disc)
    case Packet.Read12:
      return read(packet.dword(2), packet.dword(6), disc)
    case Packet.ReadCd:
      return readCd(packet, disc)
    case Packet.Seek:
      return packet.dword(2) < disc.sectors ? {} : { failure: Senses.outOfRange }
    case Packet.ReadToc:
      return readToc(packet, disc)
    case Packet.ReadSubChannel:
      return { data: bigEndian([0, 1], [0x15, 1], [0, 2]).subarray(0, packet.word(7)) }
    case Packet.GetConfiguration:
      return { data: configuration(disc).subarray(0, packet.word(7)) }
    case Packet.GetEventStatus:
      return eventStatus(packet, disc)
    case Packet.ReadDiscInformation:
      return { data: discInformation().subarray(0, packet.word(7)) }
    case Packet.ReadTrackInformation:
      return { data: trackInformation(disc).subarray(0, packet.word(7)) }
    case Packet.ModeSense10:
      return modeSense(packet, disc)
    case Packet.MechanismStatus:
      return { data: new Uint8Array(8).subarray(0, packet.word(8)) }
    default:
      return { failure: Senses.unknownCommand }
  }
}

/** Numbers in big-endian order, each with its size in bytes. */
function bigEndian(...fields: readonly (readonly [number, number])[]): Uint8Array {
  const bytes: number[] = []
  for (const [value, size] of fields)
    for (let i = size - 1; i >= 0; i--) bytes.push(Math.floor(value / 2 ** (8 * i)) & 0xff)
  return Uint8Array.from(bytes)
}

/** Fixed-format sense data, 18 bytes. */
function requestSense(sense: number): Uint8Array {
  const data = new Uint8Array(18)
  data[0] = 0x70
  data[2] = sense >> 16
  data[7] = 10
  data[12] = (sense >> 8) & 0xff
  data[13] = sense & 0xff
  return data
}

function inquiry(): Uint8Array {
  const data = new Uint8Array(36).fill(0x20, 8)
  data[0] = 0x05
  data[1] = 0x80
  data[3] = 0x21
  data[4] = 31
  const put = (offset: number, text: string) => {
    for (let i = 0; i < text.length; i++) data[offset + i] = text.charCodeAt(i)
  }
  put(8, 'TABPC')
  put(16, 'CD-ROM')
  put(32, '1.0')
  return data
}

function startStop(action: number, disc: DiscView): PacketAnswer {
  const ejects = (action & 3) === 2
  if (!ejects) return {}
  return disc.isLocked ? { failure: Senses.cannotEject } : { eject: true }
}

function read(lba: number, sectors: number, disc: DiscView): PacketAnswer {
  if (lba + sectors > disc.sectors) return { failure: Senses.outOfRange }
  return sectors === 0 ? {} : { read: { lba, sectors } }
}

/** READ CD of user data only. */
function readCd(packet: PacketView, disc: DiscView): PacketAnswer {
  const sectors = (packet.bytes[6] << 16) | packet.word(7)
  const wanted = packet.bytes[9] & 0xf8
  if (sectors === 0 || wanted === 0) return {}
  return wanted === 0x10 ? read(packet.dword(2), sectors, disc) : { failure: Senses.badField }
}

/** An address as the packet wants it: a sector, or 0, minutes, seconds, frames. */
function address(lba: number, msf: boolean): number {
  if (!msf) return lba
  const frames = lba + LEAD_IN_FRAMES
  const seconds = Math.floor(frames / FRAMES_PER_SECOND)
  return (Math.floor(seconds / 60) << 16) | ((seconds % 60) << 8) | (frames % FRAMES_PER_SECOND)
}

function readToc(packet: PacketView, disc: DiscView): PacketAnswer {
  const { bytes } = packet
  const msf = (bytes[1] & 2) !== 0
  // The format is in byte 2; drives of SFF-8020i times look for it in the top bits of byte 9.
  const format = (bytes[2] & 15) || bytes[9] >> 6
  const first = bytes[6]
  const most = packet.word(7)
  const track = (number: number, lba: number) =>
    [[0, 1], [ADR_CONTROL_DATA, 1], [number, 1], [0, 1], [address(lba, msf), 4]] as [number, number][]
  if (format === 0) {
    if (first > 1 && first !== LEAD_OUT) return { failure: Senses.badField }
    const tracks = [...(first <= 1 ? track(1, 0) : []), ...track(LEAD_OUT, disc.sectors)]
    const body = bigEndian(...tracks)
    return { data: bigEndian([body.length + 2, 2], [1, 1], [1, 1], ...tracks).subarray(0, most) }
  }
  if (format === 1) return { data: bigEndian([10, 2], [1, 1], [1, 1], ...track(1, 0)).subarray(0, most) }
  return format === 2 ? { data: fullToc(disc).subarray(0, most) } : { failure: Senses.badField }
}

/** The lead-in's own entries: first track, last track, lead-out, and the track. */
function fullToc(disc: DiscView): Uint8Array {
  const entry = (point: number, position: number) =>
    [[1, 1], [ADR_CONTROL_DATA, 1], [0, 1], [point, 1], [0, 4], [position, 3]] as [number, number][]
  const entries = [
    ...entry(0xa0, 0x010000), ...entry(0xa1, 0x010000), ...entry(0xa2, address(disc.sectors, true)),
    ...entry(1, address(0, true)),
  ]
  return bigEndian([4 * 11 + 2, 2], [1, 1], [1, 1], ...entries)
}

function configuration(disc: DiscView): Uint8Array {
  const profile = disc.isLoaded ? PROFILE_CD_ROM : 0
  return bigEndian(
    [24, 4], [0, 2], [profile, 2],
    // Profile list: CD-ROM; core feature: ATAPI.
    [0, 2], [3, 1], [4, 1], [PROFILE_CD_ROM, 2], [disc.isLoaded ? 1 : 0, 1], [0, 1],
    [1, 2], [3, 1], [4, 1], [2, 4],
  )
}

/** Polled media events only: class 4. */
function eventStatus(packet: PacketView, disc: DiscView): PacketAnswer {
  const { bytes } = packet
  if (!(bytes[1] & 1)) return { failure: Senses.badField }
  if (!(bytes[4] & 0x10)) return { data: bigEndian([2, 2], [0x80, 1], [0x10, 1]).subarray(0, packet.word(7)) }
  const event = disc.hasChanged ? (disc.isLoaded ? 2 : 3) : 0
  const data = bigEndian([6, 2], [4, 1], [0x10, 1], [event, 1], [disc.isLoaded ? 2 : 0, 1], [0, 2])
  return { data: data.subarray(0, packet.word(7)) }
}

/** A finished disc of one session with one track. */
function discInformation(): Uint8Array {
  const data = new Uint8Array(34)
  data[1] = 32
  data[2] = 0x0e
  data.fill(1, 3, 7)
  data[7] = 0x20
  data.fill(0xff, 16, 24)
  return data
}

function trackInformation(disc: DiscView): Uint8Array {
  const data = new Uint8Array(28)
  data[1] = 26
  data[2] = 1
  data[3] = 1
  data[5] = 0x04
  data[6] = 0x01
  data.set(bigEndian([disc.sectors, 4]), 24)
  return data
}

function modeSense(packet: PacketView, disc: DiscView): PacketAnswer {
  const page = packet.bytes[2] & 0x3f
  const pages: Uint8Array[] = []
  if (page === PAGE_ERROR_RECOVERY || page === ALL_PAGES) pages.push(Uint8Array.of(PAGE_ERROR_RECOVERY, 6, 0, 5, 0, 0, 0, 0))
  if (page === PAGE_CAPABILITIES || page === ALL_PAGES) pages.push(capabilities(disc))
  if (pages.length === 0) return { failure: Senses.badField }
  const length = pages.reduce((sum, bytes) => sum + bytes.length, 0)
  const data = new Uint8Array(8 + length)
  data.set(bigEndian([length + 6, 2], [disc.isLoaded ? MEDIUM_DATA_DISC : MEDIUM_NONE, 1]))
  let at = 8
  for (const bytes of pages) {
    data.set(bytes, at)
    at += bytes.length
  }
  return { data: data.subarray(0, packet.word(7)) }
}

/** Capabilities and mechanical status: reads CD-R, locks and ejects, a tray; 24 x 176 kB/s, buffer 128 KiB. */
function capabilities(disc: DiscView): Uint8Array {
  const page = new Uint8Array(20)
  page.set([PAGE_CAPABILITIES, 18, 0x03, 0, 0x70, 0x60, 0x29 | (disc.isLocked ? 2 : 0)])
  page.set(bigEndian([4234, 2], [256, 2], [128, 2], [4234, 2]), 8)
  return page
}
