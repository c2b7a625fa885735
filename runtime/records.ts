/**
 * Decoded records: what the interpreter executes. A record is 32 bytes; a *run* is a header and the records of
 * instructions that follow each other within one page, past not-taken branches, closed by a jump or an end record.
 *
 * Register fields are absolute addresses of slots in the state (sub-registers included), or the number of a segment,
 * control, debug, ST, MM or XMM register. The effective address of a memory operand is always
 * base + (index << scale) + displacement, with the `zero` pseudo-register where a part is absent.
 */
export enum RecordField {
  /** Handler number (u16). */
  Handler = 0,
  /** Offset of the instruction in its page (u16). */
  Offset = 2,
  /** Bytes of the instruction; 0 for an end record (u8). */
  Length = 4,
  /** Instructions retired when control leaves the run behind this record (u8). */
  Ordinal = 5,
  /** Shift of the index register (u8). */
  Scale = 6,
  /** Segment of the memory operand or string source (u8). */
  Segment = 7,
  /** Operand 0, if a register (u16). */
  Destination = 8,
  /** Operand 1, if a register (u16). */
  Source = 10,
  Base = 12,
  Index = 14,
  /** Displacement; or the second immediate, or the selector of a far pointer (i32); or how often a branch was taken (u32). */
  Displacement = 16,
  /** Immediate, relative distance, far offset; or the slot of operand 2 (i32). */
  Immediate = 20,
  /** Record of the branch target, when it is known and in the same page; else 0 (u32). */
  Link = 24,
  /** Offset of the next instruction in the page of this one (u16). */
  Next = 28,
  /** RecordFlag (u8). */
  Flags = 30,
}

/** Facts in `RecordField.Flags`. */
export enum RecordFlag {
  /** Offsets of memory operands wrap at 64 KiB. */
  Address16 = 1,
  /** The branch target lies in the page of the branch, so `Link` may be filled in. */
  Linkable = 2,
  /** A conditional branch whose handler counts in `Displacement` how often it is taken. */
  Counted = 4,
}

/** The header in front of a run's first record: also 32 bytes. */
export enum RunHeader {
  /** Physical address of the first byte (u32). */
  Physical = 0,
  /** Mode it was decoded for (u32). */
  Mode = 4,
  /** Code bytes (u32). */
  Bytes = 8,
  /** Instructions (u32). */
  Instructions = 12,
  /** Physical address of the second page, when the run is one instruction across two; else NOT_CROSSING (u32). */
  SecondPage = 16,
  /** How often the run has been entered by a jump (u32). */
  Heat = 20,
  /** Slot of the compiled region that begins here (u32); meaningful while the first handler is `enter`. */
  Region = 24,
  /** A copy of the first record, while `enter` stands in its place (u32). */
  FirstRecord = 28,
}

/** A compiled region's descriptor, by slot: what must hold for its code to be entered. */
export enum RegionDescriptor {
  /** Instructions that may run between two looks at the budget (u32). */
  Instructions = 0,
  /** `key` of the state for which the pages were last found in place (u32). */
  ValidatedKey = 4,
  /** Number of pages (u32), then pairs of linear and physical page (u32, u32). */
  Pages = 8,
  FirstPage = 12,
  /** Address of the jump cache's entry that may name this region, or 0 (u32). */
  JumpEntry = 60,
}

/** Pages that one region's code may lie in. */
export const MOST_REGION_PAGES = 6
export const REGION_DESCRIPTOR_BYTES = 64

/** Bound of `RegionDescriptor.Instructions`. */
export const MOST_REGION_INSTRUCTIONS = 512

/** Offsets of `Bytes` and `SecondPage`, for the helpers. */
export const HEADER_BYTES = 8
export const HEADER_SECOND_PAGE = 16

/** Value of `SecondPage` for a run within one page: no page starts there. */
export const NOT_CROSSING = 1
