#include "textflag.h"

#define SYS_clone3     435
#define SYS_exit_group 94

// func cloneAndRun(arguments *cloneArguments, size uintptr, program *step, result *outcome) int
//
// The result of a step that succeeds replaces its number. The child has the parent's stack pointer and never touches the stack.
TEXT ·cloneAndRun(SB), NOSPLIT|NOFRAME, $0-40
	MOVD arguments+0(FP), R0
	MOVD size+8(FP), R1
	MOVD program+16(FP), R19
	MOVD result+24(FP), R20
	MOVD $SYS_clone3, R8
	SVC
	CBZ  R0, child
	MOVD R0, ret+32(FP)
	RET

child:
	MOVD 0(R19), R8
	MOVD 8(R19), R0
	MOVD 16(R19), R1
	MOVD 24(R19), R2
	MOVD 32(R19), R3
	MOVD 40(R19), R4
	SVC
	CMN  $4095, R0
	BCS  failed
	MOVD R0, 0(R19)
	ADD  $48, R19
	B    child

failed:
	NEG  R0, R0
	MOVD R0, 0(R20)
	MOVD $127, R0
	MOVD $SYS_exit_group, R8
	SVC
	BRK
