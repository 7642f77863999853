package execs

import (
	"strings"

	"alcove.dev/agent/failure"
)

// Spec is what the daemon asks to run.
type Spec struct {
	ID               string            `json:"id"`
	Argv             []string          `json:"argv"`
	Environment      map[string]string `json:"environment"`
	WorkingDirectory string            `json:"workingDirectory"`
	User             string            `json:"user"`
	Stdin            bool              `json:"stdin"`
	TimeoutMs        int64             `json:"timeoutMs"`
	Attach           bool              `json:"attach"`
	OutputLimitBytes int64             `json:"outputLimitBytes"`
	Forget           bool              `json:"forget"`
	Terminal         *TerminalSize     `json:"terminal"`
}

const argumentBytes = 1 << 20

const uuidShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"

func isUUID(text string) bool {
	if len(text) != len(uuidShape) {
		return false
	}
	for index := range len(text) {
		digit := text[index]
		isHex := '0' <= digit && digit <= '9' || 'a' <= digit|0x20 && digit|0x20 <= 'f'
		if isDash := uuidShape[index] == '-'; isDash != (digit == '-') || !isDash && !isHex {
			return false
		}
	}
	return true
}

func (s *Spec) validate() error {
	switch {
	case !isUUID(s.ID):
		return failure.New(failure.InvalidRequest, "id must be a UUID, not %q.", s.ID)
	case len(s.Argv) == 0 || s.Argv[0] == "":
		return failure.New(failure.InvalidRequest, "argv must name a program.")
	case s.TimeoutMs < 0:
		return failure.New(failure.InvalidRequest, "timeoutMs must not be negative, but is %d.", s.TimeoutMs)
	case s.OutputLimitBytes < 0:
		return failure.New(failure.InvalidRequest, "outputLimitBytes must not be negative, but is %d.", s.OutputLimitBytes)
	}
	if s.Terminal != nil {
		if err := s.Terminal.validate(); err != nil {
			return err
		}
	}
	total := 0
	for _, argument := range s.Argv {
		total += len(argument)
		if strings.IndexByte(argument, 0) >= 0 {
			return failure.New(failure.InvalidRequest, "argv must not hold a zero byte.")
		}
	}
	for name, value := range s.Environment {
		total += len(name) + len(value)
		if err := ValidateVariable(name, value); err != nil {
			return err
		}
	}
	if total > argumentBytes {
		return failure.New(failure.InvalidRequest, "argv and environment together must not exceed %d bytes, but have %d.", argumentBytes, total)
	}
	return nil
}

// ValidateVariable says whether a variable can stand in an environment.
func ValidateVariable(name, value string) error {
	if name == "" || strings.ContainsAny(name, "=\x00") || strings.IndexByte(value, 0) >= 0 {
		return failure.New(failure.InvalidRequest, "environment must not hold the variable %q: names have no \"=\", and neither part a zero byte.", name)
	}
	return nil
}
