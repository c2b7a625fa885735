/**
 * Keys of touch keyboards and paste: they come as text and not as keys, so they are typed by the guest's layout.
 * A letter stays in the field all the time, or there would be nothing for Backspace to delete.
 */
import type { PCKeyboard } from '../pc/keyboard.ts'

const FILLER = 'x'

/** Types what is entered into `field`; `onMissing` is told of text that the layout has no keys for. */
export function attachTouchKeyboard(
  field: HTMLTextAreaElement, keyboard: PCKeyboard, onMissing: (message: string) => void,
): () => void {
  const listeners = new AbortController()
  const { signal } = listeners
  const refill = () => {
    field.value = FILLER
    field.setSelectionRange(1, 1)
  }
  const type = (text: string) => {
    keyboard.type(text).catch((error: unknown) => onMissing(error instanceof Error ? error.message : String(error)))
  }
  refill()
  field.addEventListener('input', event => {
    const { inputType, data, isComposing } = event as InputEvent
    if (isComposing) return
    if (inputType.startsWith('delete')) void keyboard.press('Backspace').catch(() => {})
    else if (inputType === 'insertLineBreak' || inputType === 'insertParagraph') type('\n')
    else type(data ?? field.value.slice(FILLER.length))
    refill()
  }, { signal })
  field.addEventListener('compositionend', event => {
    if (event.data) type(event.data)
    refill()
  }, { signal })
  // Keys of a real keyboard while the field has the focus: those that enter no text.
  field.addEventListener('keydown', event => {
    if (event.isComposing || event.key.length === 1 || ['Enter', 'Backspace', 'Unidentified', 'Process'].includes(event.key)) return
    event.preventDefault()
    if (event.code) void keyboard.press(event.code).catch(() => {})
  }, { signal })
  return () => listeners.abort()
}
