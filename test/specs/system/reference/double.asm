; What a fault while another event is delivered comes to (SDM vol. 3, tables 6-4 and 6-5): each exception, software
; interrupts, NMI and interrupts of the APIC, through gates that are absent, no gates, lead to absent or to no code, or
; whose inner stack is missing. Page faults on both sides.

%include "probe.inc"

APIC     equ 0xfee00000
NMI      equ 0x4400
SELF     equ 0x44000
ABSENT   equ FREE              ; absent code
NOT_CODE equ DATA0
PAGES    equ 0x200000
MISSING  equ 0x800000          ; nothing there
VECTOR   equ 0x51

; GATE_AS vector, low, high; then GATE_BACK vector.
%macro GATE_AS 3
  mov eax, [idt + %1 * 8]
  mov [kept], eax
  mov eax, [idt + %1 * 8 + 4]
  mov [kept + 4], eax
  mov dword [idt + %1 * 8], %2
  mov dword [idt + %1 * 8 + 4], %3
%endmacro
%macro GATE_BACK 1
  mov eax, [kept]
  mov [idt + %1 * 8], eax
  mov eax, [kept + 4]
  mov [idt + %1 * 8 + 4], eax
%endmacro

; EVENT "name", vector, instructions: through each kind of broken gate.
%macro EVENT 3-7 nop, nop, nop, nop
  ONE {%1, ": absent gate"}, %2, CODE0 << 16, 0x6e00, {%3}, {%4}, {%5}, {%6}, {%7}
  ONE {%1, ": no gate"}, %2, CODE0 << 16, 0xe200, {%3}, {%4}, {%5}, {%6}, {%7}
  ONE {%1, ": null code"}, %2, 0, 0xee00, {%3}, {%4}, {%5}, {%6}, {%7}
  ONE {%1, ": absent code"}, %2, ABSENT << 16, 0xee00, {%3}, {%4}, {%5}, {%6}, {%7}
  ONE {%1, ": data"}, %2, NOT_CODE << 16, 0xee00, {%3}, {%4}, {%5}, {%6}, {%7}
  ONE {%1, ": offset beyond the limit"}, %2, (CODE16 << 16) | 0xffff, 0xffffee00, {%3}, {%4}, {%5}, {%6}, {%7}
  ONE {%1, ": task gate without a TSS"}, %2, DATA0 << 16, 0xe500, {%3}, {%4}, {%5}, {%6}, {%7}
%endmacro
%macro ONE 9
  GATE_AS %2, %3, %4
  TEST {%1}
    %5
    %6
    %7
    %8
    %9
  END
  GATE_BACK %2
%endmacro

main:
  DESCRIPTOR ABSENT, 0, 0xfffff, 0x1b, 12
  DESCRIPTOR FREE + 8, 0, 0xfffff, 0x13, 12
  ; identity map of the first 4 MiB and of the APIC
  mov edi, PAGES
  mov ecx, 0x400
  xor eax, eax
  rep stosd
  mov dword [PAGES], 0x87
  mov dword [PAGES + 0x3fb * 4], 0xfec00083
  mov eax, cr4
  or eax, 0x610                ; PSE, OSFXSR, OSXMMEXCPT
  mov cr4, eax
  mov eax, PAGES
  mov cr3, eax
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax
  mov ecx, 0x1b
  rdmsr
  or eax, 0x800
  wrmsr
  mov dword [APIC + 0xf0], 0x1ff
  mov dword [APIC + 0x350], 0x10000
  mov eax, [APIC + 0x20]
  and eax, 0xff000000
  mov [APIC + 0x310], eax

  EVENT "DE", 0, {xor eax, eax}, {div eax}
  EVENT "INT1", 1, {db 0xf1}
  EVENT "INT3", 3, {int3}
  EVENT "OF", 4, {mov al, 0x7f}, {add al, 1}, {into}
  EVENT "BR", 5, {mov eax, 100}, {bound eax, [bounds]}
  EVENT "UD", 6, {ud2}
  EVENT "NM", 7, {mov eax, cr0}, {or al, 8}, {mov cr0, eax}, {fld1}
  clts
  EVENT "NP", 11, {mov eax, FREE + 8}, {mov ds, ax}
  EVENT "SS", 12, {mov eax, FREE + 8}, {mov ss, ax}
  EVENT "GP", 13, {mov eax, 0xfff8}, {mov ds, ax}
  EVENT "PF", 14, {mov eax, [MISSING]}
  EVENT "MF", 16, {fninit}, {fldcw [unmasked]}, {fldz}, {fdiv st0, st0}, {wait}
  fninit
  EVENT "XM", 19, {ldmxcsr [unmasked_sse]}, {xorps xmm0, xmm0}, {divps xmm0, xmm0}
  ldmxcsr [masked_sse]
  EVENT "INT 0x40", 0x40, {int 0x40}
  EVENT "NMI", 2, {mov dword [APIC + 0x300], NMI}, nop
  EVENT "interrupt", VECTOR, {mov dword [APIC + 0x300], SELF | VECTOR}, sti, nop, {mov dword [APIC + 0xb0], 0}, cli
  mov dword [APIC + 0xb0], 0
  ; from level 3: what the inner stack lacks; the vectors of the second fault lead to tasks, which need none
  call tasks
  mov dword [tss + 8], 0
  call outer
  mov dword [tss + 8], FREE + 8
  call outer
  mov dword [tss + 8], DATA0
  mov dword [tss + 4], MISSING
  call outer
  mov dword [tss + 4], STACK0
  ret

; Level 3 raises this and that.
outer:
  TEST3 "outer: UD"
    ud2
  END
  call settle
  TEST3 "outer: GP"
    hlt
  END
  call settle
  TEST3 "outer: INT 0x40"
    int 0x40
  END
  call settle
  TEST3 "outer: DE"
    xor eax, eax
    div eax
  END
  call settle
  TEST3 "outer: PF"
    mov eax, [MISSING]
  END
  jmp settle

; A task behind each of the vectors 8 and 10 to 12, and 14 but for the last event.
tasks:
  mov esi, task_vectors
  mov edi, task_table
  mov ebx, FREE + 16
.next:
  movzx edx, byte [esi]
  inc esi
  test edx, edx
  jz .end
  push edi
  mov ecx, 26
  xor eax, eax
  rep stosd
  pop edi
  mov dword [edi + 0x1c], PAGES
  mov dword [edi + 0x20], in_task
  mov dword [edi + 0x24], 2
  mov [edi + 0x28], edx
  mov dword [edi + 0x38], 0x1a0000
  mov word [edi + 0x48], DATA0
  mov word [edi + 0x4c], CODE0
  mov word [edi + 0x50], DATA0
  mov word [edi + 0x54], DATA0
  push esi
  push edx
  push dword edi
  push dword 0x67
  push dword 0x89
  push dword 0
  push dword ebx
  call set_descriptor
  pop edx
  pop esi
  mov eax, ebx
  shl eax, 16
  mov [idt + edx * 8], eax
  mov dword [idt + edx * 8 + 4], 0x8500
  add edi, 0x68
  add ebx, 8
  jmp .next
.end:
  ret

; EAX: the vector. Says it, with the error code, and goes on behind the probe as the main task.
in_task:
  mov esi, text_task
  call print
  call print_byte
  mov al, ' '
  out 0xe9, al
  pop eax
  call print_dword
  mov al, 10
  out 0xe9, al
  mov dword [raised], 1
  mov esp, [saved_esp]
  jmp [resume]

; The main task again, and all others free.
settle:
  mov dword [raised], 0
  mov byte [gdt + TSS_MAIN + 5], 0x89
  mov ax, TSS_MAIN
  ltr ax
  push dword 2
  popfd
  jmp tasks

align 64
text_task db '  task ', 0
align 4
kept dd 0, 0
bounds dd 0, 1
unmasked dw 0x37e, 0
unmasked_sse dd 0x1f00
masked_sse dd 0x1f80
task_vectors db 8, 10, 11, 12, 14, 0
align 16
task_table times 5 * 0x68 db 0
