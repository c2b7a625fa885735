/** Entry of the wasm module that the x87 specs compile: every x87 helper and nothing else. */
export * from '../../../runtime/helpers/fxsave'
export * from '../../../runtime/helpers/x87-arithmetic'
export * from '../../../runtime/helpers/x87-compare'
export * from '../../../runtime/helpers/x87-control'
export * from '../../../runtime/helpers/x87-environment'
export * from '../../../runtime/helpers/x87-move'
export * from '../../../runtime/helpers/x87-transcendental'
export { flushTlb } from '../../../runtime/helpers/paging'
