package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// identityDirectory is on a tmpfs, so that a renewal writes nothing to the disk: in an emulated machine a first write to it costs
	// more than everything else that a renewal does.
	identityDirectory = "/run/alcove"
	// hostsMark ends the line of /etc/hosts that is ours to rewrite.
	hostsMark    = " # this sandbox"
	defaultHosts = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
	hostsBytes   = 64 << 10
)

// identityFiles tell programs who the sandbox is: descriptors of the files that /etc/machine-id, /etc/hostname and /etc/hosts are
// symbolic links to. They are the users' own: one who puts something else in their place has it stay, and the kernel's hostname
// still holds. So nothing here is an error.
//
// Three more have no link: how often the sandbox was renewed, the seed of a run that is to be repeated, and what the hooks said.
type identityFiles struct{ machineID, hostname, hosts, generation, seed, log *identityFile }

type identityFile struct{ descriptor int }

// openIdentityFiles moves the three files from etc into directory. None is empty or longer than it will be, so that a renewal
// finds memory for it and cuts nothing off.
func openIdentityFiles(etc, directory string) identityFiles {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return identityFiles{}
	}
	open := func(name, content string) *identityFile {
		file, err := openIdentityFile(filepath.Join(etc, name), filepath.Join(directory, name), content)
		if err != nil {
			fmt.Fprintln(os.Stderr, "agent: identity:", err)
			return nil
		}
		return file
	}
	alone := func(name, content string) *identityFile {
		file, err := makeIdentityFile(filepath.Join(directory, name), content)
		if err != nil {
			fmt.Fprintln(os.Stderr, "agent: identity:", err)
		}
		return file
	}
	hosts, _ := os.ReadFile(filepath.Join(etc, "hosts"))
	return identityFiles{
		machineID:  open("machine-id", "uninitialized\n"),
		hostname:   open("hostname", "\n"),
		hosts:      open("hosts", string(hosts)),
		generation: alone("generation", "0\n"),
		seed:       alone("seed", ""),
		log:        alone("renew.log", ""),
	}
}

func openIdentityFile(path, target, content string) (*identityFile, error) {
	file, err := makeIdentityFile(target, content)
	if err != nil {
		return nil, err
	}
	os.Remove(path)
	return file, os.Symlink(target, path)
}

func makeIdentityFile(target, content string) (*identityFile, error) {
	descriptor, err := unix.Open(target, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", target, err)
	}
	file := &identityFile{descriptor: descriptor}
	file.replace(content)
	return file, nil
}

// identity is what programs read of a renewal.
type identity struct {
	hostname, machineID string
	generation          uint64
	seed                string // empty where nobody gave one
}

func (f identityFiles) write(of identity) {
	f.machineID.replace(of.machineID + "\n")
	f.hostname.replace(of.hostname + "\n")
	f.hosts.replace(hostsFor(of.hostname, f.hosts.read()))
	f.generation.replace(strconv.FormatUint(of.generation, 10) + "\n")
	if of.seed != "" {
		of.seed += "\n"
	}
	f.seed.replace(of.seed)
}

// hostsFor renews our line and leaves all others as they are.
func hostsFor(hostname, content string) string {
	if strings.TrimSpace(content) == "" {
		content = defaultHosts
	}
	var hosts strings.Builder
	for len(content) > 0 {
		line, rest, _ := strings.Cut(content, "\n")
		if !strings.HasSuffix(line, hostsMark) {
			hosts.WriteString(line + "\n")
		}
		content = rest
	}
	hosts.WriteString("127.0.1.1\t" + hostname + hostsMark + "\n")
	return hosts.String()
}

func (f *identityFile) read() string {
	if f == nil {
		return ""
	}
	content := make([]byte, hostsBytes)
	count, _ := unix.Pread(f.descriptor, content, 0)
	return string(content[:max(count, 0)])
}

func (f *identityFile) replace(content string) {
	if f == nil {
		return
	}
	unix.Pwrite(f.descriptor, []byte(content), 0)
	var status unix.Stat_t
	if err := unix.Fstat(f.descriptor, &status); err == nil && status.Size > int64(len(content)) {
		unix.Ftruncate(f.descriptor, int64(len(content)))
	}
}
