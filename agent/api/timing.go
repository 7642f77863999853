package api

import (
	"net/http"
	"strconv"
	"time"
)

// timing is how long a call took until its answer began: the daemon asks for it by a header of W3C Trace Context, when the call is part of a trace.
type timing struct{ began time.Time }

func isTraced(request *http.Request) bool { return request.Header.Get("Traceparent") != "" }

// tell puts it into the head of the answer, in milliseconds.
func (t *timing) tell(header http.Header) {
	if t == nil {
		return
	}
	milliseconds := float64(time.Since(t.began).Microseconds()) / 1000
	header["Server-Timing"] = []string{"agent;dur=" + strconv.FormatFloat(milliseconds, 'f', 3, 64)}
}
