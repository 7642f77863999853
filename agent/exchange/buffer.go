package exchange

import "golang.org/x/sys/unix"

// newBuffer answers memory of one place, at the start of a page, in pages as large as the kernel has: a disk takes it in one piece.
// It is not the collector's, and goes back with freeBuffer.
func newBuffer() ([]byte, error) {
	buffer, err := unix.Mmap(-1, 0, PlaceBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err == nil {
		unix.Madvise(buffer, unix.MADV_HUGEPAGE)
	}
	return buffer, err
}

func freeBuffer(buffer []byte) { unix.Munmap(buffer) }
