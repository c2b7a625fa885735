/**
 * CPU models by name: what CPUID says of them is in helpers/cpuid.ts. A model announces less than `max`, and raises #UD
 * for the instructions that it lacks (jit/cpu-features.ts).
 */

/** `state.cpuModel`. */
export enum CpuModel {
  /** Everything that is implemented. */
  Max = 0,
  /** 80486DX4: the first CPUs with CPUID. */
  I486 = 1,
  /** Pentium (P54C). */
  Pentium = 2,
  /** Pentium M (Dothan): SSE2, nothing later. */
  I686 = 3,
}

/** CPUID.1:EAX, and EDX after reset: family, model, stepping (AP-485). */
export enum CpuSignature { Max = 0x683, I486 = 0x480, Pentium = 0x52c, I686 = 0x6d6 }

/** Models by the names that the command line takes. */
export const cpuModels: Readonly<Record<string, CpuModel>> = {
  max: CpuModel.Max, '486': CpuModel.I486, pentium: CpuModel.Pentium, i686: CpuModel.I686,
}

const signatures: Readonly<Record<CpuModel, CpuSignature>> = {
  [CpuModel.Max]: CpuSignature.Max, [CpuModel.I486]: CpuSignature.I486, [CpuModel.Pentium]: CpuSignature.Pentium,
  [CpuModel.I686]: CpuSignature.I686,
}

/** Whether the model has a local APIC. */
export function hasApic(model: CpuModel): boolean {
  return model === CpuModel.Max || model === CpuModel.I686
}

/** The signature of a model. */
export function signatureOfModel(model: CpuModel): number {
  return signatures[model]
}
