// Package layers unpacks the layers of OCI images over each other, into one directory that nothing in a layer leads out of. Docker
// is the measure: what it makes of a layer is what this makes of it.
//
// layers.go a layer as a whole · tree.go names, resolved inside the directory · place.go making entries · describe.go owners, modes,
// attributes, times · content.go files' bytes · whiteout.go, remove.go taking away · settle.go what every sandbox needs.
package layers

import (
	"archive/tar"
	"errors"
	"io"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"alcove.dev/agent/failure"
)

// maxEntries of one layer: the largest images have some hundred thousand.
var maxEntries = 1_000_000

const (
	// maxPadding is what may follow the end of an archive.
	maxPadding = 64 << 20

	tarBlockBytes = 512
)

// Unpacked is what a layer brought.
type Unpacked struct {
	Entries int   `json:"entries"`
	Bytes   int64 `json:"bytes"`
}

// Used is what is taken of a file system.
type Used struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Apply unpacks one layer, a tar, over what is in the directory. One that fails leaves the directory as far as it came.
func Apply(directory string, layer io.Reader) (Unpacked, error) {
	root, err := openTree(directory)
	if err != nil {
		return Unpacked{}, failure.FromSystem(err, "open the disk")
	}
	defer root.close()
	unpacking := &unpacking{tree: root, names: newNames(), buffer: make([]byte, bufferBytes), roomBytes: root.totalBytes()}
	return unpacking.all(layer)
}

// unpacking is one layer on its way into the tree.
type unpacking struct {
	tree *tree
	// names are those that this layer made, which its own whiteouts are not about.
	names     *names
	times     directoryTimes
	buffer    []byte
	roomBytes int64
	done      Unpacked
}

func (u *unpacking) all(source io.Reader) (Unpacked, error) {
	layer := &counted{source: source}
	reader := tar.NewReader(layer)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			u.times.set(u.tree)
			return u.done, u.end(layer)
		}
		if err != nil {
			return u.done, u.broken(err)
		}
		if u.done.Entries++; u.done.Entries > maxEntries {
			return u.done, failure.New(failure.InvalidRequest, "The layer has more than %d entries.", maxEntries)
		}
		if err := u.entry(header, reader); err != nil {
			return u.done, refusal(err, header)
		}
		u.tree.closeRetired()
		if u.times.isFull() {
			u.times.set(u.tree)
		}
	}
}

func (u *unpacking) broken(err error) error {
	var failed *failure.Error
	if errors.As(err, &failed) {
		return failed
	}
	return failure.New(failure.InvalidRequest, "The layer is no tar archive, or is cut off: after %d entries, %v.", u.done.Entries, err)
}

// end reads what follows the end of an archive, so that its sender sees all of it taken. An archive may end between two entries
// without a mark, as it may for Docker; one that is not of whole blocks was cut off.
func (u *unpacking) end(layer *counted) error {
	skipped, err := io.Copy(io.Discard, io.LimitReader(layer, maxPadding+1))
	if err != nil {
		return failure.New(failure.InvalidRequest, "The layer broke off after its end: %v.", err)
	}
	if skipped > maxPadding {
		return failure.New(failure.InvalidRequest, "More than %d bytes follow the end of the layer's archive.", maxPadding)
	}
	if layer.bytes%tarBlockBytes != 0 {
		return u.broken(io.ErrUnexpectedEOF)
	}
	return nil
}

type counted struct {
	source io.Reader
	bytes  int64
}

func (c *counted) Read(into []byte) (int, error) {
	count, err := c.source.Read(into)
	c.bytes += int64(count)
	return count, err
}

func (u *unpacking) entry(header *tar.Header, content io.Reader) error {
	name, err := inside(header.Name)
	if err != nil || header.Typeflag == tar.TypeXGlobalHeader {
		return err
	}
	base := path.Base(name)
	if strings.HasPrefix(base, whiteoutPrefix) {
		return u.whiteout(path.Dir(name), base)
	}
	if name == "." {
		return u.describeRoot(header)
	}
	parent, err := u.tree.makeDirectory(path.Dir(name))
	if err != nil {
		return err
	}
	if err := u.place(parent, base, header, content); err != nil {
		return err
	}
	u.names.add(parent, base)
	if header.Typeflag == tar.TypeDir {
		u.times.add(u.tree, name, header)
	}
	return nil
}

// inside takes a tar's name apart from the root, which every name begins at; one that leads above it is refused.
func inside(name string) (string, error) {
	cleaned := path.Clean(strings.TrimLeft(name, "/") + "/.")
	if cleaned == ".." || strings.HasPrefix(cleaned, "../") {
		return "", failure.New(failure.InvalidRequest, "its name %.200q leads out of the image", name)
	}
	return cleaned, nil
}

var ours = map[unix.Errno]bool{
	unix.EIO: true, unix.ENOMEM: true, unix.EMFILE: true, unix.ENFILE: true, unix.EROFS: true, unix.EUCLEAN: true, unix.EBADF: true,
}

// refusal says which entry it was, whatever was wrong with it.
func refusal(err error, header *tar.Header) error {
	code, reason := failure.InvalidRequest, err.Error()
	var failed *failure.Error
	var number unix.Errno
	switch {
	case errors.As(err, &failed):
		code, reason = failed.Code, strings.TrimSuffix(failed.Message, ".")
	case errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT):
		code, reason = failure.DiskFull, "the image's disk is full"
	case errors.As(err, &number) && ours[number]:
		code = failure.InternalError
	case errors.Is(err, io.ErrUnexpectedEOF):
		reason = "the layer is cut off within it"
	}
	return failure.New(code, "The layer's entry %.200q cannot be unpacked: %s.", header.Name, reason)
}
