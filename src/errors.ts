/** Errors that people see: one sentence on what is wrong, one on how to mend it. */

/**
 * What is wrong, for programs.
 *
 * - `usage`: an option or a call that makes no sense
 * - `bad-kernel`, `bad-initrd`, `bad-file`: a file that is damaged or no such thing
 * - `bad-memory`: a size that is out of range, or more than the host can give
 * - `bad-state`: saved state that does not fit
 * - `unsupported`: a format or a feature that tabpc or this host does not have
 * - `no-guest`: the guest tool could not build or fetch its guest
 * - `assets`: files of tabpc itself are missing (Node)
 * - `asset-missing`: the server answers 404, or another error, for a file
 * - `asset-type`: the server answers with something else, mostly a page of HTML
 * - `no-range`: a disk is read in ranges and its server gives none
 * - `cors`: another origin does not allow this page to read the file
 * - `network`: no answer, or the answer stopped half-way
 * - `csp`: the page's Content Security Policy forbids WebAssembly
 * - `not-isolated`: a warning only: the page is not cross-origin isolated, so memory is not shared between threads
 * - `unbootable`: neither a kernel nor a drive that one could boot from
 * - `worker`: the machine's worker did not start, or crashed
 * - `stopped`: the machine has stopped, so what is asked cannot happen
 * - `timeout`, `aborted`, `disposed`: a wait that came to an end
 */
export type PCErrorCode =
  | 'usage' | 'bad-kernel' | 'bad-initrd' | 'bad-memory' | 'bad-file' | 'bad-state' | 'unsupported' | 'no-guest' | 'assets'
  | 'asset-missing' | 'asset-type' | 'no-range' | 'cors' | 'network' | 'csp' | 'not-isolated' | 'unbootable' | 'worker'
  | 'stopped' | 'timeout' | 'aborted' | 'disposed'

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
