package api

import (
	"net/http"
	"net/netip"

	"alcove.dev/agent/capture"
	"alcove.dev/agent/failure"
)

const mostAddressRules = 200

// AddressRule is one of those by which connections are refused before the daemon's gateway is asked. The first for an address and port counts.
type AddressRule struct {
	Range netip.Prefix `json:"range"`
	// Port 0: all.
	Port   uint16 `json:"port"`
	Action string `json:"action"`
}

func (s *Server) setAddressRules(writer http.ResponseWriter, request *http.Request) error {
	var asked struct {
		Rules []AddressRule `json:"rules"`
	}
	if err := body(request, &asked); err != nil {
		return err
	}
	if len(asked.Rules) > mostAddressRules {
		return failure.New(failure.InvalidRequest, "there may be %d rules at most, not %d.", mostAddressRules, len(asked.Rules))
	}
	rules := make([]capture.AddressRule, len(asked.Rules))
	for at, rule := range asked.Rules {
		if !rule.Range.IsValid() || rule.Action != "Ask" && rule.Action != "Reject" {
			return failure.New(failure.InvalidRequest, "rule %d must have a range, and the action Ask or Reject, not %q.", at, rule.Action)
		}
		rules[at] = capture.AddressRule{Range: rule.Range.Masked(), Port: rule.Port, Rejects: rule.Action == "Reject"}
	}
	return done(writer, s.Machine.SetAddressRules(rules))
}
