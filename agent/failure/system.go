package failure

import (
	"errors"
	"syscall"
)

var systemCodes = map[syscall.Errno]Code{
	syscall.ENOENT:       FileNotFound,
	syscall.EEXIST:       FileExists,
	syscall.ENOTDIR:      NotADirectory,
	syscall.EISDIR:       IsADirectory,
	syscall.ENOTEMPTY:    DirectoryNotEmpty,
	syscall.EACCES:       PermissionDenied,
	syscall.EPERM:        PermissionDenied,
	syscall.EROFS:        PermissionDenied,
	syscall.EFBIG:        FileTooLarge,
	syscall.ENOSPC:       DiskFull,
	syscall.EDQUOT:       DiskFull,
	syscall.ENAMETOOLONG: InvalidRequest,
	syscall.ELOOP:        InvalidRequest,
	syscall.EINVAL:       InvalidRequest,
	syscall.ENXIO:        NotARegularFile,
}

// FromSystem turns what the kernel answered into a failure; what says, in a few words, what was tried on which thing.
func FromSystem(err error, what string) *Error {
	var failed *Error
	if errors.As(err, &failed) {
		return failed
	}
	var number syscall.Errno
	if errors.As(err, &number) {
		if code, known := systemCodes[number]; known {
			return New(code, "Could not %s: %s.", what, number.Error())
		}
		return New(InternalError, "Could not %s: %s.", what, number.Error())
	}
	return New(InternalError, "Could not %s: %v.", what, err)
}
