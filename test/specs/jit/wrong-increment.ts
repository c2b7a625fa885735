/** A compiler fault for the specs of the tools that find such: INC EAX is compiled as INC ECX. */
import { type CompileRequest, regionOf } from '../../../jit/compile.ts'
import { PAGE_BYTES } from '../../../runtime/memory-map.ts'

const INC_EAX = 0x40
const INC_ECX = 0x41

/** The request with INC ECX for every INC EAX of its region. */
export function withWrongIncrement(request: CompileRequest): CompileRequest {
  const pages = new Map(request.pages.map(page => [page.linear, { ...page, bytes: page.bytes.slice() }]))
  for (const { instructions } of regionOf(request)?.blocks.values() ?? [])
    for (const { eip, instruction } of instructions) {
      const bytes = pages.get(eip - (eip % PAGE_BYTES))?.bytes
      if (bytes && instruction.mnemonic === 'inc' && bytes[eip % PAGE_BYTES] === INC_EAX) bytes[eip % PAGE_BYTES] = INC_ECX
    }
  return { ...request, pages: [...pages.values()] }
}
