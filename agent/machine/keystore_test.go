package machine

import (
	"bytes"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestAKeystoreThatJavasOwnToolMadeKeepsWhatItHasAndGetsOurs(t *testing.T) {
	keytool, err := exec.LookPath("keytool")
	if err != nil {
		t.Skip("there is no keytool")
	}
	directory := t.TempDir()
	store, certificate := filepath.Join(directory, "store"), filepath.Join(directory, "certificate.pem")
	tool := func(arguments ...string) string {
		t.Helper()
		said, err := exec.Command(keytool, append(arguments, "-keystore", store, "-storepass", keystorePassword)...).CombinedOutput()
		if err != nil {
			t.Fatalf("keytool %v: %s", arguments, said)
		}
		return string(said)
	}
	key := []string{"-genkeypair", "-keyalg", "EC", "-dname", "CN=theirs", "-alias", "theirs", "-storetype", "JKS", "-keypass", keystorePassword}
	tool(key...)
	tool("-exportcert", "-rfc", "-alias", "theirs", "-file", certificate)
	ours, err := os.ReadFile(certificate)
	must(t, err)
	before, err := os.ReadFile(store)
	must(t, err)
	for name, begun := range map[string][]byte{"theirs": before, "empty": emptyKeystore()} {
		content, err := withTrusted(begun, bytes.Repeat(ours, 2))
		must(t, err)
		must(t, os.WriteFile(store, content, 0o600))
		said := tool("-list", "-v")
		if got := strings.Count(said, "trustedCertEntry"); got != 2 {
			t.Errorf("%s: %s", name, said)
		}
		if strings.Contains(said, "PrivateKeyEntry") != (name == "theirs") {
			t.Errorf("%s: %s", name, said)
		}
	}
}

func TestWhatIsNoKeystoreIsToldApart(t *testing.T) {
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
	for _, content := range []string{"", "\xfe\xed\xfe\xed", "0\x82\x01\x00" + strings.Repeat("p", 100), "\xfe\xed\xfe\xed\x00\x00\x00\x01" + strings.Repeat("x", 30)} {
		if _, err := withTrusted([]byte(content), certificate); !errors.Is(err, errNoKeystore) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestAKeystoreIsFoundOnceHoweverManyPathsLeadToIt(t *testing.T) {
	directory := t.TempDir()
	for _, each := range []string{"one", "two"} {
		must(t, os.MkdirAll(filepath.Join(directory, each), 0o755))
	}
	must(t, os.WriteFile(filepath.Join(directory, "one/cacerts"), []byte("x"), 0o644))
	must(t, os.Symlink("../one/cacerts", filepath.Join(directory, "two/cacerts")))
	patterns := []string{filepath.Join(directory, "*/cacerts"), filepath.Join(directory, "one/cacerts"), filepath.Join(directory, "none")}
	if got := keystorePaths(patterns); len(got) != 1 || !strings.HasSuffix(got[0], "one/cacerts") {
		t.Fatal(got)
	}
}

func TestAStoreThatCannotBeReadAsOneKeepsNoOtherFromOurs(t *testing.T) {
	directory := t.TempDir()
	must(t, os.WriteFile(filepath.Join(directory, "1"), []byte("0\x82\x01\x00, a PKCS 12"), 0o644))
	must(t, os.WriteFile(filepath.Join(directory, "2"), emptyKeystore(), 0o644))
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
	changed, err := changedKeystores([]string{filepath.Join(directory, "*")}, nil, certificate)
	if len(changed) != 1 || !strings.HasSuffix(changed[0].path, "/2") || !errors.Is(err, errNoKeystore) {
		t.Fatal(changed, err)
	}
	if changed, err := changedKeystores([]string{filepath.Join(directory, "*")}, certificate, certificate); len(changed) != 2 || err != nil {
		t.Fatal(changed, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
