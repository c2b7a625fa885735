; Guest program of execution.spec.ts: system instructions executed in real, protected, virtual-8086 and task-switching
; code, each checked by the program itself. It reports on port 0xE9: "F<line>" for every check that fails, then "done"
; and the number of checks; then it writes 0 to port 0xF4.
;
; Rebuild modes.bin with:  nasm -f bin -o modes.bin modes.asm
; Loaded at 0x7C00, entered in real mode at 0000:7C00.

bits 16
org 0x7c00

CODE0     equ 0x08
DATA0     equ 0x10
CODE3     equ 0x1b
DATA3     equ 0x23
CODE16    equ 0x28
DATA16    equ 0x30
TSS_MAIN  equ 0x38
TSS_OTHER equ 0x40
LDT_SEL   equ 0x48
GATE_CALL equ 0x50
GATE_TASK equ 0x58
ABSENT    equ 0x60
EXPDOWN   equ 0x68
EXECONLY  equ 0x70
CONFORM   equ 0x78
TSS_DF    equ 0x80
SMALL     equ 0x88
; SYSENTER wants four selectors in a row.
SYS_CS    equ 0x90

STACK0    equ 0x6000
STACK3    equ 0x5000
INNER     equ 0x5800
V86_SEG   equ 0x1000
V86_LINEAR equ V86_SEG * 16

start:
  jmp 0:real_start

; --- macros ---------------------------------------------------------------------------------------------------------

; Counts a check and reports the line unless the condition code holds.
%macro CHECK 1.nolist
  j%1 %%good
  push dword __LINE__
  call fail
%%good:
  inc dword [checks]
%endmacro

%macro CHECK16 1.nolist
  j%1 %%good
  push word __LINE__
  call fail16
%%good:
  inc dword [checks]
%endmacro

; FAULT vector, code, instruction: the instruction must raise that exception (level 0).
%macro FAULT 3+.nolist
  mov dword [resume], %%after
  mov dword [vector], -1
  mov [saved_esp], esp
  %3
%%after:
  cmp dword [vector], %1
  CHECK e
  cmp dword [error_code], %2
  CHECK e
%endmacro

; FAULT3 vector, code, label: level 3 code at the label must raise that exception.
%macro FAULT3 3.nolist
  mov dword [resume], %%after
  mov dword [vector], -1
  mov [saved_esp], esp
  push dword DATA3
  push dword STACK3
  pushfd
  push dword CODE3
  push dword %3
  iretd
%%after:
  cmp dword [vector], %1
  CHECK e
  cmp dword [error_code], %2
  CHECK e
  test byte [fault_cs], 3
  CHECK nz
%endmacro

; --- real mode ------------------------------------------------------------------------------------------------------

real_start:
  cli
  xor ax, ax
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov sp, STACK0

  ; segment registers
  mov ax, 0x1234
  mov es, ax
  mov bx, es
  cmp bx, ax
  CHECK16 e
  push es
  pop fs
  mov bx, fs
  cmp bx, ax
  CHECK16 e
  mov byte [es:0x10], 0x5a
  push ds
  mov cx, 0x1235
  mov ds, cx
  cmp byte [0], 0x5a
  pop ds
  CHECK16 e
  les di, [far_pointer]
  mov ax, es
  cmp ax, 0x4321
  CHECK16 e
  cmp di, 0x8765
  CHECK16 e
  lfs edi, [far_pointer32]
  cmp edi, 0x11223344
  CHECK16 e
  mov ax, fs
  cmp ax, 0x5566
  CHECK16 e

  ; far call and return; the stack is balanced
  mov bx, sp
  push word 7
  call 0:real_far
  cmp ax, 0x77
  CHECK16 e
  cmp bx, sp
  CHECK16 e
  call far [real_far_pointer]
  cmp bx, sp
  CHECK16 e

  ; INT and IRET through the table at 0
  mov word [0x40 * 4], real_int
  mov word [0x40 * 4 + 2], 0
  stc
  sti
  int 0x40
  CHECK16 nc
  pushf
  pop ax
  test ax, 0x200
  CHECK16 nz
  cli

  ; flags
  push word 0x7ed5
  popf
  pushf
  pop ax
  and ax, 0xfed5
  cmp ax, 0x7cd5 | 0x200
  CHECK16 e
  push word 2
  popf

  ; a word at the end of the segment: vector 13 without error code
  mov word [13 * 4], real_gp
  mov word [13 * 4 + 2], 0
  mov bx, 0xffff
  xor cx, cx
real_fault:
  mov ax, [bx]
  cmp cx, 0x1313
  CHECK16 e

  ; INTO and INT3
  mov word [4 * 4], real_into
  mov word [4 * 4 + 2], 0
  mov word [3 * 4], real_into
  mov word [3 * 4 + 2], 0
  xor cx, cx
  into
  int3
  mov al, 0x7f
  add al, 1
  into
  cmp cx, 2
  CHECK16 e

  ; single step: one trap for each of three instructions after POPF
  mov word [1 * 4], real_step
  mov word [1 * 4 + 2], 0
  xor cx, cx
  push word 0x102
  popf
  nop
  nop
  push word 2
  popf
  cmp cx, 4
  CHECK16 e
  ; MOV SS holds the trap of its own end off
  xor cx, cx
  mov ax, ss
  push word 0x102
  popf
  mov ss, ax
  nop
  push word 2
  popf
  cmp cx, 3
  CHECK16 e

  ; system registers
  smsw ax
  test al, 1
  CHECK16 z
  sidt [scratch]
  cmp word [scratch], 0x3ff
  CHECK16 ae
  lgdt [gdt_pointer]
  lidt [idt_pointer]
  sgdt [scratch]
  cmp dword [scratch + 2], gdt
  CHECK16 e
  mov eax, cr0
  or al, 1
  mov cr0, eax
  jmp dword CODE0:protected

real_far:
  push bp
  mov bp, sp
  mov ax, [bp + 6]
  add ax, 0x70
  pop bp
  retf 2

real_far_pointer:
  dw real_far_plain, 0
real_far_plain:
  retf

real_int:
  push bp
  mov bp, sp
  ; clears CF of the interrupted code
  and word [bp + 6], ~1
  pop bp
  iret

real_gp:
  mov cx, 0x1313
  push bp
  mov bp, sp
  ; the saved IP must be the faulting instruction; step over its two bytes
  cmp word [bp + 2], real_fault
  jne .out
  add word [bp + 2], 2
.out:
  pop bp
  iret

real_into:
  inc cx
  iret

real_step:
  inc cx
  iret

fail16:
  pushf
  pusha
  mov bp, sp
  movzx eax, word [bp + 20]
  mov esi, eax
  mov al, 'F'
  out 0xe9, al
  mov eax, esi
  mov ecx, 5
.digit:
  xor edx, edx
  mov ebx, 10
  div ebx
  push dx
  loop .digit
  mov cx, 5
.print:
  pop ax
  add al, '0'
  out 0xe9, al
  loop .print
  mov al, 10
  out 0xe9, al
  popa
  popf
  ret 2

; --- protected mode -------------------------------------------------------------------------------------------------

bits 32
protected:
  mov ax, DATA0
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov fs, ax
  mov gs, ax
  mov esp, STACK0
  call build_idt
  mov ax, TSS_MAIN
  ltr ax
  str bx
  cmp bx, ax
  CHECK e
  mov ax, LDT_SEL
  lldt ax
  sldt ebx
  cmp ebx, LDT_SEL
  CHECK e

  ; busy bit
  lar eax, [tss_selector]
  CHECK z
  cmp ah, 0x8b
  CHECK e
  FAULT 13, TSS_MAIN, ltr [tss_selector]

  ; selectors
  FAULT 13, 0, mov byte [cs:0x500], 1
  xor eax, eax
  mov gs, ax
  FAULT 13, 0, mov al, [gs:0]
  FAULT 13, 0, mov ss, ax
  mov ax, ABSENT
  FAULT 11, ABSENT, mov es, ax
  FAULT 12, ABSENT, mov ss, ax
  mov ax, EXECONLY
  FAULT 13, EXECONLY, mov ds, ax
  mov ax, 0xfff8
  FAULT 13, 0xfff8, mov fs, ax
  mov ax, DATA3
  mov fs, ax
  FAULT 13, DATA3 & ~3, mov ss, ax
  mov ax, TSS_OTHER
  FAULT 13, TSS_OTHER, mov fs, ax
  push dword ABSENT
  FAULT 11, ABSENT, pop fs
  pop eax
  ; a selector in the LDT
  mov ax, 0x0c
  mov gs, ax
  cmp dword [gs:0], 0x12345678
  CHECK e

  ; limits
  mov ax, SMALL
  mov gs, ax
  mov al, [gs:0xf]
  FAULT 13, 0, mov al, [gs:0x10]
  FAULT 13, 0, mov eax, [gs:0xd]
  FAULT 13, 0, inc dword [gs:0xd]
  mov eax, [gs:0xc]
  mov ax, EXPDOWN
  mov gs, ax
  FAULT 13, 0, mov al, [gs:0xfff]
  mov al, [gs:0x1000]
  mov eax, SMALL
  lsl ebx, eax
  CHECK z
  cmp ebx, 0xf
  CHECK e
  lsl ebx, [gate_selector]
  CHECK nz
  mov eax, EXECONLY
  verr ax
  CHECK nz
  mov eax, DATA0
  verw ax
  CHECK z
  verr ax
  CHECK z
  mov bx, 0x11
  mov cx, 0x22
  arpl bx, cx
  CHECK z
  cmp bx, 0x12
  CHECK e
  arpl bx, cx
  CHECK nz

  ; far transfers at the same level
  mov ebx, esp
  call CODE0:far_same
  cmp ebx, esp
  CHECK e
  call CONFORM:far_same
  call far [far_same_pointer]
  call GATE_CALL:0xdeadbeef
  cmp ebx, esp
  CHECK e
  FAULT 13, DATA0, jmp DATA0:0
  FAULT 13, 0, jmp 0:0
  FAULT 13, CODE3 & ~3, call CODE3:far_same
  push dword 0
  push dword 0
  FAULT 13, 0, retf
  add esp, 8

  ; interrupts at the same level
  mov dword [vector], -1
  int 0x41
  cmp dword [vector], 0x41
  CHECK e
  FAULT 11, 0x7f * 8 + 2, int 0x7f
  FAULT 6, 0, ud2
  xor ecx, ecx
  FAULT 0, 0, div ecx
  mov eax, 0x80000000
  FAULT 13, 0, mov cr0, eax
  xor eax, eax
  dec eax
  FAULT 13, 0, mov cr4, eax
  mov ecx, 0x12345
  FAULT 13, 0, rdmsr
  pushfd
  pop eax
  test eax, 0x200
  CHECK z

  ; control and debug registers, MSRs, CPUID
  mov eax, cr0
  test al, 1
  CHECK nz
  mov eax, 0x12345678
  mov dr0, eax
  mov ebx, dr0
  cmp eax, ebx
  CHECK e
  xor eax, eax
  mov dr7, eax
  mov eax, dr7
  cmp eax, 0x400
  CHECK e
  xor eax, eax
  cpuid
  cmp ebx, 0x756e6547
  CHECK e
  mov eax, 1
  cpuid
  test edx, 1 << 5
  CHECK nz
  mov ecx, 0x174
  mov eax, SYS_CS
  xor edx, edx
  wrmsr
  mov ecx, 0x175
  mov eax, STACK0 - 0x200
  wrmsr
  mov ecx, 0x176
  mov eax, sysenter_entry
  wrmsr
  xor eax, eax
  rdmsr
  cmp eax, sysenter_entry
  CHECK e
  rdtsc
  mov esi, eax
  mov edi, edx
  rdtsc
  sub eax, esi
  sbb edx, edi
  CHECK ae

  ; level 3
  mov dword [tss_main + 4], INNER
  FAULT3 13, 0, user_cli
  FAULT3 13, 0, user_hlt
  FAULT3 13, 0, user_in
  FAULT3 13, 0, user_cr
  FAULT3 13, 0x41 * 8 + 2, user_int
  FAULT3 13, DATA0, user_load
  FAULT3 13, 0, user_popf_retf
  mov dword [resume], back_from_user
  mov [saved_esp], esp
  push dword DATA3
  push dword STACK3
  pushfd
  push dword CODE3
  push dword user_main
  iretd
back_from_user:
  cmp dword [vector], 0x80
  CHECK e
  cmp dword [user_result], 0x600d
  CHECK e
  mov ax, ds
  cmp ax, DATA0
  CHECK e

  ; SYSENTER and SYSEXIT
  mov dword [resume], after_sysenter
  mov [saved_esp], esp
  push dword DATA3
  push dword STACK3
  pushfd
  push dword CODE3
  push dword user_sysenter
  iretd
after_sysenter:
  cmp dword [vector], 0x80
  CHECK e
  cmp dword [user_result], 0x5e5e
  CHECK e

  ; tasks: CALL and IRET, then JMP there and back
  mov dword [tss_other + 0x20], task_called
  call TSS_OTHER:0
  cmp dword [task_counter], 1
  CHECK e
  mov dword [tss_other + 0x20], task_called
  mov dword [tss_other + 0x38], STACK3
  call GATE_TASK:0
  cmp dword [task_counter], 2
  CHECK e
  mov dword [tss_other + 0x20], task_jumped
  mov dword [tss_other + 0x24], 2
  mov dword [tss_other + 0x38], STACK3
  mov byte [gdt + TSS_OTHER + 5], 0x89
  mov esi, 0x51515151
  jmp TSS_OTHER:0
  cmp esi, 0x51515151
  CHECK e
  cmp dword [task_counter], 3
  CHECK e
  str ax
  cmp ax, TSS_MAIN
  CHECK e
  mov eax, cr0
  test al, 8
  CHECK nz
  clts
  mov eax, cr0
  test al, 8
  CHECK z
  pushfd
  pop eax
  test eax, 0x4000
  CHECK z

  ; a double fault through a task gate: #GP whose gate is absent
  mov byte [idt + 13 * 8 + 5], 0x0e
  mov dword [tss_df + 0x20], task_double_fault
  mov dword [vector], -1
  mov ax, 0xfff8
double_fault_here:
  mov fs, ax
after_double_fault:
  mov byte [idt + 13 * 8 + 5], 0x8e
  cmp dword [vector], 8
  CHECK e

  ; single step in protected mode
  mov dword [step_count], 0
  pushfd
  or dword [esp], 0x100
  popfd
  nop
  nop
  pushfd
  and dword [esp], ~0x100
  popfd
  cmp dword [step_count], 5
  CHECK e
  ; INT inside a stepped sequence runs its handler at full speed
  mov dword [step_count], 0
  pushfd
  or dword [esp], 0x100
  popfd
  int 0x41
  pushfd
  and dword [esp], ~0x100
  popfd
  cmp dword [step_count], 3
  CHECK e

  ; virtual-8086 mode: code is copied to its segment
  mov esi, v86_code
  mov edi, V86_LINEAR
  mov ecx, v86_end - v86_code
  cld
  rep movsb
  mov dword [resume], after_v86
  mov [saved_esp], esp
  mov dword [vector], -1
  push dword 0x2222
  push dword 0x3333
  push dword 0x4444
  push dword 0x5555
  push dword V86_SEG
  push dword 0x800
  push dword 0x23002
  push dword V86_SEG
  push dword 0
  iretd
after_v86:
  ; INT 0x80 from virtual-8086 code came here with its segments on the level 0 stack
  cmp dword [vector], 0x80
  CHECK e
  cmp word [V86_LINEAR + 0x400], 0x4444
  CHECK e
  cmp word [V86_LINEAR + 0x402], 0x4455
  CHECK e
  cmp dword [fault_cs], V86_SEG
  CHECK e
  ; IOPL 0: INT n is refused
  mov dword [resume], after_v86_refused
  mov dword [vector], -1
  push dword 0
  push dword 0
  push dword 0
  push dword 0
  push dword V86_SEG
  push dword 0x800
  push dword 0x20002
  push dword V86_SEG
  push dword 0
  iretd
after_v86_refused:
  cmp dword [vector], 13
  CHECK e
  cmp dword [error_code], 0
  CHECK e

  ; 16-bit code in protected mode, and back
  mov ebx, esp
  call CODE16:code16
  cmp ebx, esp
  CHECK e
  cmp ax, 0x1616
  CHECK e

  ; back to real mode
  cli
  jmp CODE16:to_real

finish:
  mov esi, done_text
.next:
  lodsb
  test al, al
  jz .count
  out 0xe9, al
  jmp .next
.count:
  push dword [checks]
  call print_number
  xor eax, eax
  out 0xf4, al
  hlt

far_same:
  retf

user_cli:
  cli
user_hlt:
  hlt
user_in:
  in al, 0x60
user_cr:
  mov eax, cr3
user_int:
  int 0x41
user_load:
  mov ax, DATA0
  mov ds, ax
user_popf_retf:
  ; POPF is silent about IF and IOPL; returning to a null CS is not
  push dword 0x3202
  popfd
  pushfd
  pop eax
  test eax, 0x3200
  jnz user_cli_bad
  push dword 0
  push dword 0
  retf
user_cli_bad:
  ud2

user_main:
  mov ax, DATA3
  mov ds, ax
  mov es, ax
  mov fs, ax
  ; a call gate with two parameters to level 0
  mov ebx, esp
  push dword 0x600
  push dword 0xd
  call GATE_PARAM:0
  cmp ebx, esp
  jne .bad
  mov [user_result], eax
  ; level 0 data segments came back as null
  int 0x80
.bad:
  ud2

gate_entry:
  mov eax, [esp + 8]
  mov ecx, [esp + 12]
  shl ecx, 4
  or eax, ecx
  mov cx, cs
  test cl, 3
  jnz user_cli_bad
  retf 8

user_sysenter:
  mov ax, DATA3
  mov ds, ax
  sysenter
sysenter_entry:
  mov ax, cs
  cmp ax, SYS_CS
  jne user_cli_bad
  mov ax, ss
  cmp ax, SYS_CS + 8
  jne user_cli_bad
  mov ecx, STACK3
  mov edx, user_after_sysexit
  sysexit
user_after_sysexit:
  mov ax, cs
  cmp ax, SYS_CS + 16 + 3
  jne user_cli_bad
  mov dword [user_result], 0x5e5e
  int 0x80

task_called:
  inc dword [task_counter]
  ; NT is set: IRET goes back
  iretd
  jmp task_called

task_jumped:
  inc dword [task_counter]
  jmp TSS_MAIN:0

task_double_fault:
  mov dword [vector], 8
  ; the main task resumes behind the faulting instruction
  cmp dword [esp], 0
  CHECK e
  cmp dword [tss_main + 0x20], double_fault_here
  CHECK e
  mov dword [tss_main + 0x20], after_double_fault
  iretd

; Exceptions and interrupts: stubs push vector and, where the CPU does not, a zero error code.
build_idt:
  mov esi, stubs
  mov edi, idt
  xor ecx, ecx
.next:
  mov eax, esi
  mov [edi], ax
  mov word [edi + 2], CODE0
  mov word [edi + 4], 0x8e00
  shr eax, 16
  mov [edi + 6], ax
  add esi, 16
  add edi, 8
  inc ecx
  cmp ecx, 0x82
  jne .next
  ; INT 0x80 is for level 3, 0x7f is absent, 8 is a task gate, 1 and 0x41 have handlers of their own
  mov byte [idt + 0x80 * 8 + 5], 0xee
  mov byte [idt + 0x7f * 8 + 5], 0x0e
  mov dword [idt + 8 * 8], TSS_DF << 16
  mov word [idt + 8 * 8 + 4], 0x8500
  mov word [idt + 1 * 8], step_handler
  mov word [idt + 0x41 * 8], plain_handler
  ret

step_handler:
  inc dword [step_count]
  push eax
  xor eax, eax
  mov dr6, eax
  pop eax
  iretd

plain_handler:
  mov dword [vector], 0x41
  iretd

%macro STUB 1
  align 16
  %if %1 = 8 || (%1 >= 10 && %1 <= 14) || %1 = 17
  %else
  push dword 0
  %endif
  push dword %1
  jmp any_vector
%endmacro

any_vector:
  push ds
  push eax
  mov ax, DATA0
  mov ds, ax
  mov es, ax
  mov eax, [esp + 8]
  mov [vector], eax
  mov eax, [esp + 12]
  mov [error_code], eax
  mov eax, [esp + 20]
  mov [fault_cs], eax
  pop eax
  mov esp, [saved_esp]
  jmp [resume]

; Prints the decimal number on the stack and a line feed.
print_number:
  mov eax, [esp + 4]
  mov ecx, 5
.digit:
  xor edx, edx
  mov ebx, 10
  div ebx
  push edx
  loop .digit
  mov ecx, 5
.print:
  pop eax
  add al, '0'
  out 0xe9, al
  loop .print
  mov al, 10
  out 0xe9, al
  ret 4

fail:
  pushfd
  pushad
  mov al, 'F'
  out 0xe9, al
  push dword [esp + 40]
  call print_number
  popad
  popfd
  ret 4

align 16
stubs:
%assign i 0
%rep 0x82
  STUB i
%assign i i + 1
%endrep

bits 16
code16:
  ; called from 32-bit code: the frame has dwords
  mov ax, 0x1616
  o32 retf

to_real:
  mov ax, DATA16
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov fs, ax
  mov gs, ax
  lidt [real_idt_pointer]
  mov eax, cr0
  and al, ~1
  mov cr0, eax
  jmp 0:real_again
real_again:
  xor ax, ax
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov sp, STACK0
  smsw ax
  test al, 1
  CHECK16 z
  clc
  stc
  int 0x40
  CHECK16 nc
  ; and to protected mode once more, to finish
  lidt [idt_pointer]
  mov eax, cr0
  or al, 1
  mov cr0, eax
  jmp dword CODE0:protected_again
bits 32
protected_again:
  mov ax, DATA0
  mov ds, ax
  mov es, ax
  mov ss, ax
  mov esp, STACK0
  jmp finish

bits 16
v86_code:
  mov ax, ds
  mov [cs:0x400], ax
  mov ax, 0x4455
  mov bx, 0x1000
  mov ds, bx
  mov [0x402], ax
  pushf
  pop ax
  call V86_SEG:v86_far - v86_code
  int 0x80
  hlt
v86_far:
  retf
v86_end:

bits 32
align 8
gdt:
  dq 0
  dq 0x00cf9a000000ffff
  dq 0x00cf92000000ffff
  dq 0x00cffa000000ffff
  dq 0x00cff2000000ffff
  dq 0x00009a000000ffff
  dq 0x000092000000ffff
  dw 0x2067, tss_main
  db 0, 0x89, 0, 0
  dw 0x67, tss_other
  db 0, 0x89, 0, 0
  dw 0xf, ldt
  db 0, 0x82, 0, 0
  dw far_same, CODE0
  db 0, 0x8c, 0, 0
  dw 0, TSS_OTHER
  db 0, 0x85, 0, 0
  dq 0x00cf12000000ffff
  dq 0x0040960000000fff
  dq 0x00cf98000000ffff
  dq 0x00cf9e000000ffff
  dw 0x67, tss_df
  db 0, 0x89, 0, 0
  dq 0x004092000000000f
  dq 0x00cf9a000000ffff
  dq 0x00cf92000000ffff
  dq 0x00cffa000000ffff
  dq 0x00cff2000000ffff
GATE_PARAM equ $ - gdt + 3
  dw gate_entry, CODE0
  db 2, 0xec, 0, 0
gdt_end:

ldt:
  dq 0
  dw 0xf, ldt_data
  db 0, 0x92, 0x40, 0
ldt_data:
  dd 0x12345678, 0, 0, 0

gdt_pointer:
  dw gdt_end - gdt - 1
  dd gdt
idt_pointer:
  dw 0x82 * 8 - 1
  dd idt
real_idt_pointer:
  dw 0x3ff
  dd 0
far_pointer:
  dw 0x8765, 0x4321
far_pointer32:
  dd 0x11223344
  dw 0x5566
far_same_pointer:
  dd far_same
  dw CODE0
tss_selector:
  dw TSS_MAIN
gate_selector:
  dw GATE_CALL
done_text:
  db 'done ', 0

align 4
checks: dd 0
resume: dd 0
vector: dd 0
error_code: dd 0
fault_cs: dd 0
saved_esp: dd 0
user_result: dd 0
task_counter: dd 0
step_count: dd 0
scratch: dq 0

align 16
tss_main:
  dd 0, INNER, DATA0
  times 0x66 - ($ - tss_main) db 0
  dw 0x68
  times 0x68 - ($ - tss_main) db 0
  ; ports below 0x60 are open, those above closed
  times 12 db 0
  times 4 db 0xff
%macro TASK 0
  dd 0, INNER, DATA0, 0, 0, 0, 0, 0
  dd 0, 2
  dd 0, 0, 0, 0, STACK3, 0, 0, 0
  dd DATA0, CODE0, DATA0, DATA0, 0, 0
  dd 0, 0x680000
%endmacro
tss_other:
  TASK
tss_df:
  TASK
idt:
