package machine

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf16"

	"golang.org/x/sys/unix"
)

// keystores are where Java has whom it trusts: Debian, Fedora, and JDKs with files of their own.
var keystores = []string{
	"/etc/ssl/certs/java/cacerts",
	"/etc/pki/java/cacerts",
	"/usr/lib/jvm/*/lib/security/cacerts",
	"/usr/lib/jvm/*/jre/lib/security/cacerts",
	"/opt/*/lib/security/cacerts",
	"/opt/java/*/lib/security/cacerts",
}

// The format JKS, as sun.security.provider.JavaKeyStore of OpenJDK has it: numbers are big endian, strings have two bytes of length. It ends in the
// SHA-1 of the password in UTF-16, of a constant and of all before it, which Java itself looks at only where it is given the password.
const (
	keystoreMagic    = 0xfeedfeed
	keystoreVersion  = 2
	keystoreHead     = 12 // magic, version, how many entries
	trustedEntry     = 2
	keystorePassword = "changeit" // which tools try by themselves
	keystoreSalt     = "Mighty Aphrodite"
)

var errNoKeystore = errors.New("no JKS of version 2")

// mountKeystores lays stores with these certificates over Java's own. A mount that succeeded is answered whatever failed beside it.
func mountKeystores(patterns []string, bundle, certificates []byte) (mounted []string, err error) {
	changed, err := changedKeystores(patterns, bundle, certificates)
	for _, store := range changed {
		ours := fmt.Sprintf("%s/java-cacerts-%d", identityDirectory, len(mounted))
		if failure := replaceInRun(ours, store.content); failure != nil {
			return mounted, errors.Join(err, failure)
		}
		if failure := unix.Mount(ours, store.path, "", unix.MS_BIND, ""); failure != nil {
			return mounted, errors.Join(err, fmt.Errorf("mount %s over %s: %w", ours, store.path, failure))
		}
		// The mount keeps it.
		os.Remove(ours)
		mounted = append(mounted, store.path)
	}
	return mounted, err
}

type keystore struct {
	path    string
	content []byte
}

// changedKeystores hold what those at the paths do, and these certificates. One of another format is taken for a copy of the distribution's bundle,
// as those of distributions are; where there is no bundle it is left out, which the error says.
func changedKeystores(patterns []string, bundle, certificates []byte) (changed []keystore, err error) {
	for _, path := range keystorePaths(patterns) {
		before, failure := readBundle(path)
		if failure != nil {
			continue
		}
		content, failure := withTrusted(before, certificates)
		if errors.Is(failure, errNoKeystore) && len(bundle) > 0 {
			content, failure = withTrusted(emptyKeystore(), slices.Concat(bundle, certificates))
		}
		if failure != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", path, failure))
			continue
		}
		changed = append(changed, keystore{path, content})
	}
	return changed, err
}

// keystorePaths are the files that patterns lead to, each once.
func keystorePaths(patterns []string) (paths []string) {
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern)
		for _, each := range found {
			if path, err := filepath.EvalSymlinks(each); err == nil && !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

func emptyKeystore() []byte {
	head := binary.BigEndian.AppendUint32(nil, keystoreMagic)
	head = binary.BigEndian.AppendUint32(head, keystoreVersion)
	return append(binary.BigEndian.AppendUint32(head, 0), make([]byte, sha1.Size)...)
}

// withTrusted answers a store that has these certificates, in PEM, besides its own.
func withTrusted(store, certificates []byte) ([]byte, error) {
	if len(store) < keystoreHead+sha1.Size || binary.BigEndian.Uint32(store) != keystoreMagic || binary.BigEndian.Uint32(store[4:]) != keystoreVersion {
		return nil, errNoKeystore
	}
	content := slices.Clone(store[:len(store)-sha1.Size])
	count := binary.BigEndian.Uint32(content[8:])
	for block, rest := pem.Decode(certificates); block != nil; block, rest = pem.Decode(rest) {
		content = appendTrusted(content, fmt.Sprintf("alcove-%d", count), block.Bytes)
		count++
	}
	binary.BigEndian.PutUint32(content[8:], count)
	return append(content, keystoreDigest(content)...), nil
}

func appendTrusted(content []byte, alias string, certificate []byte) []byte {
	content = binary.BigEndian.AppendUint32(content, trustedEntry)
	content = appendText(content, alias)
	content = binary.BigEndian.AppendUint64(content, 0) // since when, in Unix ms
	content = appendText(content, "X.509")
	content = binary.BigEndian.AppendUint32(content, uint32(len(certificate)))
	return append(content, certificate...)
}

func appendText(content []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint16(content, uint16(len(text))), text...)
}

func keystoreDigest(content []byte) []byte {
	digest := sha1.New()
	for _, unit := range utf16.Encode([]rune(keystorePassword)) {
		digest.Write(binary.BigEndian.AppendUint16(nil, unit))
	}
	digest.Write([]byte(keystoreSalt))
	digest.Write(content)
	return digest.Sum(nil)
}
