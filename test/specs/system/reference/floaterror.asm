; x87 exceptions reported the PC/AT way: CR0.NE clear, FERR#, IRQ 13, port F0h, IGNNE#.

%include "probe.inc"

%macro EOI 0
  push eax
  mov al, 0x20
  out 0xa0, al
  out 0x20, al
  pop eax
%endmacro

; An exception becomes pending: division by zero, unmasked.
%macro DIVIDE 0
  fninit
  fldcw [control]
  fld1
  fldz
  fdivp
%endmacro

main:
  mov al, 0x11
  out 0x20, al
  out 0xa0, al
  mov al, 0x60
  out 0x21, al
  mov al, 0x68
  out 0xa1, al
  mov al, 4
  out 0x21, al
  mov al, 2
  out 0xa1, al
  mov al, 1
  out 0x21, al
  out 0xa1, al
  mov al, 0xfb
  out 0x21, al
  mov al, 0xdf
  out 0xa1, al
  mov eax, cr0
  and eax, ~0x20
  mov cr0, eax
  POLICY RETURN

  TEST "the interrupt comes in front of the next waiting instruction"
    DIVIDE
    sti
    nop
    nop
    fwait
    cli
    fnstsw ax
  END
  TEST "not acknowledged: no second interrupt, and nothing stops"
    sti
    fwait
    fld1
    nop
    cli
  END
  EOI
  TEST "port F0h: IGNNE# until the exception is settled"
    mov al, 0
    out 0xf0, al
    sti
    fwait
    fld1
    nop
    cli
    fnstsw ax
    fnclex
  END
  TEST "the next exception is reported again"
    DIVIDE
    sti
    nop
    fld1
    cli
  END
  EOI
  out 0xf0, al
  TEST "FNCLEX in time: no interrupt"
    DIVIDE
    fnclex
    sti
    nop
    fwait
    cli
  END
  TEST "interrupts off: the instruction is passed, the interrupt follows"
    DIVIDE
    fwait
    fld1
    sti
    nop
    nop
    cli
  END
  EOI
  out 0xf0, al
  TEST "MMX waits, too"
    DIVIDE
    sti
    nop
    paddb mm0, mm1
    cli
    fninit
  END
  EOI
  out 0xf0, al
  TEST "CR0.NE set: #MF"
    DIVIDE
    mov eax, cr0
    or eax, 0x20
    mov cr0, eax
    POLICY RESUME
    fwait
  END
  jmp finish

align 256
control: dd 0x37b
