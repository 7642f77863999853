package exchange

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// newBuffers answers memory for two places, each at the start of a page, in pages as large as the kernel has: a disk takes it in one
// piece. It is not the collector's, and goes back with freeBuffers.
func newBuffers() (buffers [2][]byte, err error) {
	memory, err := unix.Mmap(-1, 0, 2*PlaceBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return buffers, fmt.Errorf("memory for a transfer: %w", err)
	}
	unix.Madvise(memory, unix.MADV_HUGEPAGE)
	return [2][]byte{memory[:PlaceBytes], memory[PlaceBytes:]}, nil
}

func freeBuffers(buffers [2][]byte) { unix.Munmap(buffers[0][:2*PlaceBytes]) }
