package machine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	certificatesPath = identityDirectory + "/ca.pem"
	bundlePath       = identityDirectory + "/ca-bundle.pem"
	// largestBundleBytes is several times what distributions have.
	largestBundleBytes = 4 << 20
)

// bundles are where distributions have the certificates that programs trust: Debian, Arch and Alpine; Fedora and its relatives; SUSE; and
// the path that LibreSSL knows.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
}

// Programs that have certificates of their own are told of ours by variables: some take them besides, and the others instead, which
// must have the distribution's too.
var (
	besideVariables  = map[string]string{"NODE_EXTRA_CA_CERTS": certificatesPath, "DENO_CERT": certificatesPath}
	insteadVariables = map[string]string{
		"SSL_CERT_FILE": bundlePath, "REQUESTS_CA_BUNDLE": bundlePath, "CURL_CA_BUNDLE": bundlePath, "GIT_SSL_CAINFO": bundlePath,
		"PIP_CERT": bundlePath, "npm_config_cafile": bundlePath, "CARGO_HTTP_CAINFO": bundlePath, "AWS_CA_BUNDLE": bundlePath,
	}
)

// trust is whom programs trust by the last renewal.
type trust struct {
	certificates string
	variables    map[string]string
	// found are the distribution's bundles. What the first had is in ours already, so that a renewal does not read it.
	found     foundBundles
	baseBytes int64
	// mounted are those that ours lies over.
	mounted []string
}

// prepare copies the distribution's bundle while a template is made.
func (t *trust) prepare() error {
	found, content := findBundles(bundles)
	if err := replaceInRun(bundlePath, withLastLine(content)); err != nil {
		return err
	}
	t.found, t.baseBytes = found, int64(len(withLastLine(content)))
	return nil
}

// renew has programs trust these certificates, and answers the variables that tell them so. What it does to files is lost with the
// machine's memory, as everything in /run: nothing is written to the disk. A sandbox that it fails in goes on without.
func (t *trust) renew(certificates string) map[string]string {
	if certificates == t.certificates {
		return t.variables
	}
	t.withdraw()
	t.certificates, t.variables = certificates, nil
	if certificates == "" {
		return nil
	}
	if err := t.establish(); err != nil {
		fmt.Fprintln(os.Stderr, "agent: certificates:", err)
	}
	return t.variables
}

// withdraw lets the distribution's own bundles be seen again.
func (t *trust) withdraw() {
	for _, path := range t.mounted {
		unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	}
	t.mounted = nil
	os.Remove(certificatesPath)
	if t.certificates != "" {
		os.Truncate(bundlePath, t.baseBytes)
	}
}

func (t *trust) establish() error {
	if !t.found.areAsTheyWere() || sizeOf(bundlePath) != t.baseBytes {
		if err := t.prepare(); err != nil {
			return err
		}
	}
	if err := replaceInRun(certificatesPath, []byte(t.certificates)); err != nil {
		return err
	}
	if err := appendInRun(bundlePath, t.certificates); err != nil {
		return err
	}
	t.variables = maps.Clone(besideVariables)
	if len(t.found.paths) > 0 {
		// Ours alone, in place of a bundle that somebody installs later, would have programs trust nobody else.
		maps.Copy(t.variables, insteadVariables)
	}
	for _, path := range t.found.paths {
		if err := unix.Mount(bundlePath, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s over %s: %w", bundlePath, path, err)
		}
		t.mounted = append(t.mounted, path)
	}
	return t.establishForJava()
}

// establishForJava comes last: an image's store may be anything, and no other program looks at it.
func (t *trust) establishForJava() error {
	if len(keystorePaths(keystores)) == 0 {
		return nil
	}
	var bundle []byte
	if len(t.found.paths) > 0 {
		content, err := readBundle(bundlePath)
		if err != nil {
			return err
		}
		bundle = content[:t.baseBytes]
	}
	mounted, err := mountKeystores(keystores, bundle, []byte(t.certificates))
	t.mounted = append(t.mounted, mounted...)
	return err
}

func sizeOf(path string) int64 {
	info, err := os.Lstat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}

// foundBundles are the files that candidates lead to, each once, and as what.
type foundBundles struct {
	candidates []string
	paths      []string
	seen       []string
}

// findBundles answers the bundles that there are, and the content of the first.
func findBundles(candidates []string) (found foundBundles, content []byte) {
	found = foundBundles{candidates: candidates, seen: looksOf(candidates)}
	for _, candidate := range candidates {
		path, err := filepath.EvalSymlinks(candidate)
		if err != nil || slices.Contains(found.paths, path) {
			continue
		}
		read, err := readBundle(path)
		if err != nil {
			continue
		}
		if len(found.paths) == 0 {
			content = read
		}
		found.paths = append(found.paths, path)
	}
	return found, content
}

func (f foundBundles) areAsTheyWere() bool { return slices.Equal(f.seen, looksOf(f.candidates)) }

// looksOf tells a file from another that takes its place, and from itself when it was written to.
func looksOf(paths []string) []string {
	looks := make([]string, len(paths))
	for index, path := range paths {
		var status unix.Stat_t
		if unix.Stat(path, &status) == nil {
			looks[index] = fmt.Sprint(status.Dev, status.Ino, status.Size, status.Mtim, status.Ctim)
		}
	}
	return looks
}

// readBundle reads a file of the image's, which may be anything.
func readBundle(path string) ([]byte, error) {
	descriptor, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(descriptor), path)
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() == 0 || info.Size() > largestBundleBytes {
		return nil, errors.New(path + " is no bundle of certificates")
	}
	return io.ReadAll(io.LimitReader(file, largestBundleBytes))
}

func withLastLine(content []byte) []byte {
	if len(content) > 0 && !bytes.HasSuffix(content, []byte("\n")) {
		return append(content, '\n')
	}
	return content
}

// replaceInRun makes the file anew, and follows no link.
func replaceInRun(path string, content []byte) error {
	os.Remove(path)
	return writeInRun(path, unix.O_CREAT|unix.O_EXCL, content)
}

func appendInRun(path, content string) error {
	return writeInRun(path, unix.O_APPEND, []byte(content))
}

func writeInRun(path string, flags int, content []byte) error {
	descriptor, err := unix.Open(path, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|flags, 0o644)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	file := os.NewFile(uintptr(descriptor), path)
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}
