/** Errors that people see: one sentence on what is wrong, one on how to mend it. */

export type PCErrorCode =
  | 'usage' | 'bad-kernel' | 'bad-initrd' | 'bad-memory' | 'bad-file' | 'bad-state' | 'unsupported' | 'no-guest' | 'assets'

/** An error with a stable `code` and a `hint` that says how to mend it. */
export class PCError extends Error {
  readonly code: PCErrorCode
  readonly hint: string

  constructor(code: PCErrorCode, message: string, hint: string) {
    super(message)
    this.name = 'PCError'
    this.code = code
    this.hint = hint
  }
}
