package host

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// module is a kernel module's file.
type module struct {
	name    string
	content []byte
}

// orderedModules returns the modules asked for and those they need, each after what it needs. What a module needs stands in
// the module itself (.modinfo, depends=): modules.dep exists only where a kernel is installed. A name that the kernel
// has built in is left out.
func orderedModules(directory string, names []string) ([]module, error) {
	paths, err := modulePaths(directory)
	if err != nil {
		return nil, err
	}
	builtin, err := builtinModules(directory)
	if err != nil {
		return nil, err
	}
	var ordered []module
	taken := map[string]bool{}
	var take func(name string) error
	take = func(name string) error {
		name = canonical(name)
		if taken[name] || builtin[name] {
			return nil
		}
		taken[name] = true
		path, found := paths[name]
		if !found {
			return fmt.Errorf("kernel module %q is not in %s (%d modules seen)", name, directory, len(paths))
		}
		content, err := readModule(path)
		if err != nil {
			return err
		}
		needed, err := dependencies(path, content)
		if err != nil {
			return err
		}
		for _, other := range needed {
			if err := take(other); err != nil {
				return err
			}
		}
		ordered = append(ordered, module{name: name, content: content})
		return nil
	}
	for _, name := range names {
		if err := take(name); err != nil {
			return nil, err
		}
	}
	return ordered, nil
}

// canonical: the kernel does not tell "-" from "_" in a module's name.
func canonical(name string) string {
	name = filepath.Base(name)
	name, _, _ = strings.Cut(name, ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

func modulePaths(directory string) (map[string]string, error) {
	paths := map[string]string{}
	err := filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && (strings.HasSuffix(path, ".ko") || strings.HasSuffix(path, ".ko.gz")) {
			paths[canonical(path)] = path
		}
		return err
	})
	return paths, err
}

func builtinModules(directory string) (map[string]bool, error) {
	builtin := map[string]bool{}
	content, err := os.ReadFile(filepath.Join(directory, "modules.builtin"))
	if os.IsNotExist(err) {
		return builtin, nil
	}
	for line := range strings.Lines(string(content)) {
		builtin[canonical(strings.TrimSpace(line))] = true
	}
	return builtin, err
}

func readModule(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(path, ".gz") {
		return content, err
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return io.ReadAll(unpacked)
}

func dependencies(path string, content []byte) ([]string, error) {
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	section := file.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("%s has no .modinfo", path)
	}
	information, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for field := range bytes.SplitSeq(information, []byte{0}) {
		if list, found := bytes.CutPrefix(field, []byte("depends=")); found && len(list) > 0 {
			return strings.Split(string(list), ","), nil
		}
	}
	return nil, nil
}
