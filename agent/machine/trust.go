package machine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"

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
	// mounted are the distribution's bundles that ours lies over.
	mounted []string
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
}

func (t *trust) establish() error {
	if err := replaceInRun(certificatesPath, []byte(t.certificates)); err != nil {
		return err
	}
	paths, content := foundBundles(bundles)
	t.variables = maps.Clone(besideVariables)
	if len(paths) > 0 {
		// Ours alone, in place of a bundle that somebody installs later, would have programs trust nobody else.
		maps.Copy(t.variables, insteadVariables)
	}
	if err := replaceInRun(bundlePath, joined(content, []byte(t.certificates))); err != nil {
		return err
	}
	for _, path := range paths {
		if err := unix.Mount(bundlePath, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s over %s: %w", bundlePath, path, err)
		}
		t.mounted = append(t.mounted, path)
	}
	return nil
}

// foundBundles answers the files that there are, each once, and the content of the first.
func foundBundles(candidates []string) (paths []string, content []byte) {
	seen := map[string]bool{}
	for _, candidate := range candidates {
		path, err := filepath.EvalSymlinks(candidate)
		if err != nil || seen[path] {
			continue
		}
		seen[path] = true
		found, err := readBundle(path)
		if err != nil {
			continue
		}
		if len(paths) == 0 {
			content = found
		}
		paths = append(paths, path)
	}
	return paths, content
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

func joined(bundle, certificates []byte) []byte {
	if len(bundle) > 0 && !bytes.HasSuffix(bundle, []byte("\n")) {
		bundle = append(bundle, '\n')
	}
	return append(bundle, certificates...)
}

// replaceInRun leaves no moment in which the file is not whole, and follows no link.
func replaceInRun(path string, content []byte) error {
	temporary := path + ".new"
	os.Remove(temporary)
	descriptor, err := unix.Open(temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return fmt.Errorf("make %s: %w", temporary, err)
	}
	file := os.NewFile(uintptr(descriptor), temporary)
	_, err = file.Write(content)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
