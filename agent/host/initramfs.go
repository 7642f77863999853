// Package host is what the daemon needs done on the host and cannot do itself.
package host

import (
	"bufio"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// DefaultModules are what a sandbox needs of a kernel, besides what is built in. They load in this order, each after what
// it needs. From "dummy" on they are for the capture of what programs send (capture/); from "veth" on they are what
// container engines make networks of.
var DefaultModules = []string{
	"virtio_mmio", "virtio_console", "virtio_blk", "virtio-rng", "overlay",
	"dummy", "nf_tables", "nft_chain_nat", "nft_redir", "nft_reject_inet", "nft_ct", "nft_fib_inet",
	"veth", "bridge", "nft_nat", "nft_masq",
}

type names []string

func (n *names) String() string { return strings.Join(*n, ",") }

func (n *names) Set(value string) error {
	*n = append(*n, strings.Split(value, ",")...)
	return nil
}

// WriteInitramfs runs "host initramfs": a cpio with this program as /init, the modules, and /modules/order.
func WriteInitramfs(arguments []string) error {
	flags := flag.NewFlagSet("initramfs", flag.ContinueOnError)
	out := flags.String("out", "", "file to write")
	program := flags.String("program", "", "what becomes /init (default: this program)")
	directory := flags.String("kernel-modules", "", "the kernel's modules, as in /lib/modules/RELEASE; none: the kernel has all built in")
	compress := flags.Bool("gzip", false, "compress: smaller, and slower to boot")
	var modules names
	flags.Var(&modules, "module", "module to load, with what it needs; repeatable (default: "+strings.Join(DefaultModules, ", ")+")")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *out == "" || flags.NArg() > 0 {
		return errors.New("initramfs takes --out FILE and flags, nothing else")
	}
	if len(modules) == 0 {
		modules = DefaultModules
	}
	if *program == "" {
		*program = "/proc/self/exe"
	}
	content, err := os.ReadFile(*program)
	if err != nil {
		return err
	}
	var ordered []module
	if *directory != "" {
		if ordered, err = orderedModules(*directory, modules); err != nil {
			return err
		}
	}
	return replaceFile(*out, func(writer io.Writer) error {
		if !*compress {
			return writeArchive(writer, content, ordered)
		}
		compressed := gzip.NewWriter(writer)
		if err := writeArchive(compressed, content, ordered); err != nil {
			return err
		}
		return compressed.Close()
	})
}

func writeArchive(writer io.Writer, program []byte, modules []module) error {
	out := &archive{writer: writer}
	for _, name := range []string{"dev", "proc", "sys", "modules"} {
		out.directory(name)
	}
	out.add(entry{name: "dev/console", mode: deviceKind | 0o600, major: 5, minor: 1})
	out.file("init", 0o755, program)
	var order strings.Builder
	for _, module := range modules {
		name := "modules/" + module.name + ".ko"
		out.file(name, 0o644, module.content)
		fmt.Fprintf(&order, "/%s\n", name)
	}
	out.file("modules/order", 0o644, []byte(order.String()))
	return out.end()
}

// replaceFile writes a file beside path and gives it that name when it is whole and on disk.
func replaceFile(path string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	buffered := bufio.NewWriterSize(file, 1<<20)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := errors.Join(file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
