/**
 * The entry `tabpc/element`: defines `<tabpc-screen>` when it is imported.
 *
 *     <script type="module">import 'tabpc/element'</script>
 *     <tabpc-screen cdrom="debian.iso" memory="512M"></tabpc-screen>
 */
import { TabpcScreen } from './element/screen-element.ts'

declare global {
  interface HTMLElementTagNameMap {
    'tabpc-screen': TabpcScreen
  }
}

const registry = globalThis.customElements
if (registry && !registry.get('tabpc-screen')) registry.define('tabpc-screen', TabpcScreen)

export { TabpcScreen } from './element/screen-element.ts'
export { PC, PCError, disk } from './web/index.ts'
